"""The time budget: how much of it exploring may take, and how much can be confirmed in what is left.

Knows how long trials took and what a run folder says of earlier processes; trains nothing.
"""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from autolora.confirm import RATE_GRID, SEEDS
from autolora.recommend import FINALISTS
from autolora.records import TrialRecord
from autolora.store import RunFolder

_EXPLORE_SHARES = (0.35, 0.8)
"""Least and most of a time budget that exploring takes; confirming has the rest."""
_CLOSING_SECONDS = 30.0
"""For packing, testing and reporting."""


class ConfirmPlan(NamedTuple):
    """How much is confirmed."""

    finalists: int
    baseline_seeds: int
    """Fresh seeds that the default and the best of its rates are trained on; finalists always have ``SEEDS``."""


PLANS = (
    ConfirmPlan(FINALISTS, SEEDS),
    ConfirmPlan(FINALISTS, 1),
    ConfirmPlan(2, 1),
    ConfirmPlan(1, 1),
)
"""From the fullest to the leanest."""


def seconds_used(run: RunFolder) -> float:
    """Return the time that earlier processes worked on a search, up to its last event.

    Every event says how long all processes have worked by then, on a clock that nobody sets: the times of day beside it
    may jump.
    """
    return max((float(event["spent"]) for event in run.events() if "spent" in event), default=0.0)


def confirm_plan_of(run: RunFolder) -> ConfirmPlan | None:
    """Return the plan that an earlier process began to carry out; a kill must not change what is compared."""
    begun = [event for event in run.events() if event.get("event") == "confirm"]
    return ConfirmPlan(int(begun[0]["finalists"]), int(begun[0]["baseline_seeds"])) if begun else None


@dataclass
class Clock:
    """Splits a time budget between exploring and confirming, by what trials are seen to take."""

    start: float
    """``time.monotonic()`` at which the search began, or would have without interruptions."""
    budget_seconds: float
    _full_seconds: dict[int, float] = field(default_factory=dict)
    """Trial → device time that training it in full takes, as seen so far."""

    def learn(self, trial: TrialRecord) -> None:
        """Take in how long a trial has trained."""
        if trial.rungs:
            self._full_seconds[trial.number] = trial.rungs[-1].seconds / trial.rungs[-1].share

    def spent(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.start

    def exploring_ends(self) -> float:
        """Return the moment from which what is left is just enough to confirm."""
        if math.isinf(self.budget_seconds):
            return math.inf
        least, most = (share * self.budget_seconds for share in _EXPLORE_SHARES)
        explore = self.budget_seconds - self._confirm_seconds(PLANS[0])
        return self.start + min(max(explore, least), most)

    def confirm_plan(self) -> ConfirmPlan:
        """Return the fullest plan that there is time for, or the leanest."""
        left = self.budget_seconds - self.spent()
        return next((plan for plan in PLANS if self._confirm_seconds(plan) <= left), PLANS[-1])

    def _confirm_seconds(self, plan: ConfirmPlan) -> float:
        """Return the time to train finalists, the default and its rate grid, packing and report included."""
        trainings = SEEDS * plan.finalists + 2 * plan.baseline_seeds + len(RATE_GRID) - 2
        typical = statistics.median(self._full_seconds.values()) if self._full_seconds else 0.0
        return trainings * typical + _CLOSING_SECONDS
