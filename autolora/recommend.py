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
from autolora.request import Limits

FINALISTS = 3
_STANDARD_ERRORS = 2.0
"""How far below the best a trial may have scored and still be a finalist: explored scores are noisy and few."""
DEFAULTS = {
    "default_lora": "the default LoRA settings",
    "rate_grid": "the default LoRA settings at the best of four learning rates",
}
"""Rivals that need no search, with what sentences call them."""
SIMPLE = {
    "tfidf": "TF-IDF with a linear model",
    "majority": "always answering the most frequent class",
    "constant": "always giving the same answer",
    "nearest": "the answer to the nearest training prompt",
    "nearest_base": "the answer to the training prompt that the base finds nearest",
    "zero_shot": "the base without an adapter",
    "few_shot": "the base with examples in its prompt",
}
"""Rivals that need no adapter, with what sentences call them."""
CONSTANTS = ("majority", "constant")
"""Those of them that look at no text: the floor of quality."""
_COSTS = {"trainable_params": "{:,} trained parameters", "peak_memory_bytes": "{:,} bytes of training memory"}


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


def choose(candidates: tuple[Candidate, ...], metric: Objective, required: Limits) -> Candidate | None:
    """Return the smallest finalist within one standard error of the best, inside the limits; None if none is.

    Finalists that reach the score asked for go before those that do not. Works on validation scores alone, so it can
    and must be called before the test split is opened.
    """
    fitting = _fitting(candidates, metric, required)
    if not fitting:
        return None
    best = min(fitting, key=lambda c: metric.loss(_score(c)))
    bound = metric.loss(_score(best)) + (best.validation_standard_error or 0.0)
    near = [c for c in fitting if metric.loss(_score(c)) <= bound]
    return min(near, key=lambda c: (c.trainable_params, c.peak_memory_bytes, metric.loss(_score(c))))


