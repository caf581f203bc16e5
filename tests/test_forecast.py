from __future__ import annotations

import math

import pytest

from autolora.forecast import SPREAD, TRIAL_SHARE, expected, parts_of, total_of
from tests.test_plan import LARGE, SMALL, WORK

pytestmark = pytest.mark.unit


def test_without_a_budget_exploring_takes_what_all_trials_are_expected_to_train() -> None:
    made = expected(math.inf, SMALL, WORK, begun=10)

    assert made.trainings == pytest.approx(TRIAL_SHARE * WORK.trials)
    assert made.explore_seconds == pytest.approx(made.trainings * WORK.exploring(SMALL.train, SMALL.validation))
    assert made.confirm_seconds == WORK.confirming(made.confirm)


def test_a_budget_ends_exploring_before_all_trials_have_their_turn() -> None:
    free, short = (expected(budget, SMALL, WORK, begun=10) for budget in (math.inf, 600.0))

    assert short.trainings < free.trainings
    assert total_of(short, 600)[1] <= 600


@pytest.mark.parametrize("budget", [math.inf, 300.0, 900.0, 7200.0])
@pytest.mark.parametrize("sizes", [SMALL, LARGE])
def test_the_whole_is_a_range_no_wider_than_the_spread_and_never_beyond_the_budget(sizes, budget) -> None:
    made = expected(budget, sizes, WORK, begun=10)
    low, likely, high = total_of(made, budget)

    assert [part.name for part in parts_of(made)] == ["start", "explore", "confirm", "close"]
    assert 0 < low <= likely <= high <= budget
    assert low >= (1 - SPREAD) * likely
    assert high <= (1 + SPREAD) * likely
    assert likely == pytest.approx(min(budget, sum(part.seconds for part in parts_of(made))))


def test_a_part_says_on_how_many_rows_it_trains_and_scores() -> None:
    start, explore, confirm, close = parts_of(expected(900, LARGE, WORK, begun=10))

    assert (start.train, start.scored, close.train) == (0, 0, 0)
    assert 0 < explore.train < confirm.train < LARGE.train
    assert 0 < close.scored <= LARGE.test
