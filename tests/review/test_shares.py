"""Shares of all test rows, with intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.intervals import wilson
from autolora.review.shares import Strata, difference, items_to_reach, share

pytestmark = pytest.mark.unit


def strata(apart: int, alike: int, rows_apart: int, rows_alike: int) -> Strata:
    return Strata(of_items=("differ",) * apart + ("agree",) * alike, rows={"differ": rows_apart, "agree": rows_alike})


def test_a_share_is_the_mean_of_strata_weighted_by_their_rows() -> None:
    # Half of the 10 that differ, and all of the 5 that agree: (0.5 * 20 + 1 * 180) / 200.
    it = strata(10, 5, 20, 180)

    assert share([1, 0] * 5 + [1] * 5, it)[0] == pytest.approx(0.95)
    assert it.weights.sum() == pytest.approx(1)


def test_a_stratum_of_which_nothing_was_judged_counts_for_nothing() -> None:
    assert share([1, 0], strata(2, 0, 20, 180))[0] == pytest.approx(0.5)


def test_items_that_weigh_alike_are_as_many_as_they_are_and_others_fewer() -> None:
    assert strata(40, 20, 400, 200).effective == pytest.approx(60)
    assert strata(40, 20, 60, 540).effective == pytest.approx(1 / (0.1**2 / 40 + 0.9**2 / 20))


def test_where_all_are_accepted_the_interval_is_wilsons_and_not_a_point() -> None:
    mean, (low, high) = share([1] * 10, strata(10, 0, 100, 0))

    assert (mean, low, high) == pytest.approx((1, wilson(10, 10)[0], 1))


@pytest.mark.parametrize(("items", "is_shown"), [(2, False), (3, False), (6, True), (30, True)])
def test_a_difference_on_a_handful_of_rows_is_not_beyond_chance_however_steady(items: int, is_shown: bool) -> None:
    apart, _, high = difference([0] * items, [1] * items, strata(items, 0, 100, 0))

    assert apart == pytest.approx(-1)
    assert (high < 0) == is_shown


def test_rows_on_which_both_are_alike_are_no_difference() -> None:
    apart, low, high = difference([1, 0, 1, 0], [1, 0, 1, 0], strata(2, 2, 50, 50))

    assert apart == 0
    assert low < 0 < high


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=4, max_size=30), st.integers(2, 300))
def test_intervals_hold_their_estimate_and_keep_inside_their_bounds(
    values: list[tuple[float, float]], rows: int
) -> None:
    it = strata(2, len(values) - 2, rows, 200)
    ones, others = zip(*values, strict=True)
    mean, (low, high) = share(ones, it)
    apart, less, more = difference(ones, others, it)

    assert 0 <= low <= mean + 1e-9
    assert mean - 1e-9 <= high <= 1
    assert -1 <= less <= apart + 1e-9
    assert apart - 1e-9 <= more <= 1
    assert difference(others, ones, it)[0] == pytest.approx(-apart)


@pytest.mark.parametrize("accepted", [(0.5, 0.95), (0.9, 0.9), (0.2, 0.6)])
def test_intervals_hold_the_truth_in_19_of_20_reviews(accepted: tuple[float, float]) -> None:
    random = np.random.default_rng(5)
    it, held, better = strata(40, 20, 300, 700), 0, 0
    truth = 0.3 * accepted[0] + 0.7 * accepted[1]
    for _ in range(300):
        ones, others = ([*(random.random(40) < accepted[0]), *(random.random(20) < accepted[1])] for _ in range(2))
        _, (low, high) = share(ones, it)
        _, less, more = difference(ones, others, it)
        held += low <= truth <= high
        better += less <= 0 <= more

    assert held >= 0.92 * 300
    assert better >= 0.92 * 300


def test_more_rows_that_would_show_a_share_show_it() -> None:
    more = items_to_reach(0.9, 0.85, 30, 40)

    assert more is not None
    worth = 30 / 40
    assert wilson(0.9 * worth * (40 + more), worth * (40 + more))[0] >= 0.85
    assert wilson(0.9 * worth * (39 + more), worth * (39 + more))[0] < 0.85
    assert items_to_reach(0.8, 0.85, 30, 40) is None
    assert items_to_reach(0.99, 0.5, 30, 40) == 0
