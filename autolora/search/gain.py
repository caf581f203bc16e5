"""How much a trial may add to the front before it is trained, where only its quality is in doubt. Plain arrays.

What a configuration costs (trained parameters, memory) is known exactly beforehand; quality is a guess with a spread.
The hypervolume that it would add is then, in each cell between the costs of the front, ordinary expected improvement
(Jones, Schonlau and Welch 1998) over the best quality to be had there for no more, times the cell's size. So the
expected gain of hypervolume (Emmerich, Giannakoglou and Naujoks 2006) needs no sampling.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]


def expected_gain(
    mean: Array, spread: Array, costs: Array, *, quality: Array, paid: Array, floor: float, reference: float
) -> Array:
    """Return the expected gain of hypervolume of each candidate ``(candidates,)``.

    Args:
        mean: Of each candidate's quality, larger is better ``(candidates,)``.
        spread: Its standard deviation, above 0 ``(candidates,)``.
        costs: Each candidate's two costs, each on a scale where equal distances matter equally ``(candidates, 2)``.
        quality: Of the trials so far ``(trials,)``.
        paid: Their two costs ``(trials, 2)``.
        floor: Quality that is to be had for nothing.
        reference: Cost beyond which nothing counts, on both scales.
    """
    edges = [np.unique(np.append(column[column < reference], reference)) for column in paid.T]
    lower = [np.append(-math.inf, edge[:-1]) for edge in edges]
    # How much of each strip between two edges lies above a candidate's cost.
    inside = [
        np.clip(edge - np.maximum(start, column[:, None]), 0, None)
        for edge, start, column in zip(edges, lower, costs.T, strict=True)
    ]
    within = [column[:, None] <= start for column, start in zip(paid.T, lower, strict=True)]
    had = np.where(within[0][:, :, None] & within[1][:, None, :], quality[:, None, None], floor)
    best = had.max(axis=0, initial=floor)
    gain = np.zeros(len(mean))
    for level in np.unique(best):
        area = ((inside[0] @ (best == level)) * inside[1]).sum(axis=1)
        gain += area * _expected_improvement(mean, spread, float(level))
    return gain


def _expected_improvement(mean: Array, spread: Array, level: float) -> Array:
    z = (mean - level) / spread
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    improvement: Array = spread * (z * ndtr(z) + density)
    return np.maximum(improvement, 0.0)  # far below, rounding may take it under 0
