from __future__ import annotations

import math
from dataclasses import replace

import pytest

from autolora.plan import (
    CLOSING_SECONDS,
    DEPTHS,
    ENOUGH_ROWS,
    LEAST_ROWS,
    LEAST_TEST,
    LEAST_TRAININGS,
    Confirming,
    Sizes,
    Work,
    confirming,
    confirming_in_words,
    everything,
    in_words,
    make,
)

pytestmark = pytest.mark.unit

SMALL = Sizes(train=2_000, validation=500, test=600)
LARGE = Sizes(train=320_000, validation=80_000, test=100_000)
WORK = Work(
    per_row=1 / 200, per_default_row=1 / 200, per_score=1 / 600, per_word_row=0.002, epochs=3.0, trials=24, rungs=3
)
GPU = replace(WORK, per_row=1 / 20_000, per_default_row=1 / 20_000, per_score=1 / 60_000)


def parts(plan) -> float:
    return plan.begun + plan.explore_seconds + plan.confirm_seconds + plan.closing_seconds


@pytest.mark.parametrize("sizes", [SMALL, LARGE])
def test_without_a_budget_everything_is_done_on_all_rows(sizes) -> None:
    plan = everything(sizes)

    assert (plan.explore_train, plan.explore_validation, plan.test, plan.checked) == (
        sizes.train, sizes.validation, sizes.test, sizes.test,
    )  # fmt: skip
    assert plan.confirm == Confirming(depth=DEPTHS[0], train=sizes.train, validation=sizes.validation, beside=True)
    assert plan.every_seed
    assert "all 2,000 training" in in_words(everything(SMALL), math.inf)


def test_what_fits_is_not_cut() -> None:
    plan = make(3600, SMALL, WORK, begun=20)

    whole = everything(SMALL)
    assert (plan.explore_train, plan.explore_validation) == (whole.explore_train, whole.explore_validation)
    assert plan.confirm == whole.confirm
    assert (plan.test, plan.every_seed, plan.enough) == (600, True, True)
    assert parts(plan) == pytest.approx(3600)
    assert "exploring on all 2,000 training rows" in in_words(plan, 3600)
    assert "on the same rows" in in_words(plan, 3600)


def test_confirming_is_made_leaner_before_rows_are_cut() -> None:
    depths = [make(minutes * 60, SMALL, WORK, begun=20).confirm for minutes in (60, 12, 10, 8)]

    assert [it.depth for it in depths] == list(DEPTHS)
    assert {it.train for it in depths} == {2_000}


def test_the_learning_curve_goes_before_anything_that_decides() -> None:
    plan = make(3600, SMALL, WORK, begun=20)
    least = WORK.confirming(replace(plan.confirm, beside=False))

    assert plan.confirm.beside
    assert WORK.confirming(plan.confirm) - least == pytest.approx(0.75 * WORK.training(2_000, 500))
    assert confirming(least, plan, WORK) == replace(plan.confirm, beside=False)
    assert "up to 3 finalists, the baselines and the learning curve on the same rows" in in_words(plan, 3600)


def test_where_all_baselines_are_asked_for_finalists_go_before_they_do() -> None:
    every = replace(WORK, baselines="all")
    full, lean = (make(minutes * 60, SMALL, every, begun=20).confirm for minutes in (60, 20))

    assert full == Confirming(depth=DEPTHS[0], train=2_000, validation=500, beside=True)
    assert lean.beside
    assert lean.depth != DEPTHS[0]
    # Two methods at three rates on one seed, each as long as three adapters; a curve, and two shares of wrong labels.
    assert every.confirming(lean) - every.confirming(replace(lean, beside=False)) == pytest.approx(
        (2 * (3 + lean.depth.baseline_seeds - 1) * 3 + lean.depth.baseline_seeds * 2.75) * WORK.training(2_000, 500)
    )


