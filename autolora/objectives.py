"""Objectives: what a search trades off. Directions end here; everything past this file minimises losses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from autolora.errors import RequestError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One axis of the trade-off."""

    name: str
    """Name of the value, e.g. ``"peak_memory_bytes"``."""
    direction: Direction
    unit: str
    """Printed on axes and in tables: ``"bytes"``, ``"parameters"``, ``"share"``."""
    best: float | None = None
    """The value that nothing can beat; None where there is none."""
    worst: float | None = None
    """The value that nothing can be worse than, likewise."""

    def loss(self, value: float) -> float:
        """Return ``value`` turned so that smaller is better."""
        return value if self.direction == "minimize" else -value

    def inside(self, value: float) -> float:
        """Return ``value``, or the bound that it lies beyond."""
        low, high = (self.best, self.worst) if self.direction == "minimize" else (self.worst, self.best)
        return max(-math.inf if low is None else low, min(math.inf if high is None else high, value))

    def better(self, first: float, second: float) -> bool:
        """Return whether the first value is better than the second."""
        return self.loss(first) < self.loss(second)


TRAINABLE_PARAMS = Objective(name="trainable_params", direction="minimize", unit="parameters")
PEAK_MEMORY = Objective(name="peak_memory_bytes", direction="minimize", unit="bytes")


def _share(name: str) -> Objective:
    return Objective(name=name, direction="maximize", unit="share", best=1.0, worst=0.0)


METRICS = {
    objective.name: objective
    for objective in (
        _share("macro_f1"),
        _share("micro_f1"),
        _share("accuracy"),
        Objective(name="mae", direction="minimize", unit="units of the label", best=0.0),
        Objective(name="r2", direction="maximize", unit="share", best=1.0),
        _share("chrf"),
        _share("rouge_l"),
        _share("token_f1"),
        _share("exact_match"),
        Objective(name="completion_loss", direction="minimize", unit="nats a token", best=0.0),
    )
}
"""What can be asked for as quality, by name."""


GUIDE = "completion_loss"
"""What trials are compared by where an answer is written: texts are written by few, and at the end."""


BY_LIKELIHOOD = ("accuracy", "macro_f1")
"""What scores the likeliest answer of a closed set, where an answer is written."""


def guide_of(metric: Objective, problem: str) -> Objective:
    """Return what trials are compared by, where that is another metric than the one that decides."""
    return METRICS[GUIDE] if problem == "generation" else metric


def metric_named(name: str) -> Objective:
    """Return the objective for a metric's name.

    Raises:
        RequestError: If there is no such metric.
    """
    if name not in METRICS:
        raise RequestError(f"metric must be one of {', '.join(METRICS)}, but got {name!r}", "choose one of them")
    return METRICS[name]


def recorded_metric(name: str) -> Objective:
    """Return the objective for a name in a record; one that this version does not know is better when larger."""
    return METRICS.get(name) or Objective(name=name, direction="maximize", unit="")


def losses(values: NDArray[np.float64], objectives: tuple[Objective, ...]) -> NDArray[np.float64]:
    """Return ``values`` ``(n_trials, n_objectives)`` with every column turned so that smaller is better."""
    import numpy as np  # half of what reading a run folder would take

    signs = np.array([1.0 if objective.direction == "minimize" else -1.0 for objective in objectives])
    turned: NDArray[np.float64] = np.asarray(values, dtype=np.float64) * signs
    return turned
