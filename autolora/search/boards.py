"""The boards of several tasks as one, for Tune: whose turn it is, whom a lease belongs to, and who has failed.

What goes wrong with one task ends that task's trials and nobody else's. Knows boards; knows neither Tune nor engines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from autolora.errors import AutoloraError
from autolora.search.board import Board

Maker = Callable[[], Board]
Turns = Callable[[Sequence[str]], Sequence[str]]
"""Is handed the tasks that may still start trials, and puts them in the order in which they are asked for one."""


@dataclass
class Boards:
    """Every task's board by the task's name."""

    of: dict[str, Board] = field(default_factory=dict)
    to_come: dict[str, Maker] = field(default_factory=dict)
    """Task → what makes its board when its turn first comes."""
    turns: Turns = lambda tasks: tasks
    faults: dict[str, Exception] = field(default_factory=dict)
    """Task → why it cannot go on."""
    _owner: dict[str, str] = field(default_factory=dict)
    """Tune's trial id → task."""

    @property
    def over(self) -> bool:
        """Whether nothing runs, and nothing more will be started."""
        return not any(board.open for task, board in self.of.items() if task not in self.faults) and not self._going()

    def _going(self) -> list[str]:
        """Return the tasks that may still start trials, in the order in which they were named."""
        waiting = [task for task in self.to_come if task not in self.faults]
        return [task for task, board in self.of.items() if task not in self.faults and not board.finished] + waiting

    def next(self, tune_id: str) -> dict[str, Any] | None:
        """Return the Tune configuration of the next lease, of whichever task; None while every slot is taken.

        Tune asks many times a second: while the slots are taken, nobody is asked whether it is finished, and nobody's
        turn is worked out.
        """
        try:
            if any(board.crew.free() is None for board in list(self.of.values())[:1]):
                return None
        except AutoloraError as error:  # engines are lost one after the other: nobody here can go on
            self.faults |= dict.fromkeys(self._going(), error)
            return None
        going = self._going()
        for task in self.turns(going) if len(going) > 1 else going:
            lease = self._next_of(task, tune_id)
            if lease is not None:
                return lease
        return None

    def _next_of(self, task: str, tune_id: str) -> dict[str, Any] | None:
        with self.failing_alone(task):
            if task in self.to_come:
                self.of[task] = self.to_come.pop(task)()
            lease = self.of[task].next(tune_id)
            if lease is not None:
                self._owner[tune_id] = task
            return lease
        return None

    def hear(self, tune_id: str, result: Mapping[str, Any]) -> bool:
        """Take in what a lease has to say; return whether its trial shall stop."""
        task = self._owner.get(tune_id)
        if task is None or task in self.faults or tune_id not in self.of[task].open or "report" not in result:
            return True
        with self.failing_alone(task):
            return self.of[task].hear(tune_id, result["report"])
        return True

    def end(self, tune_id: str, result: Mapping[str, Any] | None, *, error: bool) -> None:
        """Take in a lease's end, and the result that came with it."""
        task = self._owner.pop(tune_id, None)
        if task is None:
            return
        board = self.of[task]
        if task in self.faults:
            board.open.pop(tune_id, None)  # what Tune ends now goes on when the search is resumed
            return
        with self.failing_alone(task):
            if not error and result and tune_id in board.open:
                if "lost" in result:
                    board.lose(tune_id, result["lost"])
                elif "report" in result:
                    board.hear(tune_id, result["report"])
            board.end(tune_id, error=error)

    def close(self) -> None:
        """Close the boards of all that have not failed."""
        for task, board in self.of.items():
            if task not in self.faults:
                with self.failing_alone(task):
                    board.close()

    @contextmanager
    def failing_alone(self, task: str) -> Iterator[None]:
        """Keep a task's first error as its fault; Tune would hand on its text only, and end all the others."""
        try:
            yield
        except Exception as error:
            self.faults.setdefault(task, error)
        else:
            fault = self.of[task].fault if task in self.of else None
            if fault is not None:
                self.faults.setdefault(task, fault)
