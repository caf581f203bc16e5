"""From records to one choice with reasons. Pure: knows scores, costs and limits; trains and reads nothing.

Two decisions, on different rows. *Which* adapter: on the validation split, the smallest finalist within one standard
error of the best (Breiman et al. 1984's one-standard-error rule), inside the limits. *Whether* it is worth it (the
verdict): on the test split, which chose nothing, against rivals on the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autolora.objectives import PEAK_MEMORY, TRAINABLE_PARAMS, Objective, losses
from autolora.pareto import on_front
from autolora.records import Candidate, ConfirmRecord, Finding, Reason, TrialRecord, TrialState, Verdict

FINALISTS = 3
_STANDARD_ERRORS = 2.0
"""How far below the best a trial may have scored and still be a finalist: explored scores are noisy and few."""
SIMPLE = ("tfidf", "majority")


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What the user will accept."""

    max_params: int | None = None
    max_memory: int | None = None
    """Bytes."""
    min_metric: float | None = None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The candidate to recommend, and what is said of it."""

    candidate: Candidate | None
    verdict: Verdict
    reasons: tuple[Reason, ...]


def front(trials: tuple[TrialRecord, ...], metric: Objective) -> tuple[TrialRecord, ...]:
    """Return the completed trials that no other completed trial dominates, smallest first."""
    done = [t for t in trials if t.state == TrialState.COMPLETE and t.metric is not None]
    if not done:
        return ()
    values = np.array([[t.metric, t.trainable_params, t.peak_memory_bytes] for t in done], dtype=np.float64)
    mask = on_front(losses(values, (metric, TRAINABLE_PARAMS, PEAK_MEMORY)))
    kept = [trial for trial, keep in zip(done, mask, strict=True) if keep]
    return tuple(sorted(kept, key=lambda t: (t.trainable_params or 0, t.number)))


def finalists(trials: tuple[TrialRecord, ...], metric: Objective, count: int = FINALISTS) -> tuple[TrialRecord, ...]:
    """Return the trials to train again: the best, the smallest near it, and the best of the others near it.

    "Near" is within two standard errors of the best explored score. Only trials on the front are taken, so that none
    is a larger copy of another.
    """
    on_it = front(trials, metric)
    if not on_it:
        return ()
    by_score = sorted(on_it, key=lambda t: (metric.loss(t.metric or 0.0), t.trainable_params))
    best = by_score[0]
    reach = _STANDARD_ERRORS * best.rungs[-1].score.standard_error
    near = [t for t in by_score if metric.loss(t.metric or 0.0) <= metric.loss(best.metric or 0.0) + reach]
    smallest = min(near, key=lambda t: t.trainable_params or 0)
    chosen: list[TrialRecord] = []
    for trial in (best, smallest, *near):
        if trial not in chosen and len(chosen) < count:
            chosen.append(trial)
    return tuple(chosen)


def choose(candidates: tuple[Candidate, ...], metric: Objective, required: Requirements) -> Candidate | None:
    """Return the smallest finalist within one standard error of the best, inside the limits; None if none is.

    Works on validation scores alone, so it can and must be called before the test split is opened.
    """
    fitting = [c for c in candidates if c.kind == "finalist" and _finished(c) and not _over_limits(c, required)]
    if not fitting:
        return None
    best = min(fitting, key=lambda c: metric.loss(c.validation))
    bound = metric.loss(best.validation) + best.validation_standard_error
    near = [c for c in fitting if metric.loss(c.validation) <= bound]
    return min(near, key=lambda c: (c.trainable_params, c.peak_memory_bytes, metric.loss(c.validation)))


def judge(
    chosen: Candidate | None,
    confirm: ConfirmRecord,
    metric: Objective,
    required: Requirements,
    findings: tuple[Finding, ...] = (),
) -> Choice:
    """Return the verdict on the chosen candidate, with reasons that each name the record fields they rest on.

    Args:
        chosen: What ``choose`` returned.
        confirm: Every candidate with its test scores, and paired differences on the test rows.
        metric: The task's metric.
        required: The user's limits.
        findings: Of the data; a base that cannot read the text is one.
    """
    if chosen is None:
        return Choice(candidate=None, verdict="not_ready", reasons=(_nothing(confirm, required),))
    by_name = {c.name: c for c in confirm.candidates}
    reasons = [_why_this_one(chosen, confirm, metric)]
    verdict: Verdict = "adopt"
    if default := by_name.get("default_lora"):
        good, reason = _against(chosen, default, confirm, metric, "the default LoRA settings")
        smaller = chosen.trainable_params < default.trainable_params
        reasons.append(reason)
        if not good and smaller:
            reasons.append(_smaller(chosen, default))
        if not good and not smaller and _finished(default):
            verdict = "keep_default"
    for name in SIMPLE:
        if rival := by_name.get(name):
            words = "TF-IDF with a linear model" if name == "tfidf" else "always answering the most frequent class"
            good, reason = _against(chosen, rival, confirm, metric, words)
            reasons.append(reason)
            if not good:
                verdict = "use_simpler"
    if required.min_metric is not None and chosen.validation < required.min_metric:
        verdict = "not_ready"
        text = (
            f"Its {metric.name} on the validation split is {chosen.validation:.3f}, below the {required.min_metric:.3f} "
            "that was asked for."
        )
        reasons.append(
            Reason(text=text, fields=(f"confirm.candidates.{chosen.name}.validation", "request.limits.min_metric"))
        )
    for finding in findings:
        if finding.code == "unreadable_text":
            verdict = "not_ready"
            reasons.insert(0, Reason(text=finding.message, fields=("data.unknown_token_share",)))
    return Choice(candidate=chosen, verdict=verdict, reasons=tuple(reasons))


def _finished(candidate: Candidate) -> bool:
    """Whether all its seeds were trained in full."""
    return bool(candidate.seeds) and all(s.state == TrialState.COMPLETE for s in candidate.seeds)


def _over_limits(candidate: Candidate, required: Requirements) -> bool:
    over_params = required.max_params is not None and candidate.trainable_params > required.max_params
    over_memory = required.max_memory is not None and candidate.peak_memory_bytes > required.max_memory
    return over_params or over_memory


def _nothing(confirm: ConfirmRecord, required: Requirements) -> Reason:
    finalist_count = sum(c.kind == "finalist" for c in confirm.candidates)
    if finalist_count == 0:
        return Reason(text="No trial was trained in full, so there is no adapter to recommend.", fields=("trials",))
    return Reason(
        text=f"None of the {finalist_count} finalists could be trained in full within the limits.",
        fields=("confirm.candidates", "request.limits"),
    )


def _why_this_one(chosen: Candidate, confirm: ConfirmRecord, metric: Objective) -> Reason:
    others = [c for c in confirm.candidates if c.kind == "finalist" and _finished(c)]
    best = min(others, key=lambda c: metric.loss(c.validation))
    fields = tuple(f"confirm.candidates.{name}.validation" for name in dict.fromkeys((chosen.name, best.name)))
    if best.name == chosen.name:
        text = (
            f"It has the best {metric.name} of {_count(len(others), 'finalist')} on the validation split: {chosen.validation:.3f}, "
            f"mean of {_count(len(chosen.seeds), 'fresh seed')}."
        )
    else:
        text = (
            f"With {chosen.trainable_params:,} trained parameters it is the smallest finalist whose {metric.name} on the "
            f"validation split ({chosen.validation:.3f}) lies within one standard error "
            f"({best.validation_standard_error:.3f}) of the best ({best.validation:.3f}, {best.trainable_params:,} parameters)."
        )
    return Reason(text=text, fields=(*fields, f"confirm.candidates.{chosen.name}.trainable_params"))


def _against(
    chosen: Candidate, rival: Candidate, confirm: ConfirmRecord, metric: Objective, words: str
) -> tuple[bool, Reason]:
    """Return whether the chosen one's lead over a rival is more than chance on the test rows, and the sentence."""
    fields = (
        f"confirm.candidates.{chosen.name}.test",
        f"confirm.candidates.{rival.name}.test",
        f"confirm.paired_test_differences.{rival.name}",
    )
    difference = confirm.paired_test_differences.get(rival.name)
    if difference is None or chosen.test is None or rival.test is None:
        return False, Reason(text=f"It could not be compared with {words} on the test split.", fields=fields)
    lead, low, high = difference
    interval = f"{metric.name} {chosen.test:.3f} against {rival.test:.3f}; difference {lead:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}"
    if low > 0:
        return True, Reason(text=f"It beats {words} on the test split ({interval}).", fields=fields)
    relation = "is no better than" if lead <= 0 else "is not shown to be better than"
    return False, Reason(text=f"It {relation} {words} on the test split ({interval}).", fields=fields)


def _smaller(chosen: Candidate, default: Candidate) -> Reason:
    share = chosen.trainable_params / default.trainable_params
    return Reason(
        text=f"It trains {chosen.trainable_params:,} parameters, {share:.0%} of the default's {default.trainable_params:,}.",
        fields=(
            f"confirm.candidates.{chosen.name}.trainable_params",
            f"confirm.candidates.{default.name}.trainable_params",
        ),
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