def judge(
    chosen: Candidate | None,
    confirm: ConfirmRecord,
    metric: Objective,
    required: Limits,
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
    unreadable = [
        Reason(text=finding.advice, fields=("data.unknown_token_share",))
        for finding in findings
        if finding.code == "unreadable_text"
    ]
    if chosen is None:
        return Choice(candidate=None, verdict="not_ready", reasons=(*unreadable, _nothing(confirm, required)))
    verdict, reasons = _against_rivals(chosen, confirm, metric, required)
    reasons = [*unreadable, _why_this_one(chosen, confirm, metric, required), *reasons]
    if unreadable:
        verdict = "not_ready"
    if not _good_enough(chosen, metric, required):
        verdict = "not_ready"
        reasons.append(_too_low(chosen, metric, required))
    return Choice(candidate=chosen, verdict=verdict, reasons=tuple(reasons))


def _against_rivals(
    chosen: Candidate, confirm: ConfirmRecord, metric: Objective, required: Limits
) -> tuple[Verdict, list[Reason]]:
    """Return the verdict as far as the baselines decide it, and a sentence or two on each."""
    by_name = {c.name: c for c in confirm.candidates}
    reasons: list[Reason] = []
    excuses: dict[str, Reason] = {}
    verdict: Verdict = "adopt"
    for name, words in DEFAULTS.items():
        rival = by_name.get(name)
        if rival is None or (name != "default_lora" and _same_config(rival, by_name.get("default_lora"))):
            continue
        good, reason = _against(chosen, rival, confirm, metric, words)
        reasons.append(reason)
        excuse = None if good else _excuse(chosen, rival, required)
        if excuse is not None:
            excuses.setdefault(excuse.text, excuse)  # both cost the same: what excuses one excuses the other
        elif not good and _finished(rival):
            verdict = "keep_default"
    reasons += excuses.values()
    for name, words in SIMPLE.items():
        if rival := by_name.get(name):
            good, reason = _against(chosen, rival, confirm, metric, words)
            reasons.append(reason)
            if not good:
                verdict = "use_simpler"
    return verdict, reasons


def _same_config(first: Candidate, second: Candidate | None) -> bool:
    return second is not None and first.config == second.config


def _fitting(candidates: tuple[Candidate, ...], metric: Objective, required: Limits) -> list[Candidate]:
    """Return the finalists that may be chosen: trained in full, inside the limits and, if any is, good enough."""
    inside = [c for c in candidates if c.kind == "finalist" and _finished(c) and not _exceeded(c, required)]
    return [c for c in inside if _good_enough(c, metric, required)] or inside


def _finished(candidate: Candidate) -> bool:
    """Whether all its seeds were trained in full."""
    return bool(candidate.seeds) and all(s.state == TrialState.COMPLETE for s in candidate.seeds)


def _score(candidate: Candidate) -> float:
    """Return the mean validation score of a candidate of which at least one seed was trained in full."""
    if candidate.validation is None:
        raise ValueError(f"{candidate.name} has no validation score")
    return candidate.validation


def _exceeded(candidate: Candidate, required: Limits) -> tuple[tuple[str, str], ...]:
    """Return the costs that are over their limits: (field of the candidate, field of the limits)."""
    limits = (("trainable_params", "max_params"), ("peak_memory_bytes", "max_memory"))
    return tuple(
        (cost, limit)
        for cost, limit in limits
        if (most := getattr(required, limit)) is not None and getattr(candidate, cost) > most
    )


def _good_enough(candidate: Candidate, metric: Objective, required: Limits) -> bool:
    return required.min_metric is None or metric.loss(_score(candidate)) <= metric.loss(required.min_metric)


def _nothing(confirm: ConfirmRecord, required: Limits) -> Reason:
    """Return why no finalist can be chosen; all that were trained in full are then over a limit."""
    all_finalists = [c for c in confirm.candidates if c.kind == "finalist"]
    if not all_finalists:
        return Reason(text="No trial was trained in full, so there is no adapter to recommend.", fields=("trials",))
    over = [c for c in all_finalists if _finished(c)]
    broken = [c for c in all_finalists if not _finished(c)]
    causes, fields = [], []
    if broken:
        causes.append(f"{len(broken)} could not be trained in full on every seed")
        fields += [_field(c, "seeds") for c in broken]
    if over:
        causes.append(f"{len(over)} exceeded a limit")
        exceeded = [(c, cost, limit) for c in over for cost, limit in _exceeded(c, required)]
        fields += [_field(c, cost) for c, cost, _ in exceeded]
        fields += dict.fromkeys(f"request.limits.{limit}" for _, _, limit in exceeded)
    text = f"Of {_count(len(all_finalists), 'finalist')} none can be recommended: {', '.join(causes)}."
    return Reason(text=text, fields=tuple(fields))


def _why_this_one(chosen: Candidate, confirm: ConfirmRecord, metric: Objective, required: Limits) -> Reason:
    fitting = _fitting(confirm.candidates, metric, required)
    best = min(fitting, key=lambda c: metric.loss(_score(c)))
    if best.name == chosen.name:
        text = (
            f"It has the best {metric.name} of {_count(len(fitting), 'finalist')} on the validation split: "
            f"{_score(chosen):.3f}, mean of {_count(len(chosen.seeds), 'fresh seed')}."
        )
        validations = (_field(c, "validation") for c in fitting)
        return Reason(text=text, fields=(*validations, _field(chosen, "seeds")))
    fields = [_field(c, name) for c in (chosen, best) for name in ("trainable_params", "validation")]
    reaching = ""
    if required.min_metric is not None and _good_enough(chosen, metric, required):
        reaching = f"reaches the {required.min_metric:.3f} asked for and "
        fields.append("request.limits.min_metric")
    text = (
        f"With {chosen.trainable_params:,} trained parameters it is the smallest finalist whose {metric.name} on the "
        f"validation split ({_score(chosen):.3f}) {reaching}lies within one standard error "
        f"({best.validation_standard_error or 0.0:.3f}) of the best ({_score(best):.3f}, "
        f"{best.trainable_params:,} parameters)."
    )
    return Reason(text=text, fields=(*fields, _field(best, "validation_standard_error")))


def _against(
    chosen: Candidate, rival: Candidate, confirm: ConfirmRecord, metric: Objective, words: str
) -> tuple[bool, Reason]:
    """Return whether the chosen one's lead over a rival is more than chance on the test rows, and the sentence."""
    difference = confirm.paired_test_differences.get(rival.name)
    if difference is None or chosen.test is None or rival.test is None:
        text = f"It could not be compared with {words} on the test split, where the first seed of one has no score."
        return False, Reason(text=text, fields=(_field(chosen, "seeds"), _field(rival, "seeds")))
    fields = (_field(chosen, "test"), _field(rival, "test"), f"confirm.paired_test_differences.{rival.name}")
    lead, low, high = difference
    interval = (
        f"{metric.name} {chosen.test:.3f} against {rival.test:.3f}; difference {lead:+.3f}, "
        f"95 % interval {low:+.3f} to {high:+.3f}"
    )
    if metric.better(low, 0) and metric.better(high, 0):
        return True, Reason(text=f"It beats {words} on the test split ({interval}).", fields=fields)
    relation = "is no better than" if not metric.better(lead, 0) else "is not shown to be better than"
    return False, Reason(text=f"It {relation} {words} on the test split ({interval}).", fields=fields)


def _too_low(chosen: Candidate, metric: Objective, required: Limits) -> Reason:
    return Reason(
        text=f"Its {metric.name} on the validation split is {_score(chosen):.3f}, "
        f"{'below' if metric.direction == 'maximize' else 'above'} the {required.min_metric:.3f} that was asked for.",
        fields=(_field(chosen, "validation"), "request.limits.min_metric"),
    )


def _excuse(chosen: Candidate, rival: Candidate, required: Limits) -> Reason | None:
    """Return why a default that the chosen one does not beat is still not to be kept; None if it is to be."""
    if chosen.trainable_params < rival.trainable_params:
        return _smaller(chosen, rival)
    return _over_limit(rival, required) if _exceeded(rival, required) else None


def _over_limit(default: Candidate, required: Limits) -> Reason:
    exceeded = _exceeded(default, required)
    costs = " and ".join(_COSTS[cost].format(getattr(default, cost)) for cost, _ in exceeded)
    return Reason(
        text=f"The default LoRA settings, with {costs}, are over the limit.",
        fields=tuple(path for cost, limit in exceeded for path in (_field(default, cost), f"request.limits.{limit}")),
    )


def _smaller(chosen: Candidate, default: Candidate) -> Reason:
    share = chosen.trainable_params / default.trainable_params
    return Reason(
        text=f"It trains {chosen.trainable_params:,} parameters, {share:.0%} of the default's "
        f"{default.trainable_params:,}.",
        fields=(_field(chosen, "trainable_params"), _field(default, "trainable_params")),
    )


def _field(candidate: Candidate, name: str) -> str:
    return f"confirm.candidates.{candidate.name}.{name}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
