"""Classification metrics with their uncertainty over rows. Knows arrays only.

Values are scikit-learn's. Uncertainty is a bootstrap over rows (Efron 1979) with resamples drawn once for a split,
so that two adapters scored on the same rows can be compared resample by resample (a paired comparison).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from autolora.errors import RequestError
from autolora.objectives import Objective
from autolora.records import Score

MetricName = Literal["macro_f1", "accuracy"]
METRICS: tuple[MetricName, ...] = ("macro_f1", "accuracy")
RESAMPLES = 400

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def objective(name: str) -> Objective:
    """Return the objective for a metric's name.

    Raises:
        RequestError: If there is no such metric.
    """
    if name not in METRICS:
        raise RequestError(f"metric must be one of {', '.join(METRICS)}, but got {name!r}", "choose one of them")
    return Objective(name=name, direction="maximize", unit="share")


@dataclass(frozen=True)
class Scorer:
    """Scores predictions on one split, always with the same resamples."""

    metric: MetricName
    labels: Ints
    """True classes ``(rows,)``."""
    classes: int
    weights: Floats
    """How often each row occurs in each resample ``(resamples, rows)``."""

    @classmethod
    def build(cls, metric: MetricName, labels: Ints, classes: int, *, seed: int = 0) -> Scorer:
        """Draw the resamples for a split."""
        rows = len(labels)
        weights = np.random.default_rng([seed, rows]).multinomial(rows, np.full(rows, 1 / rows), size=RESAMPLES)
        return cls(metric, np.asarray(labels, dtype=np.int64), classes, weights.astype(np.float64))

    def value(self, predictions: Ints) -> float:
        """Return the metric as scikit-learn computes it, over all ``classes`` for macro-F1 (an absent one counts 0)."""
        from sklearn.metrics import accuracy_score, f1_score  # a second to import, and engines score nothing

        if self.metric == "accuracy":
            return float(accuracy_score(self.labels, predictions))
        present = np.union1d(self.labels, predictions)
        return float(f1_score(self.labels, predictions, labels=present, average="macro", zero_division=0.0))

    def replicates(self, predictions: Ints) -> Floats:
        """Return the metric on every resample ``(resamples,)``."""
        hits = (predictions == self.labels).astype(np.float64)
        if self.metric == "accuracy":
            return np.asarray(self.weights @ hits / len(hits))
        true = np.eye(self.classes)[self.labels]
        predicted = np.eye(self.classes)[predictions]
        hit_counts = self.weights @ (true * hits[:, None])
        either = self.weights @ (true + predicted)
        f1 = np.divide(2 * hit_counts, either, out=np.zeros_like(either), where=either > 0)
        return np.asarray(f1.sum(axis=1) / np.maximum((either > 0).sum(axis=1), 1))

    def score(self, predictions: Ints) -> Score:
        """Return value and standard error."""
        return Score(value=self.value(predictions), standard_error=float(self.replicates(predictions).std()))

    def interval95(self, predictions: Ints) -> tuple[float, float]:
        """Return the 95 % percentile interval of the metric over rows."""
        low, high = np.quantile(self.replicates(predictions), [0.025, 0.975])
        return float(low), float(high)

    def difference95(self, predictions: Ints, others: Ints) -> tuple[float, float, float]:
        """Return the first's lead over the second on the same rows: (difference, low, high) at 95 %."""
        low, high = np.quantile(self.replicates(predictions) - self.replicates(others), [0.025, 0.975])
        return self.value(predictions) - self.value(others), float(low), float(high)
