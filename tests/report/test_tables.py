from __future__ import annotations

from dataclasses import replace

import pytest

from autolora.records import SeedResult, TrialState
from autolora.report.key_numbers import KeyNumber, key_numbers
from autolora.report.tables import (
    SPLITS,
    ClassRow,
    ComparisonRow,
    FailureRow,
    class_rows,
    comparison,
    confirmed,
    failures,
    flat,
    number_rows,
    token_lengths,
)
from tests.report import made_up

pytestmark = pytest.mark.unit


def test_the_recommended_row_comes_first_and_baselines_follow_from_the_plainest_up() -> None:
    rows = comparison(made_up.report())

    assert [(row.name, row.tag) for row in rows] == [
        ("Trial 17", "recommended"),
        ("Majority class", ""),
        ("TF-IDF + linear model", ""),
        ("Default LoRA", ""),
        ("Default LoRA, best of a rate grid", ""),
    ]


def test_a_row_holds_scores_intervals_and_costs() -> None:
    assert comparison(made_up.report())[2] == ComparisonRow(
        name="TF-IDF + linear model",
        description="word counts and logistic regression",
        chosen=False,
        tag="",
        validation=0.802,
        validation_ci95=pytest.approx((0.76672, 0.83728)),
        test=0.795,
        test_ci95=(0.737, 0.85),
        difference=(0.069, 0.018, 0.121),
        trainable_params=0,
        adapter_bytes=0,
        predicted_bytes=0,
        measured_bytes=None,
        seconds=0.4,
        seconds_a_thousand=0.21,
    )


def test_when_the_default_is_kept_its_better_form_is_what_is_recommended() -> None:
    good = made_up.report()
    assert good.recommendation is not None
    kept = replace(good, recommendation=replace(good.recommendation, verdict="keep_default"))

    assert [(row.name, row.tag) for row in comparison(kept) if row.tag] == [
        ("Trial 17", "best adapter found"),
        ("Default LoRA, best of a rate grid", "recommended"),
    ]


def test_without_a_recommendation_all_candidates_are_compared() -> None:
    rows = comparison(replace(made_up.report(), recommendation=None))

    assert [row.name for row in rows] == [
        "Trial 17", "Trial 16", "Trial 2", "Majority class", "TF-IDF + linear model", "Default LoRA",
        "Default LoRA, best of a rate grid",
    ]  # fmt: skip


def test_without_a_confirmation_there_is_nothing_to_compare() -> None:
    assert comparison(made_up.unconfirmed()) == ()
    assert confirmed(made_up.unconfirmed()) == ()


def test_a_baseline_that_never_finished_has_no_score() -> None:
    good = made_up.report()
    assert good.confirm is not None
    failed = SeedResult(seed=100, validation=None, seconds=3.0, state=TrialState.DIVERGED, cause="no finite loss")
    candidates = tuple(
        replace(one, validation=None, validation_standard_error=None, seeds=(failed,))
        if one.name == "default_lora"
        else one
        for one in good.confirm.candidates
    )
    unjudged = replace(good, confirm=replace(good.confirm, candidates=candidates), recommendation=None)
    row = next(row for row in comparison(unjudged) if row.name == "Default LoRA")

    assert (row.name, row.validation, row.validation_ci95) == ("Default LoRA", None, None)


def test_rows_are_counted_per_class_and_split() -> None:
    assert class_rows(made_up.report()) == (
        ClassRow(name="negative", rows=(318, 171, 86)),
        ClassRow(name="positive", rows=(312, 169, 84)),
    )


def test_trials_that_failed_alike_share_a_row() -> None:
    assert failures(made_up.report())[1] == FailureRow(
        state=TrialState.OUT_OF_MEMORY,
        cause="needs 903 MB with a batch of 16 rows; the device has 850 MB free",
        trials=(9,),
        seconds=2.4,
    )
    assert [row.trials for row in failures(made_up.all_failed())] == [tuple(range(24))]


def test_quantiles_of_lengths_are_named() -> None:
    assert token_lengths(made_up.report())[3] == ("median", 19)
    assert token_lengths(replace(made_up.report(), data=replace(made_up.data(), token_lengths=()))) == ()


def test_nested_values_become_dotted_paths() -> None:
    assert list(flat({"a": {"b": 1}, "c": [], "d": ["x", "y"], "e": None, "f": [{"g": 2}]})) == [
        ("a.b", "1"),
        ("c", "none"),
        ("d", "x, y"),
        ("e", "none"),
        ("f[0].g", "2"),
    ]


def test_key_numbers_name_split_rows_interval_and_origin() -> None:
    numbers = key_numbers(made_up.report())

    assert numbers[0] == KeyNumber(
        label="macro-F1, test", value="0.864", detail="test, 170 rows; 95 % interval 0.806 to 0.919", origin="measured"
    )
    assert numbers[4] == KeyNumber(
        label="Peak training memory",
        value="297 MB",
        detail="measured alone; predicted before training: 280 MB",
        origin="measured",
    )
    assert [number.label for number in numbers] == [
        "macro-F1, test", "macro-F1, validation", "Trainable parameters", "Adapter size", "Peak training memory",
        "Search time",
    ]  # fmt: skip


def test_memory_that_was_not_measured_is_called_estimated() -> None:
    good = made_up.report()
    assert good.recommendation is not None
    memory = replace(good.recommendation.peak_memory_bytes, measured=None)
    numbers = key_numbers(replace(good, recommendation=replace(good.recommendation, peak_memory_bytes=memory)))

    assert (numbers[4].value, numbers[4].origin) == ("280 MB", "estimated")


def test_before_the_verdict_the_best_score_is_called_better_than_it_will_prove() -> None:
    best, spent = key_numbers(made_up.unconfirmed())

    assert best.detail == "validation, 340 rows; trial 17, the best of 12, and so better than it will prove"
    assert spent.label == "Device time so far"


def test_a_search_without_trials_has_a_device_time_of_nothing() -> None:
    assert [number.value for number in key_numbers(replace(made_up.unconfirmed(), trials=()))] == ["0 s"]


def test_numbers_are_described_by_their_quantiles() -> None:
    quantiles = (0.0, 1.0, 2.5, 3.0, 4.0, 8.0, 9.5)
    it = made_up.report()
    data = replace(
        it.data, problem="regression", classes=(), class_counts={}, number_quantiles=dict.fromkeys(SPLITS, quantiles)
    )

    rows = number_rows(replace(it, data=data))

    assert (rows[0], rows[3]) == (("least", (0.0,) * 3), ("median", (3.0,) * 3))
    assert number_rows(it) == ()
