"""How much each search parameter matters for the score at the first rung. Knows no LoRA: parameters are columns.

All trials that were not broken reach the first rung, so its scores compare like with like; final scores exist
for the survivors only, and would make the parameter that decides survival look unimportant.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autolora.records import TrialRecord, TrialState

TRIALS_TO_TRUST = 30
"""With fewer trials the page warns that shares may change a good deal with the next ones."""
TRIALS_TO_TRY = 8
"""With fewer trials there is nothing to hold out, and no share is given."""
_FOLDS = 5
_REPEATS = 10
_TREES = 50


@dataclass(frozen=True, kw_only=True)
class Importance:
    """Shares of the variance of first-rung scores, most important parameter first."""

    shares: tuple[tuple[str, float], ...]
    """Name and share, 0 to 1; empty when ``missing`` says why."""
    together: float
    """Share that all parameters explain together on trials held out; 0 when they explain nothing."""
    trials: int
    rung_share: float
    """The first rung's share of the full training length."""
    missing: str = ""

    @property
    def is_shaky(self) -> bool:
        """Whether there are too few trials to trust the order."""
        return self.trials < TRIALS_TO_TRUST


def importance(trials: Sequence[TrialRecord]) -> Importance:
    """Return how much of the variance of first-rung scores each parameter explains.

    Protocol: five folds over the completed and the stopped trials; a random forest (fixed seed) learns four of
    them and predicts the fifth. A parameter's share is half the rise of the mean squared error when its values
    are shuffled among the held-out trials (ten times), over the variance of the scores: for independent
    effects that is the part of the variance which the parameter causes. Shares below 0 are noise and become 0.
    """
    points, rung_share = _at_first_rung(trials)
    names = tuple(name for name in _names(points) if len({_key(trial.params.get(name)) for trial, _ in points}) > 1)
    scores = np.array([value for _, value in points], dtype=np.float64)
    missing = _why_not(points, names, scores)
    if missing:
        return Importance(shares=(), together=0.0, trials=len(points), rung_share=rung_share, missing=missing)
    columns = [_encode([trial.params.get(name) for trial, _ in points]) for name in names]
    rises, error = _rises(columns, scores)
    variance = float(scores.var())
    shares = {name: min(1.0, max(0.0, rise / (2 * variance))) for name, rise in zip(names, rises, strict=True)}
    return Importance(
        shares=tuple(sorted(shares.items(), key=lambda item: (-item[1], item[0]))),
        together=max(0.0, 1 - error / variance),
        trials=len(points),
        rung_share=rung_share,
    )


def _at_first_rung(trials: Sequence[TrialRecord]) -> tuple[list[tuple[TrialRecord, float]], float]:
    """Return trials with their score at the first rung that most of them share, and that rung's share."""
    judged = [
        trial
        for trial in trials
        if trial.state in (TrialState.COMPLETE, TrialState.STOPPED)
        and trial.rungs
        and math.isfinite(trial.rungs[0].score.value)
    ]
    if not judged:
        return [], 0.0
    share = Counter(trial.rungs[0].share for trial in judged).most_common(1)[0][0]
    return [(trial, trial.rungs[0].score.value) for trial in judged if trial.rungs[0].share == share], share


def _names(points: list[tuple[TrialRecord, float]]) -> tuple[str, ...]:
    return tuple(sorted({name for trial, _ in points for name in trial.params}))


def _key(value: Any) -> str:
    return repr(value)


def _why_not(points: list[tuple[TrialRecord, float]], names: tuple[str, ...], scores: NDArray[np.float64]) -> str:
    if len(points) < TRIALS_TO_TRY:
        return (
            f"The importance of parameters needs at least {TRIALS_TO_TRY} trials that were scored at the first rung; "
            f"this search has {len(points)}."
        )
    if not names:
        return "All trials have the same parameters, so none of them can be told to matter."
    if float(scores.var()) < 1e-12:
        return "All trials have the same score at the first rung, so no parameter can be told to matter."
    return ""


def _encode(values: list[Any]) -> NDArray[np.float64]:
    """Return one column for numbers, else one column of 0 and 1 for each value that occurs."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values, dtype=np.float64)[:, None]
    keys = [_key(value) for value in values]
    return np.array([[float(key == known) for known in sorted(set(keys))] for key in keys])


def _rises(columns: list[NDArray[np.float64]], scores: NDArray[np.float64]) -> tuple[list[float], float]:
    """Return the rise of the held-out squared error for each group of columns shuffled, and the error itself."""
    # Imported here: scikit-learn takes a second, and only this chart needs it.
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold

    inputs = np.concatenate(columns, axis=1)
    ends = np.cumsum([column.shape[1] for column in columns])
    groups = [slice(end - column.shape[1], end) for column, end in zip(columns, ends, strict=True)]
    random = np.random.default_rng(0)
    error = 0.0
    rises = [0.0] * len(groups)
    for seen, held_out in KFold(n_splits=_FOLDS, shuffle=True, random_state=0).split(inputs):
        forest = RandomForestRegressor(n_estimators=_TREES, random_state=0).fit(inputs[seen], scores[seen])
        truth, rows = scores[held_out], inputs[held_out]
        own = float(((forest.predict(rows) - truth) ** 2).sum())
        error += own
        for place, group in enumerate(groups):
            # All repeats in one call: a forest's cost is in the calls, not in the rows.
            shuffled = np.tile(rows, (_REPEATS, 1, 1))
            for repeat in range(_REPEATS):
                shuffled[repeat, :, group] = rows[random.permutation(len(rows))][:, group]
            squared = (forest.predict(shuffled.reshape(-1, inputs.shape[1])) - np.tile(truth, _REPEATS)) ** 2
            rises[place] += float(squared.sum()) / _REPEATS - own
    return [rise / len(scores) for rise in rises], error / len(scores)
