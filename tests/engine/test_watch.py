from __future__ import annotations

import time

import pytest

from autolora.engine.watch import Watch

pytestmark = pytest.mark.unit


def test_what_takes_longer_than_patience_allows_is_overdue_and_named() -> None:
    watch = Watch(patience_s=0.05)
    with watch.over("a", "b"):
        assert watch.overdue() is None
        time.sleep(0.1)
        overdue = watch.overdue()
    assert overdue is not None
    waited, slots = overdue
    assert waited > 0.05
    assert slots == ("a", "b")
    assert watch.overdue() is None, "nothing is at hand any more"


def test_a_beat_begins_anew() -> None:
    watch = Watch(patience_s=0.5)
    with watch.over("a"):
        time.sleep(0.3)
        watch.beat()
        time.sleep(0.3)
        assert watch.overdue() is None


def test_what_was_slow_before_may_be_slow_again() -> None:
    watch = Watch(patience_s=0.01)
    with watch.over("a"):
        time.sleep(0.1)
    with watch.over("a"):
        time.sleep(0.1)
        assert watch.overdue() is None


def test_reading_a_whole_split_may_take_longer() -> None:
    watch = Watch(patience_s=0.1)
    with watch.over(unhurried=True):
        time.sleep(0.2)
        assert watch.overdue() is None
