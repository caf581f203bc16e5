"""The clock of a batch: what is left of its budget, and what of that is set aside for whom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from autolora.budget import Stopwatch, seconds_used
from autolora.portfolio.folder import BatchFolder
from autolora.portfolio.task import Task
from autolora.store import TASK, RunFolder
from autolora.units import in_minutes


def seconds_worked(folder: BatchFolder) -> float:
    """Return the time that earlier processes worked on a batch.

    The batch itself says it seldom, its tasks at every trial and training; their clocks run one at a time, so that they
    add up. What a kill cuts off is what was worked since the last of them.
    """
    tasks = (path.parent for path in folder.path.glob(f"*/{TASK}"))
    return max(seconds_used(folder), sum(seconds_used(RunFolder(path)) for path in tasks))


@dataclass(kw_only=True)
class BatchClock:
    """Seconds are counted over all processes that worked on the batch."""

    watch: Stopwatch
    budget: float
    """Infinity without a limit."""
    before: float = field(init=False)
    """Seconds that earlier processes worked on it."""
    allotted: dict[str, float] = field(default_factory=dict)
    """Task → the seconds set aside for it at the start; none without a budget."""

    def __post_init__(self) -> None:
        """Note where this process begins."""
        self.before = self.watch.before

    def spent(self) -> float:
        """Return the seconds that were worked on the batch."""
        return self.watch.seconds()

    def worked(self) -> float:
        """Return those of this process."""
        return self.watch.seconds() - self.before

    def left_in_words(self) -> str:
        """Return what is left of the budget."""
        return in_minutes(max(0.0, self.budget - self.spent()))

    def plan_seconds(self, name: str, *, own: float, deadline: float | None) -> float:
        """Return the seconds that a task's plan is made for; infinity without a limit.

        Args:
            name: Of the task.
            own: Its own budget in seconds.
            deadline: Seconds from the batch's begin within which it is to be done, None for none.
        """
        until = math.inf if deadline is None else deadline - self.spent()
        return max(1.0, min(own, self.allotted.get(name, math.inf), until))

    def exploring_ends(self, tasks: Sequence[Task], is_over: Callable[[str], bool]) -> float:
        """Return the moment (``time.monotonic()``) at which exploring ends so that all that follows is done in time.

        Args:
            tasks: Those that are explored together, in the order in which they are then confirmed.
            is_over: Whether a task of some name asks for no more time.
        """
        end = self.budget - self._set_aside([task.name for task in tasks], is_over)
        end -= sum(task.after_exploring() for task in tasks)
        needed = 0.0
        for task in tasks:
            needed += task.after_exploring()
            if task.member.deadline_seconds is not None:
                end = min(end, task.member.deadline_seconds - needed)
        return time.monotonic() + end - self.spent()

    def left_for(self, task: Task, later: Sequence[Task], is_over: Callable[[str], bool]) -> float:
        """Return the seconds in which a task can be confirmed and reported; infinity without a limit.

        Args:
            task: The one whose turn it is.
            later: Those that were explored with it and come after it.
            is_over: Whether a task of some name asks for no more time.
        """
        left = self.budget - self.spent() - sum(other.after_exploring() for other in later)
        left -= self._set_aside([task.name, *(other.name for other in later)], is_over)
        if task.member.deadline_seconds is not None:
            left = min(left, task.member.deadline_seconds - self.spent())
        return max(0.0, left)

    def _set_aside(self, names: Iterable[str], is_over: Callable[[str], bool]) -> float:
        """Return what is set aside for tasks other than these that are still to come."""
        waiting = set(self.allotted) - set(names)
        return sum(self.allotted[name] for name in waiting if not is_over(name))
