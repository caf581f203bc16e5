"""Whether the chosen adapter is worth it, with reasons. Pure: knows records; trains and reads nothing.

Decided on the test split, which chose nothing, against rivals on the same rows. To be adopted an adapter must beat
every simple rival, so that each of these tests keeps its own level (an intersection-union test, Berger 1982); a default
need not be beaten by one that is as good and smaller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from autolora.objectives import METRICS, Objective
from autolora.recommend import best_of, exceeded, fitting_finalists, is_as_good, is_finished, is_good_enough, score_of
from autolora.records import Candidate, ConfirmRecord, Finding, Reason, Verdict
from autolora.request import Limits

DEFAULTS = {
    "default_lora": "the default LoRA settings",
    "rate_grid": "the default LoRA settings at the best of a grid of learning rates",
}
"""Rivals that need no search, with what sentences call them."""
SIMPLE = {
    "tfidf": "TF-IDF with a linear model",
    "head_only": "the head alone on the frozen base",
    "majority": "always answering the most frequent class",
    "constant": "always giving the same answer",
    "nearest": "the answer to the nearest training prompt",
    "nearest_base": "the answer to the training prompt that the base finds nearest",
    "zero_shot": "the base without an adapter",
    "few_shot": "the base with examples in its prompt",
    "prompt_tuning": "prompt tuning",
}
"""Rivals that need no low-rank adapter, with what sentences call them."""
FULL = {"full_tuning": "full fine-tuning"}
"""What an adapter stands in for: a whole model of its own for every task. It decides no verdict."""
_COSTS = {"trainable_params": "{:,} trained parameters", "peak_memory_bytes": "{:,} bytes of training memory"}


Standing = Literal["better", "as_good", "not_shown"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The candidate to recommend, and what is said of it."""

    candidate: Candidate | None
    verdict: Verdict
    reasons: tuple[Reason, ...]


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
    if not is_good_enough(chosen, metric, required):
        verdict = "not_ready"
        reasons.append(_too_low(chosen, metric, required))
    for name, wanted in required.kpi.items():
        reached = METRICS[name].loss(confirm.kpis[name]) <= METRICS[name].loss(wanted)
        verdict = verdict if reached else "not_ready"
        reasons.append(_kpi(name, confirm.kpis[name], wanted, reached=reached))
    return Choice(candidate=chosen, verdict=verdict, reasons=tuple(reasons))


def _against_rivals(
    chosen: Candidate, confirm: ConfirmRecord, metric: Objective, required: Limits
) -> tuple[Verdict, list[Reason]]:
    """Return the verdict as far as the baselines decide it, and a sentence or two on each."""
    reasons: list[Reason] = []
    excuses: dict[str, Reason] = {}
    verdict: Verdict = "adopt"
    for rival, words in rivals_among(confirm, DEFAULTS):
        standing, reason = _against(chosen, rival, confirm, metric, words)
        reasons.append(reason)
        excuse = None if standing == "better" else _excuse(chosen, rival, standing, required)
        if excuse is not None:
            excuses.setdefault(excuse.text, excuse)  # both cost the same: what excuses one excuses the other
        elif standing != "better" and is_finished(rival):
            verdict = "keep_default"
    reasons += excuses.values()
    for rival, words in rivals_among(confirm, SIMPLE):
        standing, reason = _against(chosen, rival, confirm, metric, words)
        reasons.append(reason)
        if standing != "better":
            verdict = "use_simpler"
    for rival, words in rivals_among(confirm, FULL):
        _, reason = _against(chosen, rival, confirm, metric, words)
        reasons += [reason, _smaller(chosen, rival, "its")]
    if not rivals_among(confirm, DEFAULTS):
        verdict = "not_ready"
        reasons.append(
            Reason(
                text="It was compared with no default LoRA, so nothing shows what the search is worth (--baselines "
                "quick compares).",
                fields=("confirm.candidates",),
            )
        )
    return verdict, reasons


