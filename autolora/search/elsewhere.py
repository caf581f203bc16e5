"""What earlier searches on other tasks let one expect of a configuration, before and while it is tried on this one.

Each earlier search has a model of its own (``surrogate``), over settings and training share, of the share of what could
be gained there. What is expected here is their mean, near tasks counting more. A search that has it learns only what is
different here: its own model is one of the differences (a prior mean, Rasmussen and Williams 2006, section 2.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autolora.past import near
from autolora.records.past import Likeness, PastSearch
from autolora.search import surrogate
from autolora.search.encoding import Encoder, along
from autolora.search.surrogate import Surrogate
from autolora.space import Space

Array = NDArray[np.float64]

NEAREST = 4
"""Searches that are taken into account."""
_LEAST_SCORES = 4


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Some earlier searches, seen from one task and one space."""

    sources: tuple[PastSearch, ...]
    """The nearest first."""
    weights: Array
    """How much each counts ``(sources,)``; 1 for one that is alike."""
    models: tuple[Surrogate, ...]

    @classmethod
    def of(cls, space: Space, likeness: Likeness, searches: Sequence[PastSearch]) -> Elsewhere | None:
        """Return what is known from elsewhere, None where that is nothing.

        Args:
            space: What is searched; settings of other spaces become its nearest members.
            likeness: Of the task.
            searches: Earlier ones.
        """
        encoder = Encoder(space)
        sources, weights, models = [], [], []
        for past, away in near(likeness, searches, NEAREST):
            rows = [(*encoder.point(space.snap(t.params)), along(s.share)) for t in past.trials for s in t.scores]
            values = [max(score.quality, 0.0) for trial in past.trials for score in trial.scores]
            if len(values) >= _LEAST_SCORES and max(values) > 0:
                sources.append(past)
                weights.append(float(np.exp(-away)))
                models.append(surrogate.fit(np.array(rows), np.array(values)))
        if not sources:
            return None
        return cls(sources=tuple(sources), weights=np.array(weights), models=tuple(models))

    def each(self, points: Array) -> Array:
        """Return what each source lets one expect at points ``(n, axes)``: shares of all gains ``(sources, n)``."""
        return np.array([np.clip(model.predict(points)[0], 0.0, 1.0) for model in self.models])

    def expected(self, points: Array) -> Array:
        """Return what all of them together let one expect ``(n,)``."""
        return np.asarray(self.weights @ self.each(points) / self.weights.sum())