def test_the_default_is_reckoned_with_its_own_pace_which_quick_trials_do_not_shorten() -> None:
    dear = replace(WORK, per_default_row=3 * WORK.per_row)
    it = Confirming(depth=DEPTHS[-1], train=2_000, validation=500)
    more = (DEPTHS[-1].compared * 3.0 * 2_000) * 2 * WORK.per_row

    assert dear.confirming(it) - WORK.confirming(it) == pytest.approx(more)
    assert dear.at_pace(0.5).per_default_row == dear.per_default_row
    assert dear.at_pace(2.0).per_default_row == 2 * dear.per_default_row
    assert dear.at_pace(0.5).per_row == dear.per_row / 2


def test_without_baselines_only_finalists_take_time() -> None:
    none = replace(WORK, baselines="none", head_trainings=1.0, per_word_row=0.0)
    it = Confirming(depth=DEPTHS[0], train=2_000, validation=500, beside=True)

    assert none.confirming(it) == pytest.approx(9 * none.training(2_000, 500))


@pytest.mark.parametrize("minutes", [5, 15, 60, 240])
def test_what_does_not_fit_is_cut_and_the_parts_fill_the_budget(minutes) -> None:
    plan = make(minutes * 60, LARGE, WORK, begun=30)

    assert LEAST_ROWS <= plan.explore_train < plan.confirm.train < LARGE.train
    assert plan.explore_validation <= plan.confirm.validation < LARGE.validation
    assert plan.enough
    assert parts(plan) == pytest.approx(minutes * 60)
    assert plan.confirm_seconds == pytest.approx(WORK.confirming(plan.confirm))
    assert plan.trainings >= LEAST_TRAININGS
    scoring = 0.2 * plan.explore_seconds
    assert plan.trainings * 3 * plan.explore_validation * WORK.per_score <= scoring


def test_noise_is_put_to_test_rows_only_where_a_twentieth_of_the_time_is_enough_for_it() -> None:
    ample, tight = make(3600, SMALL, WORK, begun=20), make(120, SMALL, WORK, begun=20)
    answering = make(36_000, SMALL, replace(WORK, per_answer=0.1), begun=20)

    assert (everything(SMALL).noise, ample.noise, tight.noise, answering.noise) == (True, True, False, False)
    slower = make(3600, SMALL, replace(WORK, per_score=40 * WORK.per_score), begun=20)
    assert not slower.noise
    passed = 5 * 2 * SMALL.test * WORK.per_score
    plain = replace(ample, noise=False, closing_seconds=ample.closing_seconds - passed)
    assert plain.closing_seconds == pytest.approx(
        CLOSING_SECONDS + (15 + 1 / 0.3) * SMALL.test * WORK.per_score, rel=1e-6
    )


def test_more_time_means_more_rows_and_then_more_finalists() -> None:
    plans = [make(minutes * 60, LARGE, WORK, begun=30) for minutes in (5, 15, 60, 240, 2000)]

    rows = [plan.confirm.train for plan in plans]
    assert rows == sorted(rows)
    assert rows[0] < ENOUGH_ROWS
    assert [plan.confirm.depth for plan in plans[::3]] == [DEPTHS[-1], DEPTHS[0]]
    explored = [plan.explore_train for plan in plans]
    assert explored == sorted(explored)


def test_a_fast_engine_needs_no_subset() -> None:
    assert make(3600, LARGE, replace(GPU, per_word_row=0.0001), begun=30).confirm.train == LARGE.train
    assert make(7200, LARGE, replace(GPU, per_word_row=0.0001), begun=30).explore_train == LARGE.train


def test_a_budget_that_is_too_short_gets_the_leanest_plan_and_is_told_so() -> None:
    plan = make(60, LARGE, WORK, begun=30)

    assert not plan.enough
    assert (plan.confirm.depth, plan.confirm.train, plan.explore_train) == (DEPTHS[-1], LEAST_ROWS, LEAST_ROWS)
    assert plan.seconds > 60
    assert plan.trainings == pytest.approx(LEAST_TRAININGS)
    assert in_words(plan, 60).endswith("the budget is too short for the least that can be compared.")


