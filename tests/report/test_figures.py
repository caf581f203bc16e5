from __future__ import annotations

from dataclasses import replace

import pytest

from autolora.objectives import METRICS
from autolora.records import TrialState
from autolora.report.figures import (
    ConfirmedPoint,
    Curve,
    Level,
    ParetoPoint,
    confirmed_figure,
    front_line,
    pareto_figure,
    rung_figure,
)
from tests.report import made_up

pytestmark = pytest.mark.unit


def test_the_front_line_joins_the_points_that_none_beats() -> None:
    points = [(30.0, 0.80), (10.0, 0.60), (20.0, 0.55), (20.0, 0.75), (40.0, 0.80), (10.0, 0.60)]

    assert front_line(points, METRICS["accuracy"]) == ((10.0, 0.60), (20.0, 0.75), (30.0, 0.80))


def test_where_less_is_better_the_front_line_falls() -> None:
    points = [(10.0, 9.0), (20.0, 7.0), (20.0, 8.0), (30.0, 7.5), (40.0, 3.0)]

    assert front_line(points, METRICS["mae"]) == ((10.0, 9.0), (20.0, 7.0), (40.0, 3.0))


def test_no_points_make_no_line() -> None:
    assert front_line([], METRICS["accuracy"]) == ()


def test_the_chosen_trial_is_marked_and_says_what_it_is() -> None:
    figure = pareto_figure(made_up.report(), "trainable_params")

    assert [point for point in figure.points if point.kind == "chosen"] == [
        ParetoPoint(
            label="Trial 17",
            kind="chosen",
            cost=13_058.0,
            score=0.849,
            note="Trial 17, complete; score 0.849; 13,058 parameters; 280 MB; rank 2, layers 4–5",
        )
    ]


def test_every_trial_is_on_the_chart_under_its_own_kind() -> None:
    figure = pareto_figure(made_up.report(), "peak_memory_bytes")
    kinds = [point.kind for point in figure.points]

    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "baseline": 2, "beaten": 7, "chosen": 1, "failed": 4, "front": 4, "refused": 1, "stopped": 7
    }  # fmt: skip
    assert figure.split == "validation, 340 rows"
    assert figure.metric == "macro-F1"


def test_a_failed_trial_gets_no_made_up_score() -> None:
    figure = pareto_figure(made_up.report(), "trainable_params")

    assert {point.score for point in figure.points if point.kind in ("failed", "refused")} == {None}


def test_stopped_trials_are_never_on_the_front() -> None:
    good = made_up.report()
    best = replace(good.trials[3], metric=0.99)
    figure = pareto_figure(replace(good, trials=(*good.trials[:3], best, *good.trials[4:])), "trainable_params")

    assert max(score for _, score in figure.line) < 0.99


def test_baselines_without_an_adapter_are_levels() -> None:
    figure = pareto_figure(made_up.report(), "trainable_params")

    assert figure.levels == (
        Level(label="Majority class", score=0.335),
        Level(label="TF-IDF + linear model", score=0.802),
    )
    assert [point.label for point in figure.points if point.kind == "baseline"] == [
        "Default LoRA",
        "Default LoRA, best of a rate grid",
    ]


def test_trials_whose_cost_is_unknown_are_counted() -> None:
    good = made_up.report()
    figure = pareto_figure(
        replace(good, trials=(*good.trials, replace(good.trials[22], number=24, trainable_params=None))),
        "trainable_params",
    )

    assert figure.unplaced == 1


def test_a_search_in_which_all_failed_says_why_there_is_no_trade_off() -> None:
    figure = pareto_figure(made_up.all_failed(), "trainable_params")

    assert figure.missing == (
        "There is no trade-off to draw. No trial was trained in full: of 24 trials, 24 out of memory."
    )


def test_a_score_that_is_no_number_is_no_score() -> None:
    good = made_up.report()
    figure = pareto_figure(replace(good, trials=(replace(good.trials[0], metric=float("nan")),)), "trainable_params")

    assert [point.score for point in figure.points if point.label == "Trial 0"] == [None]


def test_a_curve_ends_where_its_trial_was_stopped() -> None:
    figure = rung_figure(made_up.report())

    assert figure.shares == made_up.SHARES
    assert figure.curves[6] == Curve(trial=6, kind="stopped", points=((1 / 9, 0.535),))
    assert len(figure.curves) == 22  # all but the refused one and the one that found no memory


def test_no_rung_reached_is_said() -> None:
    assert rung_figure(made_up.all_failed()).missing == "No trial reached a rung, so there is no development to draw."


def test_confirmed_candidates_stand_best_first_with_their_intervals() -> None:
    figure = confirmed_figure(made_up.report())

    assert [point.label for point in figure.points] == [
        "Trial 17", "Default LoRA, best of a rate grid", "Trial 16", "Trial 2",
        "TF-IDF + linear model", "Default LoRA", "Majority class",
    ]  # fmt: skip
    assert figure.points[0] == ConfirmedPoint(
        label="Trial 17",
        chosen=True,
        validation=0.871,
        validation_ci95=pytest.approx((0.83572, 0.90628)),
        seeds=(0.877, 0.86, 0.876),
        test=0.864,
        test_ci95=(0.806, 0.919),
    )


def test_a_candidate_without_a_finished_seed_is_not_drawn_at_zero() -> None:
    good = made_up.report()
    assert good.confirm is not None
    broken = replace(
        good.confirm.candidates[0],
        validation=None,
        validation_standard_error=None,
        seeds=tuple(
            replace(seed, state=TrialState.DIVERGED, validation=None, test=None)
            for seed in good.confirm.candidates[0].seeds
        ),
    )
    figure = confirmed_figure(replace(good, confirm=replace(good.confirm, candidates=(broken,))))

    assert figure.points == ()
    assert figure.missing == "No candidate was trained in full."


def test_an_unconfirmed_search_says_what_is_missing() -> None:
    assert confirmed_figure(made_up.unconfirmed()).missing.startswith(
        "The search has 12 completed trials, but its finalists have not been trained again"
    )


def test_errors_are_listed_and_bounded_as_errors() -> None:
    it = made_up.report()
    it = replace(it, recommendation=replace(it.recommendation, metric=replace(it.recommendation.metric, name="mae")))

    figure = confirmed_figure(it)

    assert figure.less_is_better
    assert [point.validation for point in figure.points] == sorted(point.validation for point in figure.points)
    assert figure.metric == "mean absolute error (less is better)"
