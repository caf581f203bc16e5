from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.objectives import METRICS, Objective
from autolora.recommend import Choice, choose, finalists, front, judge
from autolora.records import (
    AdapterConfig,
    Candidate,
    ConfirmRecord,
    Finding,
    RungRecord,
    Score,
    SeedResult,
    TrialRecord,
    TrialState,
)
from autolora.report import SearchReport
from autolora.report.evidence import evidence
from autolora.request import Limits
from tests.report import made_up

pytestmark = pytest.mark.unit

METRIC = Objective(name="macro_f1", direction="maximize", unit="share")
NO_LIMITS = Limits()
CONFIG = AdapterConfig(rank=1, alpha=2.0, target_modules=("query",), layers=(0,), learning_rate=1e-3)


def trial(
    number: int, metric: float, params: int, memory: int = 100, *, state: TrialState = TrialState.COMPLETE
) -> TrialRecord:
    rung = RungRecord(
        rung=2,
        share=1.0,
        steps=9,
        score=Score(value=metric, standard_error=0.01),
        train_loss=0.1,
        seconds=1.0,
    )
    return TrialRecord(
        number=number,
        state=state,
        params={},
        config=CONFIG,
        metric=metric,
        trainable_params=params,
        peak_memory_bytes=memory,
        rungs=(rung,),
    )


def candidate(name: str, validation: float, params: int, **other: object) -> Candidate:
    made = Candidate(
        name=name,
        kind="finalist" if name.startswith("finalist") else "baseline",
        description=name,
        seeds=tuple(
            SeedResult(seed=seed, validation=Score(value=validation, standard_error=0.02), seconds=1.0)
            for seed in (1, 2, 3)
        ),
        validation=validation,
        validation_standard_error=0.02,
        test=validation,
        test_ci95=(validation - 0.03, validation + 0.03),
        trainable_params=params,
        adapter_bytes=4 * params,
        peak_memory_bytes=10_000,
        seconds=3.0,
    )
    return replace(made, **other)  # type: ignore[arg-type]


def with_a_failed_seed(it: Candidate, at: int = 0) -> Candidate:
    failed = replace(it.seeds[at], state=TrialState.DIVERGED, validation=None, cause="not a finite number")
    return replace(it, seeds=(*it.seeds[:at], failed, *it.seeds[at + 1 :]), test=None if at == 0 else it.test)


BEST = candidate("finalist_1", 0.90, 8_000)
SMALL = candidate("finalist_2", 0.89, 1_000)
POOR = candidate("finalist_3", 0.80, 500)
DEFAULT = candidate("default_lora", 0.85, 5_000)
TUNED = candidate("rate_grid", 0.89, 5_000, config=replace(CONFIG, learning_rate=2e-3))
TFIDF = candidate("tfidf", 0.75, 20_000, seeds=BEST.seeds[:1])
MAJORITY = candidate("majority", 0.20, 0, seeds=BEST.seeds[:1])
AHEAD, EVEN, BEHIND = (0.05, 0.01, 0.09), (0.01, -0.03, 0.05), (-0.02, -0.06, 0.02)


def record(*candidates: Candidate, **differences: tuple[float, float, float]) -> ConfirmRecord:
    return ConfirmRecord(
        candidates=candidates,
        paired_test_differences={"default_lora": AHEAD, "tfidf": AHEAD, "majority": AHEAD} | differences,
    )


# ------------------------------------------------------------------------------------------------- front, finalists


def test_the_front_holds_completed_trials_that_none_dominates_smallest_first() -> None:
    good = trial(0, 0.9, 800), trial(1, 0.8, 100), trial(2, 0.85, 400)
    dominated = trial(3, 0.8, 100, 200), trial(4, 0.7, 500)
    unfinished = (
        trial(5, 0.99, 10, state=TrialState.STOPPED),
        trial(6, 0.99, 10, state=TrialState.DIVERGED),
        replace(trial(7, 0.99, 10), metric=None),
    )

    assert [t.number for t in front((*good, *dominated, *unfinished), METRIC)] == [1, 2, 0]


def test_less_memory_alone_keeps_a_trial_on_the_front() -> None:
    assert [t.number for t in front((trial(0, 0.9, 100), trial(1, 0.8, 100, 50)), METRIC)] == [0, 1]


def test_nothing_completed_means_no_front_and_no_finalists() -> None:
    stopped = (trial(0, 0.9, 100, state=TrialState.STOPPED),)

    assert front((), METRIC) == front(stopped, METRIC) == ()
    assert finalists((), METRIC) == finalists(stopped, METRIC) == ()


def test_finalists_are_the_best_the_smallest_near_it_and_the_best_of_the_others_near_it() -> None:
    trials = trial(0, 0.90, 900), trial(1, 0.895, 500), trial(2, 0.89, 300), trial(3, 0.885, 100), trial(4, 0.87, 50)

    assert [t.number for t in finalists(trials, METRIC)] == [0, 3, 1]
    assert [t.number for t in finalists(trials, METRIC, 1)] == [0]
    assert [t.number for t in finalists(trials, METRIC, 9)] == [0, 3, 1, 2], "0.87 is not within two standard errors"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9), st.integers(1, 4)), max_size=12), st.integers(1, 5))
