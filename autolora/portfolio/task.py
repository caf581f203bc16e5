"""One task of a batch on its way in this process: its run folder, its rows on the engines, its place in the auction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from autolora.budget import Stopwatch
from autolora.economics.worth import worth_a_month
from autolora.energy import Meter
from autolora.portfolio.auction import Lot
from autolora.portfolio.members import Member
from autolora.search.board import Board
from autolora.store import RunFolder
from autolora.way import Way


@dataclass(frozen=True, kw_only=True)
class EnergyShare:
    """What one task has drawn: of what the machine drew for the batch, its share of the time that was worked."""

    meter: Meter
    """Of this process."""
    before: float
    """Kilowatt hours that earlier processes counted for the task."""
    watch: Stopwatch
    """Of the task."""
    watch_before: float
    """What it showed when this process began."""
    worked: Callable[[], float]
    """Returns the seconds that this process has worked on the batch."""

    def kilowatt_hours(self) -> float | None:
        """Return it, all processes together; None where nothing counts."""
        drawn = self.meter.kilowatt_hours()
        if drawn is None:
            return None
        share = (self.watch.seconds() - self.watch_before) / max(self.worked(), 1e-9)
        return self.before + drawn * min(1.0, share)


@dataclass(kw_only=True)
class Task:
    """One task."""

    member: Member
    way: Way
    run: RunFolder
    holding: ExitStack
    """Frees its rows on the engines, and its folder."""
    lot: Lot
    is_confirming: bool
    """Whether an earlier process had ended exploring."""
    suggested_by: dict[str, int] = field(default_factory=dict)
    """Task whose search made first suggestions → how many."""
    board: Board | None = None
    """None before its turn first comes."""

    @property
    def name(self) -> str:
        """Of the task."""
        return self.member.name

    def after_exploring(self) -> float:
        """Return the seconds that confirming and reporting were planned to take; none where nothing was measured."""
        planned = self.way.planned.confirm_seconds + self.way.planned.closing_seconds
        return planned if math.isfinite(planned) else 0.0

    def why_ended(self) -> str:
        """Return why its exploring has ended: ``space``, ``trials``, ``promise`` or ``time``."""
        assert self.board is not None, "it was never explored"
        if self.board.used_up:
            return "space"
        if self.board.started() >= self.board.trials:
            return "trials"
        return "promise" if self.lot.is_done() else "time"

    def worth(self) -> tuple[float, str] | None:
        """Return what a month is worth more from an adapter that is always right than from one that never is.

        None where nothing was entered, or not enough to say.
        """
        business = self.way.prepared.request.business
        found = None if business is None else worth_a_month(business)
        return None if found is None or business is None or not business.currency else (float(found), business.currency)


def weigh(tasks: Sequence[Task]) -> str | None:
    """Count gains as money where every task says enough of what its work costs, in one currency; else as they are.

    Returns:
        The currency, None where gains count as shares of the hypervolume.
    """
    worths = [task.worth() for task in tasks]
    known = [worth for worth in worths if worth is not None]
    currencies = {currency for _, currency in known}
    if len(known) < len(tasks) or len(currencies) != 1:
        return None
    for task, (worth, _) in zip(tasks, known, strict=True):
        task.lot.weight = task.member.priority * worth
    return currencies.pop()
