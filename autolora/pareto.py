"""Pareto fronts and the published hypervolume, on plain arrays of losses. Knows no trials."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autolora.errors import RequestError

PARAMS_BEST = 1e3
PARAMS_WORST = 1e6
"""Fixed ends of the hypervolume's parameter axis, on a log10 scale."""
WRITING_PARAMS_BEST = 1e4
WRITING_PARAMS_WORST = 1e9
"""The same where answers are written: a small adapter of a base of 7 thousand million parameters has 20 million."""


def on_front(losses: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return a mask ``(n_trials,)`` of the rows that no other row dominates.

    A row dominates another when it is no worse in every column and better in one.
    Equal rows do not dominate each other, so ties stay on the front together.

    Args:
        losses: ``(n_trials, n_objectives)``, smaller is better.
    """
    no_worse = (losses[:, None, :] <= losses[None, :, :]).all(axis=2)
    better = (losses[:, None, :] < losses[None, :, :]).any(axis=2)
    dominated: NDArray[np.bool_] = np.any(no_worse & better, axis=0)
    return ~dominated


def hypervolume(
    metric: ArrayLike,
    params: ArrayLike,
    *,
    floor: float,
    best: float = 1.0,
    best_params: float = PARAMS_BEST,
    worst_params: float = PARAMS_WORST,
) -> float:
    """Return the share of the (quality, size) square that the trials dominate, between 0 and 1.

    Quality is the metric from ``floor`` (0) to ``best`` (1), whichever of the two is larger; size is log10 of trainable
    parameters, from ``worst_params`` (0) to ``best_params`` (1); both are cut to [0, 1]. The reference point is (floor,
    worst_params). In two dimensions the hypervolume (Zitzler and Thiele 1998) is the area under a staircase. Where the
    floor is the best already, nothing can be gained and it is 0.

    Raises:
        RequestError: If the floor is no number or the ends of the parameter axis are not in order.
    """
    if not math.isfinite(floor):
        raise RequestError(f"the hypervolume's floor must be a finite number, but got {floor}")
    if not 0 < best_params < worst_params:
        raise RequestError(f"best_params must be below worst_params, but got {best_params} and {worst_params}")
    if floor == best:
        return 0.0
    quality = np.clip((np.asarray(metric, dtype=np.float64) - floor) / (best - floor), 0, 1)
    span = math.log10(worst_params) - math.log10(best_params)
    size = np.clip((math.log10(worst_params) - np.log10(np.asarray(params, dtype=np.float64))) / span, 0, 1)
    area, reached = 0.0, 0.0
    for at in np.lexsort((-quality, -size)):  # smallest adapters first; each better one adds a step to the staircase
        if quality[at] > reached:
            area += float(size[at] * (quality[at] - reached))
            reached = float(quality[at])
    return area
