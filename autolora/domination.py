"""When a trial is dominated beyond noise. Knows scores and costs; knows neither Ray nor Optuna.

A trial stops at a rung when another one, with no more trained parameters and no more memory, scored better at the same
rung in at least ``CONFIDENCE`` of the bootstrap resamples of the validation rows. Both are scored on the same rows and
the same resamples, so that what is common to both cancels out. A trial that no other can replace is never stopped.

A trial that has hardly left the answer that is the same for every row makes nobody pointless: there a few rows decide,
on which the resamples agree although they say nothing about the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autolora.records import Score
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import Problem

RUNGS = (1 / 9, 1 / 3, 1.0)
"""Shares of the full training length at which trials are compared."""
CONFIDENCE = 0.95
FLOOR = -1
"""Number of the made-up trial that costs nothing: the same answer for every row, or the base as it is."""
_FLOOR_FROM_RUNG = 1
"""At the first rung an adapter may not have left the most frequent answer yet."""
_LEFT_FLOOR = 0.1
"""Share of the way from the floor to a perfect score at which a trial can make others pointless."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a trial costs."""

    trainable_params: int
    peak_memory_bytes: int

    def no_more_than(self, other: Costs) -> bool:
        """Whether neither cost is above the other's."""
        return self.trainable_params <= other.trainable_params and self.peak_memory_bytes <= other.peak_memory_bytes


@dataclass
class Judge:
    """Keeps every rung result and says which trials are dominated."""

    problem: Problem
    scorer: Scorer
    free: NDArray[Any] | None = None
    """Outputs that are to be had without training; None takes the best that is the same for every row."""
    costs: dict[int, Costs] = field(default_factory=dict)
    replicates: dict[tuple[int, int], NDArray[np.float64]] = field(default_factory=dict)
    """(trial, rung) → the metric on every resample."""
    scores: dict[tuple[int, int], float] = field(default_factory=dict)
    """(trial, rung) → the metric."""
    latest: dict[int, int] = field(default_factory=dict)
    """Trial → highest rung reached."""

    def __post_init__(self) -> None:
        """Enter what is free as a trial without costs."""
        targets, free = self.scorer.targets, self.free
        if free is None:
            free = np.repeat(self.problem.constant(self.scorer.metric, targets), len(targets), axis=0)
        predictions = self.problem.decided(free, self.scorer)
        self.floor = self.scorer.value(predictions)
        self._floor_replicates = self.scorer.replicates(predictions)

    def enter(self, trial: int, costs: Costs) -> None:
        """Make a trial known."""
        self.costs[trial] = costs

    def record(self, trial: int, rung: int, outputs: NDArray[Any]) -> Score:
        """Keep a trial's result at a rung, and return its score."""
        score, self.replicates[trial, rung] = self.scorer.score_and_replicates(
            self.problem.decided(outputs, self.scorer)
        )
        self.scores[trial, rung] = score.value
        self.latest[trial] = max(rung, self.latest.get(trial, rung))
        return score

    def dominated_by(self, trial: int, *, floor: bool = True) -> int | None:
        """Return a trial that makes this one pointless at the highest rung it has reached, None if there is none.

        Args:
            trial: Its number.
            floor: Whether what is free may do so too.
        """
        rung = self.latest.get(trial)
        if rung is None:
            return None
        own = self.replicates[trial, rung]
        if floor and rung >= _FLOOR_FROM_RUNG and not self._better(own, self._floor_replicates):
            return FLOOR
        for other, costs in self.costs.items():
            theirs = self.replicates.get((other, rung))
            if (
                other != trial
                and theirs is not None
                and costs.no_more_than(self.costs[trial])
                and self._has_left_floor(other, rung)
                and self._better(theirs, own)
            ):
                return other
        return None

    def _has_left_floor(self, trial: int, rung: int) -> bool:
        objective = self.scorer.objective
        floor, reached = objective.loss(self.floor), objective.loss(self.scores[trial, rung])
        way = floor if objective.best is None else floor - objective.loss(objective.best)
        return bool(floor - reached >= _LEFT_FLOOR * abs(way))

    def _better(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
        """Whether the first beats the second on enough of the common resamples."""
        wins = first < second if self.scorer.objective.direction == "minimize" else first > second
        return bool(wins.mean() >= CONFIDENCE)