def test_finalists_are_on_the_front_differ_and_begin_with_the_best_score(
    given_trials: list[tuple[int, int, int]], count: int
) -> None:
    trials = tuple(trial(at, score / 20, params, memory) for at, (score, params, memory) in enumerate(given_trials))

    chosen = finalists(trials, METRIC, count)

    on_front = front(trials, METRIC)
    assert len(chosen) == len({t.number for t in chosen}) <= count
    assert all(t in on_front for t in chosen)
    assert bool(chosen) == bool(trials)
    if trials:
        assert chosen[0].metric == max(t.metric or 0 for t in trials)


# ----------------------------------------------------------------------------------------------------------- choose


@pytest.mark.parametrize(
    ("candidates", "required", "name"),
    [
        ((BEST, SMALL, POOR), NO_LIMITS, "finalist_2"),
        ((replace(BEST, validation_standard_error=0.005), SMALL), NO_LIMITS, "finalist_1"),
        ((BEST, replace(SMALL, validation_standard_error=0.9), POOR), NO_LIMITS, "finalist_2"),
        ((BEST, replace(SMALL, validation=0.88)), NO_LIMITS, "finalist_2"),
        ((BEST, with_a_failed_seed(SMALL)), NO_LIMITS, "finalist_1"),
        ((BEST, with_a_failed_seed(SMALL, 2)), NO_LIMITS, "finalist_1"),
        ((BEST, SMALL, POOR), Limits(max_params=999), "finalist_3"),
        ((BEST, replace(SMALL, peak_memory_bytes=20_000)), Limits(max_memory=10_000), "finalist_1"),
        ((BEST, SMALL, POOR), Limits(min_metric=0.895), "finalist_1"),
        ((BEST, SMALL, POOR), Limits(min_metric=0.85), "finalist_2"),
        ((BEST, SMALL, POOR), Limits(min_metric=0.99), "finalist_2"),
        ((BEST, replace(BEST, name="finalist_9", peak_memory_bytes=9_000)), NO_LIMITS, "finalist_9"),
    ],
    ids=[
        "the smallest within one standard error",
        "none within it but the best",
        "its own noise does not count",
        "the bound itself counts as within",
        "a failed first seed",
        "a failed last seed",
        "too many parameters",
        "too much memory",
        "the small one is not good enough",
        "the small one is good enough",
        "nobody is good enough",
        "equal sizes: less memory",
    ],
)
def test_the_smallest_finalist_within_one_standard_error_of_the_best_is_chosen(
    candidates: tuple[Candidate, ...], required: Limits, name: str
) -> None:
    chosen = choose(candidates, METRIC, required)

    assert chosen is not None
    assert chosen.name == name


@pytest.mark.parametrize(
    ("candidates", "required"),
    [
        ((), NO_LIMITS),
        ((DEFAULT, TFIDF, MAJORITY), NO_LIMITS),
        ((with_a_failed_seed(BEST),), NO_LIMITS),
        ((replace(BEST, seeds=()),), NO_LIMITS),
        ((BEST, SMALL), Limits(max_params=999)),
        ((BEST, SMALL), Limits(max_memory=9_990)),
    ],
)
def test_baselines_unfinished_ones_and_those_over_a_limit_are_never_chosen(
    candidates: tuple[Candidate, ...], required: Limits
) -> None:
    assert choose(candidates, METRIC, required) is None


several = st.lists(
    st.builds(
        lambda score, params, noise: (score / 100, params, noise / 100),
        st.integers(0, 100),
        st.integers(1, 30),
        st.integers(0, 10),
    ),
    min_size=1,
    max_size=6,
)


@given(several, st.integers(1, 30), st.floats(0, 1), st.randoms(use_true_random=False))
def test_a_choice_keeps_the_rule_and_never_looks_at_test_scores(
    given_candidates: list[tuple[float, int, float]], max_params: int, min_metric: float, random
) -> None:
    candidates = tuple(
        candidate(f"finalist_{at}", score, params, validation_standard_error=noise)
        for at, (score, params, noise) in enumerate(given_candidates)
    )
    required = Limits(max_params=max_params, min_metric=min_metric)

    chosen = choose(candidates, METRIC, required)
    other_tests = tuple(replace(c, test=random.random(), test_ci95=(0.0, random.random())) for c in candidates)
    again = choose(other_tests, METRIC, required)

    inside = [c for c in candidates if c.trainable_params <= max_params]
    inside = [c for c in inside if c.validation >= min_metric] or inside
    assert (chosen is None) == (again is None) == (not inside)
    if chosen is None or again is None:
        return
    assert chosen.name == again.name
    best = max(inside, key=lambda c: c.validation)
    assert chosen.validation >= best.validation - best.validation_standard_error - 1e-12
    smaller = [c for c in inside if c.trainable_params < chosen.trainable_params]
    assert all(c.validation < best.validation - best.validation_standard_error + 1e-12 for c in smaller)


