"""Whether the chosen adapter is worth it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.objectives import METRICS
from autolora.recommend import choose
from autolora.records import ConfirmRecord, Finding
from autolora.report import SearchReport
from autolora.report.evidence import evidence
from autolora.request import Limits
from autolora.verdict import Choice, judge, kept_default
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
    POOR,
    SMALL,
    TFIDF,
    TUNED,
    candidate,
    record,
    with_a_failed_seed,
)
from tests.report import made_up

pytestmark = pytest.mark.unit

MAE = METRICS["mae"]
CLOSE = candidate("finalist_1", 10.0, 8_000)
SAME_FOR_ALL = candidate("constant", 40.0, 0, seeds=BEST.seeds[:1])


def chosen_of(confirm: ConfirmRecord, required: Limits = NO_LIMITS):
    return choose(confirm.candidates, confirm.validation_differences, METRIC, required)


def judged(confirm: ConfirmRecord, required: Limits = NO_LIMITS, findings: tuple[Finding, ...] = ()) -> Choice:
    return judge(chosen_of(confirm, required), confirm, METRIC, required, findings)


UNREADABLE = Finding(
    code="unreadable_text", severity="warning", message="The base model cannot read this text.", hint="use another one"
)
ALL = (BEST, SMALL, POOR, DEFAULT, TFIDF, MAJORITY)
FULL = candidate("full_tuning", 0.91, 4_000_000)
PROMPTS = candidate("prompt_tuning", 0.80, 900)
WITH_KPI = replace(record(*ALL), kpis={"accuracy": 0.86, "micro_f1": 0.88})
CASES = {
    "adopt: other scores asked for are reached": (
        WITH_KPI,
        Limits(kpi={"accuracy": 0.85, "micro_f1": 0.88}),
        (),
        "adopt",
    ),
    "not_ready: another score asked for is missed": (
        WITH_KPI,
        Limits(kpi={"accuracy": 0.87, "micro_f1": 0.80}),
        (),
        "not_ready",
    ),
    "adopt: full fine-tuning decides nothing": (record(*ALL, FULL, full_tuning=BEHIND), NO_LIMITS, (), "adopt"),
    "use_simpler: prompt tuning does as well": (
        record(*ALL, PROMPTS, prompt_tuning=EVEN),
        NO_LIMITS,
        (),
        "use_simpler",
    ),
    "adopt: prompt tuning is beaten": (record(*ALL, PROMPTS, prompt_tuning=AHEAD), NO_LIMITS, (), "adopt"),
    "not_ready: compared with no default": (record(BEST, SMALL, TFIDF, MAJORITY), NO_LIMITS, (), "not_ready"),
    "adopt: better than the default": (record(*ALL), NO_LIMITS, (), "adopt"),
    "adopt: as good and smaller": (record(*ALL, default_lora=AS_GOOD), NO_LIMITS, (), "adopt"),
    "keep_default: smaller, and not shown to be as good": (
        record(*ALL, default_lora=EVEN),
        NO_LIMITS,
        (),
        "keep_default",
    ),
    "keep_default: smaller but worse": (record(*ALL, default_lora=BEHIND), NO_LIMITS, (), "keep_default"),
    "adopt: as good, and the default is over a limit": (
        record(BEST, replace(DEFAULT, peak_memory_bytes=20_000), TFIDF, MAJORITY, default_lora=EVEN),
        Limits(max_memory=15_000),
        (),
        "adopt",
    ),
    "adopt: the default broke": (
        ConfirmRecord(
            candidates=(BEST, with_a_failed_seed(DEFAULT), TFIDF, MAJORITY),
            paired_test_differences={"tfidf": AHEAD, "majority": AHEAD},
        ),
        NO_LIMITS,
        (),
        "adopt",
    ),
    "adopt: the score asked for is reached": (record(*ALL), Limits(min_metric=0.85), (), "adopt"),
    "keep_default: as good and no smaller": (
        record(BEST, DEFAULT, TFIDF, MAJORITY, default_lora=AS_GOOD),
        NO_LIMITS,
        (),
        "keep_default",
    ),
    "keep_default: the default at its best rate does as well": (
        record(BEST, DEFAULT, TUNED, TFIDF, MAJORITY, rate_grid=EVEN),
        NO_LIMITS,
        (),
        "keep_default",
    ),
    "adopt: better than the default at its best rate": (
        record(BEST, DEFAULT, TUNED, TFIDF, MAJORITY, rate_grid=AHEAD),
        NO_LIMITS,
        (),
        "adopt",
    ),
    "adopt: as good as the default at any rate, and smaller": (
        record(SMALL, DEFAULT, TUNED, TFIDF, MAJORITY, default_lora=AS_GOOD, rate_grid=AS_GOOD),
        NO_LIMITS,
        (),
        "adopt",
    ),
    "keep_default: better than the default, worse than its best rate": (
        record(SMALL, DEFAULT, TUNED, TFIDF, MAJORITY, rate_grid=BEHIND),
        NO_LIMITS,
        (),
        "keep_default",
    ),
    "use_simpler: words do as well": (record(*ALL, tfidf=EVEN), NO_LIMITS, (), "use_simpler"),
    "use_simpler: no better than guessing": (record(*ALL, majority=BEHIND), NO_LIMITS, (), "use_simpler"),
    "use_simpler before keep_default": (
        record(BEST, DEFAULT, TFIDF, MAJORITY, default_lora=EVEN, tfidf=EVEN),
        NO_LIMITS,
        (),
        "use_simpler",
    ),
    "not_ready: below what was asked for": (record(*ALL, tfidf=EVEN), Limits(min_metric=0.95), (), "not_ready"),
    "not_ready: text that the base cannot read": (record(*ALL), NO_LIMITS, (UNREADABLE,), "not_ready"),
    "not_ready: no finalists": (record(DEFAULT, TFIDF, MAJORITY), NO_LIMITS, (), "not_ready"),
    "not_ready: no finalist finished": (record(with_a_failed_seed(BEST), TFIDF), NO_LIMITS, (), "not_ready"),
    "not_ready: all over a limit": (record(BEST, SMALL), Limits(max_params=999), (), "not_ready"),
    "not_ready: broken or over a limit": (
        record(with_a_failed_seed(BEST), SMALL),
        Limits(max_memory=9_990),
        (),
        "not_ready",
    ),
    "not_ready: no finalists, unreadable": (record(TFIDF, MAJORITY), NO_LIMITS, (UNREADABLE,), "not_ready"),
}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@cases
def test_the_verdict_follows_from_the_records(case) -> None:
    confirm, required, findings, verdict = case

    assert judged(confirm, required, findings).verdict == verdict


def all_records(confirm: ConfirmRecord, required: Limits) -> SearchReport:
    """Return the records as readers have them; the request names every limit."""
    limits = {"max_params": 0, "max_memory": 0, "min_metric": 0.0} | {
        name: value for name, value in vars(required).items() if value is not None
    }
    return replace(made_up.unconfirmed(), confirm=confirm, request={"limits": limits})


@cases
def test_every_reason_cites_fields_that_the_records_hold(case) -> None:
    confirm, required, findings, _ = case
    records = all_records(confirm, required)

    reasons = judged(confirm, required, findings).reasons

    assert reasons
    for reason in reasons:
        assert reason.fields, reason.text
        assert len(set(reason.fields)) == len(reason.fields)
        for path in reason.fields:
            assert evidence(records, path).value, f"{path!r}, cited by {reason.text!r}, leads nowhere"


@cases
def test_a_change_of_a_cited_field_changes_a_reason_or_the_verdict(case) -> None:
    confirm, required, findings, _ = case
    chosen = chosen_of(confirm, required)
    before = judge(chosen, confirm, METRIC, required, findings)
    cited = {path for reason in before.reasons for path in reason.fields}
    # These two are what the flow makes findings and finalists from; the judge is given neither.
    for path in cited - {"data.unknown_token_share", "trials"}:
        outcomes = []
        for changed, limits in changes(confirm, required, path):
            # The same one stays chosen, where one was: the reasons explain that choice.
            same = next((c for c in changed.candidates if chosen and c.name == chosen.name), None)
            after = judge(same or chosen_of(changed, limits), changed, METRIC, limits, findings)
            outcomes.append((after.verdict, after.reasons))
        assert outcomes
        assert any(outcome != (before.verdict, before.reasons) for outcome in outcomes), path


def changes(confirm: ConfirmRecord, required: Limits, path: str) -> Iterator[tuple[ConfirmRecord, Limits]]:
    """Yield record and limits with the field at ``path`` changed, in a few ways."""
    match path.split("."):
        case ["request", "limits", *_]:
            yield confirm, Limits()
            yield confirm, replace(required, min_metric=0.1234)
        case ["confirm", "paired_test_differences", name]:
            for value in {AHEAD, AS_GOOD, EVEN, BEHIND} - {confirm.paired_test_differences[name]}:
                differences = confirm.paired_test_differences | {name: value}
                yield replace(confirm, paired_test_differences=differences), required
        case ["confirm", "validation_differences", one, other]:
            yield replace(confirm, validation_differences={one: {other: BEHIND}}), required
        case ["confirm", "candidates"]:
            yield replace(confirm, candidates=(*confirm.candidates, DEFAULT)), required
        case ["confirm", "kpis", name]:
            yield replace(confirm, kpis=confirm.kpis | {name: 0.1234}), required
        case ["confirm", "margin"]:
            yield replace(confirm, margin=0.5), required
        case ["confirm", "candidates", name, "seeds"]:
            yield changed_candidate(confirm, name, seeds=BEST.seeds[:2]), required
            whole = {"seeds": BEST.seeds, "test": 0.5}
            differences = confirm.paired_test_differences | {name: EVEN}
            yield replace(changed_candidate(confirm, name, **whole), paired_test_differences=differences), required
        case ["confirm", "candidates", name, field]:
            value = next(getattr(c, field) for c in confirm.candidates if c.name == name)
            yield changed_candidate(confirm, name, **{field: value * 3 + 1}), required
            yield changed_candidate(confirm, name, **{field: type(value)(value / 100)}), required


def changed_candidate(confirm: ConfirmRecord, name: str, **values: object) -> ConfirmRecord:
    changed = (replace(c, **values) if c.name == name else c for c in confirm.candidates)  # type: ignore[arg-type]
    return replace(confirm, candidates=tuple(changed))


def test_the_reasons_read_as_sentences() -> None:
    texts = [reason.text for reason in judged(record(*ALL, default_lora=AS_GOOD), Limits(min_metric=0.85)).reasons]

    assert texts == [
        "With 1,000 trained parameters it is the smallest finalist that reaches the 0.850 asked for and that is as good"
        " as the best on validation rows (macro_f1 0.890 against 0.900 of 8,000 parameters; difference -0.001, 95 % "
        "interval -0.009 to +0.007, margin 0.01).",
        "It is as good as the default LoRA settings on the test split, within a margin of 0.01 (macro_f1 0.890 against"
        " 0.850; difference +0.010, 95 % interval -0.005 to +0.030).",
        "It trains 1,000 parameters, 20% of the default's 5,000.",
        "It beats TF-IDF with a linear model on the test split (macro_f1 0.890 against 0.750; difference +0.050, "
        "95 % interval +0.010 to +0.090).",
        "It beats always answering the most frequent class on the test split (macro_f1 0.890 against 0.200; "
        "difference +0.050, 95 % interval +0.010 to +0.090).",
    ]


def test_beside_full_fine_tuning_stands_what_share_of_its_parameters_is_trained() -> None:
    texts = [reason.text for reason in judged(record(*ALL, FULL, full_tuning=AS_GOOD)).reasons]

    assert texts[-2].startswith("It is as good as full fine-tuning on the test split, within a margin of 0.01")
    assert texts[-1] == "It trains 1,000 parameters, 0.025% of its 4,000,000."


def test_why_nothing_can_be_recommended_is_counted() -> None:
    (reason,) = judged(record(with_a_failed_seed(BEST), SMALL, POOR), Limits(max_params=10)).reasons

    assert reason.text == (
        "Of 3 finalists none can be recommended: 1 could not be trained in full on every seed, 2 exceeded a limit."
    )


def test_the_best_is_sought_among_those_inside_the_limits() -> None:
    first = judged(record(*ALL), Limits(max_params=5_000)).reasons[0]

    assert first.text.startswith("It has the best macro_f1 of 2 finalists on validation rows: 0.890, mean of 3")
    assert set(first.fields) == {
        "confirm.candidates.finalist_2.validation",
        "confirm.candidates.finalist_3.validation",
        "confirm.candidates.finalist_2.seeds",
    }


def test_what_the_base_cannot_read_is_said_first() -> None:
    first, *others = judged(record(*ALL), NO_LIMITS, (UNREADABLE,)).reasons

    assert first.text == UNREADABLE.advice
    assert others


def test_other_findings_do_not_change_the_verdict() -> None:
    finding = Finding(code="duplicate_rows", severity="warning", message="Rows repeat.")

    assert judged(record(*ALL), NO_LIMITS, (finding,)) == judged(record(*ALL))


@given(
    st.floats(-0.5, 0.5), st.floats(0, 0.3), st.floats(0, 0.3), st.sampled_from(["default_lora", "tfidf", "majority"])
)
def test_only_a_lead_beyond_chance_is_called_better(lead: float, below: float, above: float, rival: str) -> None:
    confirm = record(BEST, DEFAULT, TFIDF, MAJORITY, **{rival: (lead, lead - below, lead + above)})

    choice = judged(confirm)

    said = next(r.text for r in choice.reasons if f"confirm.paired_test_differences.{rival}" in r.fields)
    assert said.startswith("It beats") == (lead - below > 0) == (choice.verdict == "adopt")
    as_good = -0.01 <= lead - below <= 0
    assert said.startswith("It is as good as") == as_good
    assert said.startswith("It is no better") == (lead <= 0 and not as_good)


def test_a_lower_error_beats_a_rival_and_a_higher_one_does_not() -> None:
    confirm = ConfirmRecord(
        candidates=(CLOSE, DEFAULT, SAME_FOR_ALL),
        paired_test_differences={"default_lora": (-5.0, -8.0, -2.0), "constant": (-30.0, -35.0, -25.0)},
    )

    good = judge(CLOSE, confirm, MAE, NO_LIMITS)
    worse = judge(
        CLOSE, replace(confirm, paired_test_differences={"default_lora": (5.0, 2.0, 8.0)}), MAE, Limits(min_metric=9.0)
    )

    assert good.verdict == "adopt"
    assert any(reason.text.startswith("It beats always giving the same answer") for reason in good.reasons)
    assert worse.verdict == "not_ready"
    assert any(reason.text.startswith("It is no better than the default") for reason in worse.reasons)
    assert worse.reasons[-1].text == "Its mae on the validation split is 10.000, above the 9.000 that was asked for."


def test_a_base_that_cannot_read_the_text_is_said_with_the_way_out() -> None:
    choice = judge(BEST, record(BEST, DEFAULT, TFIDF, MAJORITY), METRIC, NO_LIMITS, (UNREADABLE,))

    assert choice.reasons[0].text == "The base model cannot read this text. What to do: use another one."


@pytest.mark.parametrize(
    ("verdict", "scores", "metric", "kept"),
    [
        ("keep_default", {"default_lora": 0.8, "rate_grid": 0.9, "tfidf": 0.95}, METRIC, "rate_grid"),
        ("keep_default", {"default_lora": 0.9, "rate_grid": 0.9}, METRIC, "default_lora"),
        ("keep_default", {"default_lora": 10.0, "rate_grid": 12.0}, MAE, "default_lora"),
        ("keep_default", {"default_lora": None, "rate_grid": 0.1}, METRIC, "rate_grid"),
        ("adopt", {"default_lora": 0.8, "rate_grid": 0.9}, METRIC, ""),
        ("use_simpler", {"default_lora": 0.8, "rate_grid": 0.9}, METRIC, ""),
    ],
)
def test_of_the_defaults_forms_the_better_on_validation_rows_is_kept(verdict, scores, metric, kept) -> None:
    assert kept_default(verdict, scores, metric) == kept
