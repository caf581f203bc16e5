"""Objectives: what a search trades off. Directions end here; everything past this file minimises losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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

    def loss(self, value: float) -> float:
        """Return ``value`` turned so that smaller is better."""
        return value if self.direction == "minimize" else -value


TRAINABLE_PARAMS = Objective(name="trainable_params", direction="minimize", unit="parameters")
PEAK_MEMORY = Objective(name="peak_memory_bytes", direction="minimize", unit="bytes")


def losses(values: NDArray[np.float64], objectives: tuple[Objective, ...]) -> NDArray[np.float64]:
    """Return ``values`` ``(n_trials, n_objectives)`` with every column turned so that smaller is better."""
    signs = np.array([1.0 if objective.direction == "minimize" else -1.0 for objective in objectives])
    turned: NDArray[np.float64] = np.asarray(values, dtype=np.float64) * signs
    return turned
