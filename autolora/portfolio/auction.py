"""Whose trial is started next, where several tasks are explored together: that of the one that promises most.

First every task has a few trials, one task after the other, so that later ones can learn from earlier ones. From then
on the next trial goes to the task whose own next trial is expected to gain most in a second of device time: the share
of its hypervolume that the trial is expected to add (``Proposer.promise``), times what the whole of it counts, through
what its trials take. A task of which hardly anything is expected any more is done, whatever time is left.

Knows boards by what they say of themselves; knows neither engines nor clocks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

FLOOR_TRIALS = 6
"""That every task has had before any other may take its time."""
ENOUGH_PROMISE = 0.005
"""Share of its hypervolume that one more trial must be expected to add: less is lost in the chance of its scores, whose
standard error on some hundred rows is twice that (the rule of Makarova et al. 2022, "Automatic termination for
hyperparameter optimization", with a share in place of their bound)."""
TURN_TRIALS = 4
"""A task that has the turn keeps it for so many: slots of one task may pass together."""


class Bidder(Protocol):
    """What this needs of a board."""

    trials: int

    def ended(self) -> int:
        """Return how many trials have ended."""

    def promise(self) -> float:
        """Return the share of its hypervolume that the next trial is expected to add; infinity: not known yet."""

    def seconds_a_trial(self) -> float | None:
        """Return the device time that a trial takes on average; None before one has ended."""


@dataclass(kw_only=True)
class Lot:
    """One task in the auction."""

    weight: float = 1.0
    """What the whole of its hypervolume counts."""
    floor: int = FLOOR_TRIALS
    """Trials that it has in any case."""
    board: Bidder | None = None
    """None until its turn first comes."""
    _promise: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has not had its least."""
        return self.board is None or self.board.ended() < min(self.floor, self.board.trials)

    def changed(self) -> None:
        """Something was heard of its trials."""
        self._promise = None

    def promise(self) -> float:
        """Return what its board says; worked out when something has changed only."""
        if self.board is None:
            return math.inf
        if self._promise is None:
            self._promise = self.board.promise()
        return self._promise

    def bid(self) -> float:
        """Return what its next trial is expected to gain in a second."""
        seconds = None if self.board is None else self.board.seconds_a_trial()
        return self.weight * self.promise() / seconds if seconds else math.inf

    def is_done(self) -> bool:
        """Whether hardly anything more is expected of it."""
        return not self.is_open and self.promise() < ENOUGH_PROMISE


@dataclass
class Auction:
    """The tasks that are explored together, in the order in which each first has its turn."""

    lots: Mapping[str, Lot]
    on_turn: Callable[[str, dict[str, float]], None] = lambda task, bids: None
    """Is told when the turn goes to another task, with what every one bids."""
    _turn: str = ""
    _left: int = field(default=0)

    def turns(self, tasks: Sequence[str]) -> list[str]:
        """Return tasks that may start trials in the order in which they are to be asked for one."""
        waiting = [task for task in tasks if self.lots[task].is_open]
        if waiting:
            first = waiting[0]
            # One task after the other: beyond its floor the one before goes on until that has ended.
            return [first, *(task for task in tasks if task != first and self.lots[task].board is not None)]
        if self._turn in tasks and self._left > 0:
            self._left -= 1
        else:
            bids = {task: self.lots[task].bid() for task in tasks}
            best = max(tasks, key=bids.__getitem__)
            if best != self._turn:
                self.on_turn(best, bids)
            self._turn, self._left = best, TURN_TRIALS - 1
        return [self._turn, *(task for task in tasks if task != self._turn)]