def test_a_small_table_is_never_cut_however_short_the_time() -> None:
    sizes = Sizes(train=LEAST_ROWS - 1, validation=150, test=150)
    plan = make(30, sizes, WORK, begun=10)

    assert (plan.explore_train, plan.explore_validation) == (sizes.train, sizes.validation)
    assert plan.confirm == Confirming(depth=DEPTHS[-1], train=sizes.train, validation=150)
    assert not plan.enough


# --------------------------------------------------------------------------------------------------------- test rows


def test_all_test_rows_are_scored_whenever_they_fit() -> None:
    few, many, too_many = (
        make(540, Sizes(train=640, validation=160, test=rows), WORK, begun=15) for rows in (1_000, 8_000, 100_000)
    )

    assert (few.test, few.every_seed) == (1_000, True)
    assert (many.test, many.every_seed) == (8_000, False)
    assert LEAST_TEST <= too_many.test < 10_000
    assert not too_many.every_seed
    assert f"scoring {too_many.test:,} of 100,000 test rows" in in_words(too_many, 540)


def test_scoring_test_rows_is_part_of_the_time() -> None:
    without, with_them = (
        make(540, Sizes(train=640, validation=160, test=rows), WORK, begun=15) for rows in (10, 8_000)
    )

    assert parts(with_them) == pytest.approx(540)
    assert with_them.closing_seconds >= 5 * 8_000 * WORK.per_score + CLOSING_SECONDS
    assert with_them.explore_seconds < without.explore_seconds


def test_plain_peft_labels_a_part_of_many_test_rows() -> None:
    assert make(540, SMALL, WORK, begun=15).checked == 600
    large = make(540, LARGE, WORK, begun=15)
    assert 200 <= large.checked <= large.test


# -------------------------------------------------------------------------------------------------- when it comes to it


def test_on_time_what_was_planned_is_confirmed() -> None:
    plan = make(900, LARGE, WORK, begun=30)

    assert confirming(plan.confirm_seconds * (1 + 1e-9), plan, WORK) == plan.confirm


def test_late_or_on_a_slower_engine_fewer_rows_are_confirmed_but_all_that_were_explored() -> None:
    plan = make(900, LARGE, WORK, begun=30)

    slower = confirming(plan.confirm_seconds, plan, WORK.at_pace(2))
    assert plan.explore_train < slower.train < plan.confirm.train
    assert WORK.at_pace(2).confirming(slower) <= plan.confirm_seconds
    too_late = confirming(0.0, plan, WORK)
    assert (too_late.depth, too_late.train) == (DEPTHS[-1], plan.explore_train)


def test_time_that_is_left_over_goes_to_more_rows() -> None:
    plan = make(900, LARGE, WORK, begun=30)

    assert confirming(2 * plan.confirm_seconds, plan, WORK).train > plan.confirm.train


def test_where_all_rows_were_explored_all_are_confirmed() -> None:
    plan = make(3600, SMALL, WORK, begun=30)

    found = [confirming(seconds, plan, WORK) for seconds in (2000, 500, 300, 1)]
    assert {it.train for it in found} == {2_000}
    assert {it.validation for it in found} == {500}
    assert found[0].depth == DEPTHS[0]
    assert found[-1].depth == DEPTHS[-1]


def test_what_changed_is_said() -> None:
    plan = make(900, LARGE, WORK, begun=30)
    fewer = replace(plan.confirm, train=1_500)

    assert confirming_in_words(fewer, plan) == (
        "Time is short: 1 finalist on 3 seeds, baselines on 1; 1,500 of 320,000 training rows"
        f" ({plan.confirm.train:,} were planned)."
    )


@pytest.mark.parametrize("sizes", [SMALL, LARGE])
def test_with_endless_time_a_plan_by_measured_speeds_is_that_of_everything_but_with_times(sizes) -> None:
    plan = make(math.inf, sizes, WORK, begun=5)

    unlimited = everything(sizes)
    for name in ("explore_train", "explore_validation", "confirm", "test", "every_seed", "checked", "noise"):
        assert getattr(plan, name) == getattr(unlimited, name), name
    assert math.isfinite(plan.confirm_seconds)
    assert math.isfinite(plan.closing_seconds)
    assert plan.enough
