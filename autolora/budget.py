"""The clock of a search: when exploring ends, what there is time to confirm, and what earlier processes had decided.

Knows how long trials took, the plan, and what a run folder says of earlier processes; trains nothing.
"""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import msgspec

from autolora import plan as plans
from autolora.business import parse_amount
from autolora.folder import Folder
from autolora.plan import Confirming, Plan, Work
from autolora.records import TrialRecord
from autolora.request import Request
from autolora.store import RunFolder
from autolora.units import in_minutes

_EXPLORE_SHARES = (0.35, 0.8)
"""Least of what is left after the start that exploring gets, and most of the budget after which it ends."""


def seconds_used(run: Folder) -> float:
    """Return the time that earlier processes worked on a search or a batch, up to its last event.

    Every event says how long all processes have worked by then, on a clock that nobody sets: the times of day beside it
    may jump.
    """
    return max((float(event["spent"]) for event in run.events() if "spent" in event), default=0.0)


def plan_of(run: RunFolder) -> Plan | None:
    """Return the plan that an earlier process made; trials on other rows could not be compared."""
    event = _first(run, "plan")
    return None if event is None else msgspec.convert(event, Plan)


def confirming_of(run: RunFolder) -> Confirming | None:
    """Return what an earlier process began to confirm; a kill must not change what is compared."""
    event = _first(run, "confirm")
    return None if event is None else msgspec.convert(event, Confirming)


def settled_of(run: RunFolder) -> frozenset[str] | None:
    """Return what an earlier process had trained when it chose among finalists; None if none came so far."""
    event = _first(run, "settled")
    return None if event is None else frozenset(event["trained"])


def as_event(value: Plan | Confirming) -> dict[str, Any]:
    """Return what ``plan_of`` and ``confirming_of`` read; what has no end is left out."""
    plain: dict[str, Any] = msgspec.to_builtins(value)
    return {name: each for name, each in plain.items() if each != math.inf}


def _first(run: RunFolder, kind: str) -> dict[str, Any] | None:
    return next((event for event in run.events() if event.get("event") == kind), None)


@dataclass(kw_only=True)
class Stopwatch:
    """Counts the seconds that are worked on a search, from now on; it may be stopped for a while."""

    before: float = 0.0
    """Seconds that were worked on it before."""
    _since: float | None = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        """Return all of them."""
        return self.before + (0.0 if self._since is None else time.monotonic() - self._since)

    def add(self, seconds: float) -> None:
        """Count what was worked on it while the watch stood still."""
        self.before += seconds

    def stop(self) -> None:
        """Stand still."""
        self.before, self._since = self.seconds(), None

    def go_on(self) -> None:
        """Count again."""
        self.before, self._since = self.seconds(), time.monotonic()


@dataclass(kw_only=True)
class Clock:
    """Splits a time budget between exploring and confirming, by what trials are seen to take."""

    watch: Stopwatch
    budget_seconds: float
    _plan: Plan | None = None
    _work: Work | None = None
    _full_seconds: dict[int, float] = field(default_factory=dict)
    """Trial → device time that training it in full takes, as seen so far."""

    def follow(self, plan: Plan, work: Work | None) -> None:
        """Keep to a plan, made of what things were measured to take; None where nothing was measured."""
        self._plan, self._work = plan, work

    def learn(self, trial: TrialRecord) -> None:
        """Take in how long a trial has trained."""
        if trial.rungs:
            self._full_seconds[trial.number] = trial.rungs[-1].seconds / trial.rungs[-1].share

    def spent(self) -> float:
        """Return the seconds that were worked on the search."""
        return self.watch.seconds()

    def ends(self) -> float:
        """Return the moment at which the budget is spent if nothing else is worked on (``time.monotonic()``)."""
        return time.monotonic() + self.budget_seconds - self.spent()

    def left_in_words(self, request: Request) -> str:
        """Return what is left of the budget: time, and money where that is what was given."""
        left = max(0.0, self.budget_seconds - self.spent())
        price = request.an_hour
        if request.budget.money is None or price is None:
            return in_minutes(left)
        paid = float(price) * left / 3600
        amount = f"{paid:,.0f}" if paid >= 100 else f"{paid:.2f}"
        return f"{in_minutes(left)} or {amount} {parse_amount(request.budget.money)[1]}"

    def left_before(self, closing_seconds: float, *, fitted_rows: int = 0) -> float:
        """Return the seconds until the last part must begin, at the pace seen so far.

        Args:
            closing_seconds: What that part was planned to take.
            fitted_rows: Training rows of the linear model, where that is to be fitted before.
        """
        if math.isinf(self.budget_seconds):
            return math.inf
        fitting = 0.0 if self._work is None else self._work.fitting(fitted_rows)
        return self.budget_seconds - self.spent() - fitting - self._at_pace(closing_seconds)

    def exploring_ends(self) -> float:
        """Return the moment from which what is left is just enough to confirm, by the speed seen so far."""
        if self._plan is None or self._work is None or math.isinf(self.budget_seconds):
            return math.inf
        plan, seen = self._plan, self._work.at_pace(self._pace())
        reserved = seen.confirming(plan.confirm) + self._at_pace(plan.closing_seconds)
        share, most = _EXPLORE_SHARES
        one = self._work.exploring(plan.explore_train, plan.explore_validation)
        # However long the start took, there is time for a trial: a search that ends with nothing was for nothing.
        least = plan.begun + min(plan.explore_seconds, max(share * (self.budget_seconds - plan.begun), one))
        end = max(least, min(self.budget_seconds - reserved, most * self.budget_seconds))
        return time.monotonic() + end - self.spent()

    def confirming(self) -> Confirming:
        """Return what there is time to confirm."""
        assert self._plan is not None, "the clock was told no plan"
        if self._work is None or math.isinf(self.budget_seconds):
            return self._plan.confirm
        left = self.left_before(self._plan.closing_seconds)
        return plans.confirming(left, self._plan, self._work.at_pace(self._pace()))

    def _at_pace(self, closing_seconds: float) -> float:
        """Return what the last part takes at the pace seen so far: never less than was planned."""
        return closing_seconds * max(1.0, self._pace())

    def _pace(self) -> float:
        """Return how many times as long trials have taken so far as was planned."""
        if self._plan is None or self._work is None or not self._full_seconds:
            return 1.0
        expected = self._work.exploring(self._plan.explore_train, self._plan.explore_validation)
        return statistics.median(self._full_seconds.values()) / expected