# ------------------------------------------------------------------------------------------------------------ judge


def judged(confirm: ConfirmRecord, required: Limits = NO_LIMITS, findings: tuple[Finding, ...] = ()) -> Choice:
    return judge(choose(confirm.candidates, METRIC, required), confirm, METRIC, required, findings)


UNREADABLE = Finding(
    code="unreadable_text", severity="warning", message="The base model cannot read this text.", hint="use another one"
)
ALL = (BEST, SMALL, POOR, DEFAULT, TFIDF, MAJORITY)
CASES = {
    "adopt: better than the default": (record(*ALL), NO_LIMITS, (), "adopt"),
    "adopt: as good and smaller": (record(*ALL, default_lora=EVEN), NO_LIMITS, (), "adopt"),
    "adopt: worse but smaller": (record(*ALL, default_lora=BEHIND), NO_LIMITS, (), "adopt"),
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
        record(BEST, DEFAULT, TFIDF, MAJORITY, default_lora=EVEN),
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
    "adopt: smaller than the default, at any rate": (
        record(SMALL, DEFAULT, TUNED, TFIDF, MAJORITY, default_lora=EVEN, rate_grid=BEHIND),
        NO_LIMITS,
        (),
        "adopt",
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
    chosen = choose(confirm.candidates, METRIC, required)
    before = judge(chosen, confirm, METRIC, required, findings)
    cited = {path for reason in before.reasons for path in reason.fields}
    # These two are what the flow makes findings and finalists from; the judge is given neither.
    for path in cited - {"data.unknown_token_share", "trials"}:
        outcomes = []
        for changed, limits in changes(confirm, required, path):
            # The same one stays chosen, where one was: the reasons explain that choice.
            same = next((c for c in changed.candidates if chosen and c.name == chosen.name), None)
            after = judge(same or choose(changed.candidates, METRIC, limits), changed, METRIC, limits, findings)
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
            for value in {AHEAD, EVEN, BEHIND} - {confirm.paired_test_differences[name]}:
                differences = confirm.paired_test_differences | {name: value}
                yield replace(confirm, paired_test_differences=differences), required
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
    texts = [reason.text for reason in judged(record(*ALL, default_lora=EVEN), Limits(min_metric=0.85)).reasons]

    assert texts == [
        "With 1,000 trained parameters it is the smallest finalist whose macro_f1 on the validation split (0.890) "
        "reaches the 0.850 asked for and lies within one standard error (0.020) of the best (0.900, 8,000 parameters).",
        "It is not shown to be better than the default LoRA settings on the test split (macro_f1 0.890 against 0.850; "
        "difference +0.010, 95 % interval -0.030 to +0.050).",
        "It trains 1,000 parameters, 20% of the default's 5,000.",
        "It beats TF-IDF with a linear model on the test split (macro_f1 0.890 against 0.750; difference +0.050, "
        "95 % interval +0.010 to +0.090).",
        "It beats always answering the most frequent class on the test split (macro_f1 0.890 against 0.200; "
        "difference +0.050, 95 % interval +0.010 to +0.090).",
    ]


def test_why_nothing_can_be_recommended_is_counted() -> None:
    (reason,) = judged(record(with_a_failed_seed(BEST), SMALL, POOR), Limits(max_params=10)).reasons

    assert reason.text == (
        "Of 3 finalists none can be recommended: 1 could not be trained in full on every seed, 2 exceeded a limit."
    )


def test_the_best_is_sought_among_those_inside_the_limits() -> None:
    first = judged(record(*ALL), Limits(max_params=5_000)).reasons[0]

    assert first.text.startswith("It has the best macro_f1 of 2 finalists on the validation split: 0.890, mean of 3")
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
    assert said.startswith("It is no better") == (lead <= 0)


def test_the_front_is_in_order_of_size() -> None:
    on_front = front(made_up.trials(), METRIC)

    assert len(on_front) > 2
    assert all((a.trainable_params or 0) <= (b.trainable_params or 0) for a, b in pairwise(on_front))


# ------------------------------------------------------------------------------------------------- where less is better

MAE = METRICS["mae"]
CLOSE = candidate("finalist_1", 10.0, 8_000)
ROUGH = candidate("finalist_2", 14.0, 900)
SAME_FOR_ALL = candidate("constant", 40.0, 0, seeds=BEST.seeds[:1])


def test_of_errors_the_smallest_is_the_best() -> None:
    trials = trial(0, 40.0, 100), trial(1, 10.0, 800), trial(2, 12.0, 900)

    assert [t.number for t in front(trials, MAE)] == [0, 1]
    assert finalists(trials, MAE)[0].number == 1
    assert choose((CLOSE, ROUGH), MAE, NO_LIMITS) == CLOSE
    assert choose((CLOSE, ROUGH), MAE, Limits(min_metric=15.0)) == CLOSE
    assert choose((CLOSE, ROUGH), MAE, Limits(min_metric=12.0)) == CLOSE


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