def rivals_among(confirm: ConfirmRecord, known: dict[str, str]) -> list[tuple[Candidate, str]]:
    """Return the rivals of a kind that there are, with what sentences call them; one configuration counts once."""
    by_name = {c.name: c for c in confirm.candidates}
    found = [(by_name[name], words) for name, words in known.items() if name in by_name]
    default = by_name.get("default_lora")
    usual = None if default is None else default.config
    return [(c, words) for c, words in found if c is default or c.config is None or c.config != usual]


def kept_default(verdict: Verdict, validation: Mapping[str, float | None], metric: Objective) -> str:
    """Return which of the default's forms a verdict keeps: the better on validation rows; empty where it keeps none.

    Args:
        verdict: What was decided.
        validation: Baseline → its score on validation rows; None where it was not trained to the end.
        metric: Of the scores.
    """
    if verdict != "keep_default":
        return ""
    forms = {name: score for name in DEFAULTS if (score := validation.get(name)) is not None}
    return min(forms, key=lambda name: metric.loss(forms[name]), default="")


def standing_of(difference: tuple[float, float, float], metric: Objective, margin: float) -> Standing:
    """Return what a paired difference on the test rows shows: (difference, low, high)."""
    _, low, high = difference
    if metric.better(low, 0) and metric.better(high, 0):
        return "better"
    return "as_good" if is_as_good(difference, metric, margin) else "not_shown"


def _nothing(confirm: ConfirmRecord, required: Limits) -> Reason:
    """Return why no finalist can be chosen; all that were trained in full are then over a limit."""
    all_finalists = [c for c in confirm.candidates if c.kind == "finalist"]
    if not all_finalists and any(name.startswith("finalist_") for name in confirm.left_out):
        return Reason(
            text="The budget ended before a finalist was trained on a fresh seed; search again with a longer one.",
            fields=("confirm.left_out",),
        )
    if not all_finalists:
        return Reason(text="No trial was trained in full, so there is no adapter to recommend.", fields=("trials",))
    over = [c for c in all_finalists if is_finished(c)]
    broken = [c for c in all_finalists if not is_finished(c)]
    causes, fields = [], []
    if broken:
        causes.append(f"{len(broken)} could not be trained in full on every seed")
        fields += [field_of(c, "seeds") for c in broken]
    if over:
        causes.append(f"{len(over)} exceeded a limit")
        costs = [(c, cost, limit) for c in over for cost, limit in exceeded(c, required)]
        fields += [field_of(c, cost) for c, cost, _ in costs]
        fields += dict.fromkeys(f"request.limits.{limit}" for _, _, limit in costs)
    text = f"Of {_count(len(all_finalists), 'finalist')} none can be recommended: {', '.join(causes)}."
    return Reason(text=text, fields=tuple(fields))


def _why_this_one(chosen: Candidate, confirm: ConfirmRecord, metric: Objective, required: Limits) -> Reason:
    fitting = fitting_finalists(confirm.candidates, metric, required)
    best = best_of(fitting, metric)
    if best.name == chosen.name:
        text = (
            f"It has the best {metric.name} of {_count(len(fitting), 'finalist')} on validation rows: "
            f"{score_of(chosen):.3f}, mean of {_count(len(chosen.seeds), 'fresh seed')}."
        )
        validations = (field_of(c, "validation") for c in fitting)
        return Reason(text=text, fields=(*validations, field_of(chosen, "seeds")))
    fields = [field_of(c, name) for c in (chosen, best) for name in ("trainable_params", "validation")]
    reaching = ""
    if required.min_metric is not None and is_good_enough(chosen, metric, required):
        reaching = f" that reaches the {required.min_metric:.3f} asked for and"
        fields.append("request.limits.min_metric")
    difference = confirm.validation_differences[chosen.name][best.name]
    text = (
        f"With {chosen.trainable_params:,} trained parameters it is the smallest finalist{reaching} that is as good as "
        f"the best on validation rows ({metric.name} {score_of(chosen):.3f} against {score_of(best):.3f} of "
        f"{best.trainable_params:,} parameters; {in_words(difference)}, margin {confirm.margin:.3g})."
    )
    return Reason(
        text=text,
        fields=(*fields, f"confirm.validation_differences.{chosen.name}.{best.name}", "confirm.margin"),
    )


