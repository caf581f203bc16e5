"""From records to one choice. Pure: knows scores, costs and limits; trains and reads nothing.

*Which* adapter is decided on validation rows: the smallest finalist that is as good as the best, inside the limits. "As
good" is non-inferiority: the lower bound of the paired difference lies above -margin (Piaggio et al. 2012). *Whether*
it is worth it is another decision, on other rows: see ``verdict``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autolora.objectives import PEAK_MEMORY, TRAINABLE_PARAMS, Objective, losses
from autolora.pareto import on_front
from autolora.records import Candidate, TrialRecord, TrialState
from autolora.request import Limits

FINALISTS = 3
_STANDARD_ERRORS = 2.0
"""How far below the best a trial may have scored and still be a finalist: explored scores are noisy and few."""
CONSTANTS = ("majority", "constant")
"""Rivals that look at no text: the floor of quality."""
_POINT = 0.01
Differences = dict[str, dict[str, tuple[float, float, float]]]


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


def choose(
    candidates: tuple[Candidate, ...], differences: Differences, metric: Objective, required: Limits
) -> Candidate | None:
    """Return the smallest finalist that is as good as the best, inside the limits; None if none is inside.

    Finalists that reach the score asked for go before those that do not. Works on validation scores alone, so it can
    and must be called before the test split is opened.

    Args:
        candidates: Finalists and baselines.
        differences: Finalist → another → how much higher its metric is on validation rows: (difference, low, high).
        metric: The task's metric.
        required: The user's limits, and the margin within which one is as good as another.
    """
    fitting = fitting_finalists(candidates, metric, required)
    if not fitting:
        return None
    best = best_of(fitting, metric)
    margin = margin_of(metric, required, score_of(best))
    near = [
        c
        for c in fitting
        if c.name == best.name or is_as_good(differences.get(c.name, {}).get(best.name), metric, margin)
    ]
    return min(near, key=lambda c: (c.trainable_params, c.peak_memory_bytes, metric.loss(score_of(c))))


def margin_of(metric: Objective, required: Limits, score: float) -> float:
    """Return what one candidate may be worse than another and still count as good as it, in the metric's unit.

    Unless one is asked for it is one point (0.01) of a share, and one hundredth of the score itself of what is none.
    """
    if required.margin is not None:
        return required.margin
    return _POINT if metric.unit == "share" else _POINT * abs(score)


def is_as_good(difference: tuple[float, float, float] | None, metric: Objective, margin: float) -> bool:
    """Return whether a paired difference (one less another, low, high) shows that one is no worse by the margin."""
    return difference is not None and worst_end(difference, metric) <= margin


def worst_end(difference: tuple[float, float, float], metric: Objective) -> float:
    """Return how much worse one may be than another by a paired difference: the margin at which it is as good."""
    _, low, high = difference
    return max(metric.loss(low), metric.loss(high))


def best_of(candidates: Sequence[Candidate], metric: Objective) -> Candidate:
    """Return the candidate with the best mean validation score; of several, the one that trains least."""
    return min(candidates, key=lambda c: (metric.loss(score_of(c)), c.trainable_params))


def fitting_finalists(candidates: tuple[Candidate, ...], metric: Objective, required: Limits) -> list[Candidate]:
    """Return the finalists that may be chosen: trained in full, inside the limits and, if any is, good enough."""
    inside = [c for c in candidates if c.kind == "finalist" and is_finished(c) and not exceeded(c, required)]
    return [c for c in inside if is_good_enough(c, metric, required)] or inside


def is_finished(candidate: Candidate) -> bool:
    """Whether all its seeds were trained in full."""
    return bool(candidate.seeds) and all(s.state == TrialState.COMPLETE for s in candidate.seeds)


def score_of(candidate: Candidate) -> float:
    """Return the mean validation score of a candidate of which at least one seed was trained in full."""
    if candidate.validation is None:
        raise ValueError(f"{candidate.name} has no validation score")
    return candidate.validation


def exceeded(candidate: Candidate, required: Limits) -> tuple[tuple[str, str], ...]:
    """Return the costs that are over their limits: (field of the candidate, field of the limits)."""
    limits = (("trainable_params", "max_params"), ("peak_memory_bytes", "max_memory"))
    return tuple(
        (cost, limit)
        for cost, limit in limits
        if (most := getattr(required, limit)) is not None and getattr(candidate, cost) > most
    )


def is_good_enough(candidate: Candidate, metric: Objective, required: Limits) -> bool:
    """Return whether a candidate reaches the score that is asked for, if one is."""
    return required.min_metric is None or metric.loss(score_of(candidate)) <= metric.loss(required.min_metric)
