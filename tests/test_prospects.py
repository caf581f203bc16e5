"""What would change a verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autolora.objectives import METRICS
from autolora.prospects import would_change
from autolora.records import ConfirmRecord, SensitivityPoint
from autolora.report.evidence import evidence
from autolora.request import Limits
from autolora.verdict import judge
from tests.candidates import (
    AHEAD,
    AS_GOOD,
    BEHIND,
    BEST,
    DEFAULT,
    EVEN,
    MAJORITY,
    METRIC,
    NO_LIMITS,
    SMALL,
    TFIDF,
    TUNED,
    UNSURE,
    candidate,
    record,
)
from tests.report import made_up
from tests.test_verdict import all_records

pytestmark = pytest.mark.unit

OTHERS = (DEFAULT, TFIDF, MAJORITY)


def texts(confirm, chosen=SMALL, required=NO_LIMITS) -> list[str]:
    return [reason.text for reason in would_change(chosen, confirm, METRIC, required)]


def test_the_rows_are_named_on_which_a_small_lead_would_be_beyond_chance() -> None:
    (said,) = texts(record(BEST, *OTHERS, tfidf=EVEN), BEST)

    # A lead of 0.01 with an interval of 0.04 to either side: (0.04 / 0.01) squared times 200 rows.
    assert said == (
        "A lead of 0.010 over TF-IDF with a linear model would be beyond chance on about 3,200 test rows (there are"
        " 200)."
    )


def with_curve(*, difference) -> ConfirmRecord:
    half = SensitivityPoint(share=0.5, rows=320, seeds=1, validation=0.87, standard_error=0.02, difference=difference)
    whole = replace(half, share=1.0, rows=640, validation=0.90, difference=None)
    return replace(record(BEST, *OTHERS), learning_curve=(replace(half, share=0.25, rows=160), half, whole))


def test_where_the_last_doubling_of_rows_helped_the_next_may_help_as_much_at_most() -> None:
    said = texts(with_curve(difference=(0.03, 0.01, 0.05)), BEST)[-1]

    assert said == (
        "From 320 to 640 training rows the score on validation rows went from 0.870 to 0.900 (difference +0.030, 95 %"
        " interval +0.010 to +0.050); labelling 640 more may change it by up to as much, and usually by less."
    )


def test_where_the_last_doubling_showed_nothing_more_rows_are_not_promised() -> None:
    said = texts(with_curve(difference=(0.01, -0.01, 0.03)), BEST)[-1]

    assert said.endswith("whether labelling 640 more would help cannot be told from that.")


def test_without_a_curve_nothing_is_said_of_more_rows() -> None:
    assert not any("labelling" in said for said in texts(record(BEST, *OTHERS), BEST))


def test_where_a_rival_is_ahead_more_rows_are_no_way_out() -> None:
    (said,) = texts(record(BEST, *OTHERS, tfidf=BEHIND), BEST)

    assert said == "More test rows alone would not show a lead over TF-IDF with a linear model."


def test_against_a_larger_default_the_margin_is_named_that_would_do_and_would_indeed_do() -> None:
    confirm = record(BEST, SMALL, *OTHERS, default_lora=EVEN)
    (said,) = texts(confirm)

    assert said.endswith("; with a margin of 0.030 instead of 0.01 (--margin) it counts as good.")
    assert judge(SMALL, confirm, METRIC, NO_LIMITS).verdict == "keep_default"
    assert judge(SMALL, replace(confirm, margin=0.030), METRIC, NO_LIMITS).verdict == "adopt"


def test_one_that_is_as_good_and_smaller_needs_nothing_more() -> None:
    (said,) = texts(record(BEST, SMALL, DEFAULT, TUNED, TFIDF, MAJORITY, default_lora=AS_GOOD, rate_grid=AS_GOOD))

    assert said.startswith("The nearest rival is")


def test_the_nearest_rival_is_named_where_all_are_beaten() -> None:
    (said,) = texts(record(BEST, *OTHERS, tfidf=(0.05, 0.004, 0.1)), BEST)

    assert said == "The nearest rival is TF-IDF with a linear model: of the lead 0.004 is beyond chance."


def test_a_smaller_finalist_that_is_not_shown_to_be_as_good_is_named_with_what_it_takes() -> None:
    confirm = replace(record(BEST, SMALL, *OTHERS), validation_differences=UNSURE)

    said = texts(confirm, BEST)[-1]

    # 0.005 behind with 0.025 to either side: 0.005 is left of the margin, so (0.025 / 0.005) squared times 160 rows.
    assert said == (
        "A margin of 0.030 instead of 0.01 (--margin) would choose the finalist with 1,000 trained parameters ("
        "macro_f1 0.890 on validation rows); at this margin about 4,000 validation rows would (160 now)."
    )


def test_a_score_that_is_missed_is_named_with_what_is_missing() -> None:
    said = texts(record(BEST, *OTHERS), BEST, Limits(min_metric=0.95))[0]

    assert said == (
        "Asking for 0.900 instead of 0.950 (--min-metric), or a macro_f1 better by 0.050, would make it ready."
    )


def test_of_errors_less_is_better_here_too() -> None:
    close = candidate("finalist_1", 10.0, 8_000)
    confirm = replace(record(close, TFIDF, tfidf=(-1.0, -3.0, 1.0)), margin=0.1)

    (said,) = [reason.text for reason in would_change(close, confirm, METRICS["mae"], NO_LIMITS)]

    assert said.startswith(
        "A lead of 1.000 over TF-IDF with a linear model would be beyond chance on about 800 test rows"
    )


@pytest.mark.parametrize("tfidf", [AHEAD, EVEN, BEHIND])
@pytest.mark.parametrize("default", [AHEAD, AS_GOOD, EVEN, BEHIND])
@pytest.mark.parametrize("chosen", [BEST, SMALL], ids=["best", "small"])
def test_whatever_is_said_cites_fields_that_the_records_hold(tfidf, default, chosen) -> None:
    required = Limits(min_metric=0.93)
    confirm = replace(record(BEST, SMALL, *OTHERS, tfidf=tfidf, default_lora=default), validation_differences=UNSURE)

    for reason in would_change(chosen, confirm, METRIC, required):
        assert reason.fields
        for path in reason.fields:
            assert evidence(all_records(confirm, required), path).value, path


@pytest.mark.parametrize(
    ("rates", "says"),
    [
        ((1e-4, 2.2e-3), "near the highest (0.0022) of the search space; a wider one may hold a better rate."),
        ((1.9e-3, 1e-2), "near the lowest (0.0019) of the search space; a wider one may hold a better rate."),
        ((1e-4, 1e-2), None),
        (None, None),
    ],
)
def test_a_rate_at_an_end_of_the_space_is_told(rates, says) -> None:
    chosen = replace(SMALL, config=made_up.config_of(2, 2, "attention_qv", "last_half", 2e-3))
    confirm = record(chosen, *OTHERS)

    told = [one for one in would_change(chosen, confirm, METRIC, NO_LIMITS, rates=rates) if "learning rate" in one.text]

    assert bool(told) == (says is not None)
    if says is not None:
        assert told[0].text == f"Its learning rate, 0.002, is {says}"
        assert told[0].fields == (f"confirm.candidates.{chosen.name}.config.learning_rate",)


def test_nothing_is_said_where_there_is_nothing_to_recommend() -> None:
    assert would_change(None, record(*OTHERS), METRIC, NO_LIMITS) == ()
