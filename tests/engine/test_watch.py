from __future__ import annotations

import pytest

from autolora.engine.watch import Watch

pytestmark = pytest.mark.unit


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_takes_longer_than_patience_allows_is_overdue_and_named(clock: Clock) -> None:
    watch = Watch(120, clock)
    with watch.over("a", "b"):
        clock.now = 120
        assert watch.overdue() is None
        clock.now = 121
        assert watch.overdue() == (121, ("a", "b"))
    assert watch.overdue() is None, "nothing is at hand any more"


def test_a_beat_begins_anew(clock: Clock) -> None:
    watch = Watch(120, clock)
    with watch.over("a"):
        clock.now = 100
        watch.beat()
        clock.now = 200
        assert watch.overdue() is None


def test_where_steps_are_slow_a_step_may_take_twenty_times_as_long_as_the_slowest(clock: Clock) -> None:
    watch = Watch(120, clock)
    with watch.over("a"):
        clock.now = 10
    with watch.over("a"):
        clock.now = 210
        assert watch.overdue() is None
        clock.now = 211
        assert watch.overdue() == (201, ("a",))


def test_reading_a_whole_split_may_take_longer_and_excuses_no_slow_step(clock: Clock) -> None:
    watch = Watch(120, clock)
    with watch.over(unhurried=True):
        clock.now = 1200
        assert watch.overdue() is None
        clock.now = 1201
        assert watch.overdue() == (1201, ())
    with watch.over("a"):
        clock.now += 121
        assert watch.overdue() is not None
