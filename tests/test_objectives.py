from __future__ import annotations

import math

import pytest

from autolora.errors import RequestError
from autolora.objectives import METRICS, metric_named, recorded_metric

pytestmark = pytest.mark.unit


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RequestError, match="r2, chrf, rouge_l, token_f1, exact_match, completion_loss, but got 'f2'"):
        metric_named("f2")


def test_a_metric_in_a_record_of_another_version_counts_as_better_when_larger() -> None:
    assert recorded_metric("mae") == METRICS["mae"]
    assert recorded_metric("new_f1").better(0.9, 0.8)


def test_better_follows_the_direction() -> None:
    assert METRICS["accuracy"].better(0.9, 0.8)
    assert METRICS["mae"].better(0.8, 0.9)
    assert not METRICS["mae"].better(0.8, 0.8)


@pytest.mark.parametrize(
    ("name", "value", "inside"),
    [("accuracy", 1.2, 1.0), ("accuracy", -0.1, 0.0), ("mae", -3.0, 0.0), ("mae", 1e9, 1e9), ("r2", -4.0, -4.0)],
)
def test_what_lies_beyond_a_bound_is_put_on_it(name: str, value: float, inside: float) -> None:
    assert METRICS[name].inside(value) == inside
    assert math.isfinite(METRICS[name].inside(value))
