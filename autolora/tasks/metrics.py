"""Metrics with their uncertainty over rows. Knows arrays only.

Every metric is a function of sums over rows of a few numbers a row (hits, squared errors). So a bootstrap over rows
(Efron 1979) is one matrix product: how often each row is in each resample, times those numbers. Resamples are drawn
once for a split, so that two adapters scored on the same rows can be compared resample by resample (a paired
comparison). Values are scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autolora.objectives import METRICS, Objective
from autolora.records import Score
from autolora.tasks import text_metrics

RESAMPLES = 400

Array = NDArray[Any]
Floats = NDArray[np.float64]


class _Metric(NamedTuple):
    """How one metric is computed."""

    summed: Callable[[Array, Array], Floats]
    """Numbers to sum over rows ``(rows, n)``, from true and predicted values."""
    of_sums: Callable[[Floats], Floats]
    """The metric ``(...,)`` from sums ``(..., n)``."""


# ---------------------------------------------------------------------------------------------------- numbers of a row
# Classes come as indicators ``(rows, classes)``, whether a row has one or several.


def _hit(true: Array, predicted: Array) -> Floats:
    right = (true == predicted).all(axis=1)
    return np.stack([right, np.ones(len(true))], axis=1)


def _hits_and_either(true: Array, predicted: Array) -> Floats:
    """Return for each class whether it is true and predicted, and how many of the two it is."""
    return np.concatenate([true & predicted, true.astype(np.float64) + predicted], axis=1)


def _absolute_error(true: Array, predicted: Array) -> Floats:
    return np.stack([np.abs(true - predicted), np.ones(len(true))], axis=1)


def _squares(true: Array, predicted: Array) -> Floats:
    near_zero = true - true.mean()  # changes no deviation, and no digits are lost where numbers are large
    return np.stack([(true - predicted) ** 2, near_zero**2, near_zero, np.ones(len(true))], axis=1)


def _loss_and_tokens(true: Array, predicted: Array) -> Floats:
    """Return each answer's summed loss and its tokens, which is what is predicted of it."""
    return np.asarray(predicted, dtype=np.float64)


def _of_answers(metric: str, true: Array, predicted: Array) -> Floats:
    values = text_metrics.METRICS[metric](true.tolist(), predicted.tolist())
    return np.stack([values, np.ones(len(values))], axis=1)


# ---------------------------------------------------------------------------------------------------- metrics of sums


def _mean(sums: Floats) -> Floats:
    return np.asarray(sums[..., 0] / sums[..., 1])


def _macro_f1(sums: Floats) -> Floats:
    """Return the mean F1 of the classes that are true or predicted somewhere."""
    hits, either = np.split(sums, 2, axis=-1)
    f1 = np.divide(2 * hits, either, out=np.zeros_like(either), where=either > 0)
    return np.asarray(f1.sum(axis=-1) / np.maximum((either > 0).sum(axis=-1), 1))


def _micro_f1(sums: Floats) -> Floats:
    hits, either = (half.sum(axis=-1) for half in np.split(sums, 2, axis=-1))
    return np.asarray(np.divide(2 * hits, either, out=np.zeros_like(either), where=either > 0))


def _r2(sums: Floats) -> Floats:
    """Return 1 - squared errors / squared deviations from the mean; where all numbers are equal, 1 if met, else 0."""
    errors, squares, total, rows = np.moveaxis(sums, -1, 0)
    spread = squares - total**2 / rows
    varies = spread > 1e-12 * squares
    ratio = np.divide(errors, spread, out=np.where(errors > 0, 1.0, 0.0), where=varies)
    return np.asarray(1 - ratio)


_METRICS = {
    "macro_f1": _Metric(_hits_and_either, _macro_f1),
    "micro_f1": _Metric(_hits_and_either, _micro_f1),
    "accuracy": _Metric(_hit, _mean),
    "mae": _Metric(_absolute_error, _mean),
    "r2": _Metric(_squares, _r2),
    "completion_loss": _Metric(_loss_and_tokens, _mean),
    **{name: _Metric(partial(_of_answers, name), _mean) for name in text_metrics.METRICS},
}
_OF_CLASSES = ("macro_f1", "micro_f1", "accuracy")


def indicators(labels: Array, classes: int) -> NDArray[np.bool_]:
    """Return classes as indicators ``(rows, classes)``, from one index a row ``(rows,)`` or from indicators."""
    return np.asarray(labels, dtype=bool) if labels.ndim == 2 else np.eye(classes, dtype=bool)[labels]


@dataclass(frozen=True)
class Scorer:
    """Scores predictions on one split, always with the same resamples."""

    metric: str
    targets: Array
    """True values: indices of classes, numbers or texts ``(rows,)``, or indicators ``(rows, classes)``."""
    classes: int
    """0 where labels are numbers or texts."""
    weights: Floats
    """How often each row occurs in each resample ``(resamples, rows)``."""

    @classmethod
    def build(cls, metric: str, targets: Array, classes: int, *, seed: int = 0) -> Scorer:
        """Draw the resamples for a split."""
        rows = len(targets)
        weights = np.random.default_rng([seed, rows]).multinomial(rows, np.full(rows, 1 / rows), size=RESAMPLES)
        return cls(metric, np.asarray(targets), classes, weights.astype(np.float64))

    @property
    def objective(self) -> Objective:
        """What the metric is called, and which way it is better."""
        return METRICS[self.metric]

    def value(self, predictions: Array) -> float:
        """Return the metric as scikit-learn computes it (classes neither there nor predicted have no F1)."""
        return float(_METRICS[self.metric].of_sums(self._summed(predictions).sum(axis=0)))

    def replicates(self, predictions: Array) -> Floats:
        """Return the metric on every resample ``(resamples,)``."""
        return _METRICS[self.metric].of_sums(self.weights @ self._summed(predictions))

    def score(self, predictions: Array) -> Score:
        """Return value and standard error."""
        return self.score_and_replicates(predictions)[0]

    def score_and_replicates(self, predictions: Array) -> tuple[Score, Floats]:
        """Return value and standard error, and the metric on every resample ``(resamples,)``."""
        metric, summed = _METRICS[self.metric], self._summed(predictions)
        replicates = metric.of_sums(self.weights @ summed)
        value = float(metric.of_sums(summed.sum(axis=0)))
        return Score(value=value, standard_error=float(replicates.std())), replicates

    def interval95(self, predictions: Array) -> tuple[float, float]:
        """Return the 95 % percentile interval of the metric over rows."""
        low, high = np.quantile(self.replicates(predictions), [0.025, 0.975])
        return float(low), float(high)

    def difference95(self, predictions: Array, others: Array) -> tuple[float, float, float]:
        """Return the first's metric less the second's on the same rows: (difference, low, high) at 95 %."""
        low, high = np.quantile(self.replicates(predictions) - self.replicates(others), [0.025, 0.975])
        return self.value(predictions) - self.value(others), float(low), float(high)

    def _summed(self, predictions: Array) -> Floats:
        true = self.targets
        if self.metric in _OF_CLASSES:
            classes = self.classes
            if true.dtype.kind == "U":  # answers of a closed set
                known, codes = np.unique(np.concatenate([true, predictions]), return_inverse=True)
                classes, true, predictions = len(known), codes[: len(true)], codes[len(true) :]
            true, predictions = indicators(true, classes), indicators(predictions, classes)
        return _METRICS[self.metric].summed(true, predictions)