def _against(
    chosen: Candidate, rival: Candidate, confirm: ConfirmRecord, metric: Objective, words: str
) -> tuple[Standing, Reason]:
    """Return how the chosen one stands against a rival on the test rows, and the sentence."""
    difference = confirm.paired_test_differences.get(rival.name)
    if difference is None or chosen.test is None or rival.test is None:
        text = f"It could not be compared with {words} on the test split, where the first seed of one has no score."
        return "not_shown", Reason(text=text, fields=(field_of(chosen, "seeds"), field_of(rival, "seeds")))
    standing = standing_of(difference, metric, confirm.margin)
    fields = [field_of(chosen, "test"), field_of(rival, "test"), f"confirm.paired_test_differences.{rival.name}"]
    relation, within = "beats", ""
    if standing == "as_good":
        relation, within = "is as good as", f", within a margin of {confirm.margin:.3g}"
        fields.append("confirm.margin")
    elif standing == "not_shown":
        lead = metric.better(difference[0], 0)
        relation = "is not shown to be better than" if lead else "is no better than"
    text = (
        f"It {relation} {words} on the test split{within} ({metric.name} {chosen.test:.3f} against {rival.test:.3f}; "
        f"{in_words(difference)})."
    )
    return standing, Reason(text=text, fields=tuple(fields))


def in_words(difference: tuple[float, float, float]) -> str:
    """Return a difference with its interval."""
    lead, low, high = difference
    return f"difference {lead:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}"


def _too_low(chosen: Candidate, metric: Objective, required: Limits) -> Reason:
    return Reason(
        text=f"Its {metric.name} on the validation split is {score_of(chosen):.3f}, "
        f"{'below' if metric.direction == 'maximize' else 'above'} the {required.min_metric:.3f} that was asked for.",
        fields=(field_of(chosen, "validation"), "request.limits.min_metric"),
    )


def _kpi(name: str, found: float, wanted: float, *, reached: bool) -> Reason:
    return Reason(
        text=f"Its {name} on the validation split is {found:.3f}, which {'reaches' if reached else 'misses'} the "
        f"{wanted:.3f} that was asked for.",
        fields=(f"confirm.kpis.{name}", f"request.limits.kpi.{name}"),
    )


def _excuse(chosen: Candidate, rival: Candidate, standing: Standing, required: Limits) -> Reason | None:
    """Return why a default that the chosen one does not beat is still not to be kept; None if it is to be."""
    if standing == "as_good" and chosen.trainable_params < rival.trainable_params:
        return _smaller(chosen, rival, "the default's")
    return _over_limit(rival, required) if exceeded(rival, required) else None


def _over_limit(default: Candidate, required: Limits) -> Reason:
    over = exceeded(default, required)
    costs = " and ".join(_COSTS[cost].format(getattr(default, cost)) for cost, _ in over)
    return Reason(
        text=f"The default LoRA settings, with {costs}, are over the limit.",
        fields=tuple(path for cost, limit in over for path in (field_of(default, cost), f"request.limits.{limit}")),
    )


def _smaller(chosen: Candidate, rival: Candidate, whose: str) -> Reason:
    share = chosen.trainable_params / rival.trainable_params
    return Reason(
        text=f"It trains {chosen.trainable_params:,} parameters, {100 * share:.3g}% of {whose} "
        f"{rival.trainable_params:,}.",
        fields=(field_of(chosen, "trainable_params"), field_of(rival, "trainable_params")),
    )


def field_of(candidate: Candidate, name: str) -> str:
    """Return the path of a candidate's field."""
    return f"confirm.candidates.{candidate.name}.{name}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
