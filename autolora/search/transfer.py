"""First suggestions from what earlier searches found: a few settings that together would have covered their fronts.

Settings that stood on the front of a near task are taken one after the other, each time the one that adds most to the
hypervolume of all near tasks together, near ones counting more. What a setting would have scored where it was not tried
is what a Gaussian process makes of the scores there. So the first suggestions are a portfolio in the sense of Feurer et
al. (2015, "Initializing Bayesian hyperparameter optimization via meta-learning"), drawn up greedily.

Knows records and the space that is searched; knows neither Ray nor Optuna.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autolora.engine.costs import CostModel
from autolora.records import AdapterConfig
from autolora.records.past import PastSearch, PastTrial
from autolora.search.elsewhere import Elsewhere
from autolora.search.encoding import Encoder
from autolora.search.proposer import REFERENCE, CostScale
from autolora.space import Space

Array = NDArray[np.float64]

MOST_SUGGESTIONS = 6
_ADDS_ENOUGH = 0.01
"""Share of what the suggestions before it cover that one more must add."""
_DRAWN = 512
"""Members of the space by which costs are scaled."""
_SURE = 1e-4
"""Spread of what is believed of a setting's quality: it is taken for what it most likely is."""


@dataclass(frozen=True, kw_only=True)
class Suggested:
    """A setting, and where it comes from."""

    params: dict[str, Any]
    """A member of the space."""
    source: str
    """Name of the task on whose front it stood."""


def suggestions(
    space: Space,
    costs: CostModel,
    elsewhere: Elsewhere | None,
    *,
    admits: Callable[[AdapterConfig], bool] = lambda config: True,
    most: int = MOST_SUGGESTIONS,
) -> tuple[Suggested, ...]:
    """Return settings to try first, best first; none where no earlier search is of any use.

    Args:
        space: What is searched; settings become its nearest members.
        costs: Of configurations on the base that is searched on.
        elsewhere: What earlier searches found.
        admits: Whether a configuration may be trained at all.
        most: How many to return at the most.
    """
    from autolora.search.gain import expected_gain

    candidates = [] if elsewhere is None else _candidates(space, costs, elsewhere.sources, admits)
    if elsewhere is None or not candidates:
        return ()
    encoder = Encoder(space)
    points = np.array([(*encoder.point(each.params), 1.0) for each in candidates])
    random = np.random.default_rng(0)
    scale = CostScale.of(space, costs, [space.sample(random) for _ in range(_DRAWN)])
    paid = scale.places([costs.config(space.fixed | each.params) for each in candidates])
    quality = elsewhere.each(points)
    chosen: list[int] = []
    covered = 0.0
    while len(chosen) < min(most, len(candidates)):
        gains = sum(
            weight
            * expected_gain(
                own,
                np.full(len(own), _SURE),
                paid,
                quality=own[chosen],
                paid=paid[chosen].reshape(-1, 2),
                floor=0.0,
                reference=REFERENCE,
            )
            for weight, own in zip(elsewhere.weights, quality, strict=True)
        )
        gains = np.asarray(gains)
        gains[chosen] = -math.inf
        best = int(np.argmax(gains))
        if chosen and gains[best] < _ADDS_ENOUGH * covered:
            break
        chosen.append(best)
        covered += float(gains[best])
    return tuple(candidates[at] for at in chosen)


def _candidates(
    space: Space, costs: CostModel, sources: Sequence[PastSearch], admits: Callable[[AdapterConfig], bool]
) -> list[Suggested]:
    """Return the settings on the sources' fronts as members of the space, each once."""
    found: dict[AdapterConfig, Suggested] = {}
    for past in sources:
        for trial in _front(past.trials):
            params = space.snap(trial.params)
            config = costs.config(space.fixed | params)
            if admits(config):
                found.setdefault(config, Suggested(params=params, source=past.name))
    return list(found.values())


def _front(trials: Sequence[PastTrial]) -> list[PastTrial]:
    from autolora.pareto import on_front

    done = [trial for trial in trials if trial.complete]
    losses = np.array([[-t.quality, t.trainable_params, t.peak_memory_bytes] for t in done], dtype=np.float64)
    return [trial for trial, is_on in zip(done, on_front(losses), strict=True) if is_on and trial.quality > 0]
