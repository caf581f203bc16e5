"""Shows on stderr how a search goes: one table and one bar on a terminal, plain lines elsewhere. Knows records only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from autolora.records import TrialRecord, TrialState

_ROWS = 12
"""Trials in the live table."""


class Lines(Protocol):
    """Whoever shows what is said of a batch, line by line."""

    def budget(self, left: Callable[[], str]) -> None:
        """Show from now on what is left."""

    def stage(self, text: str) -> None:
        """Name a part of the way."""

    def step(self, text: str, *, task: str = "", trial: TrialRecord | None = None) -> None:
        """Say that a trial or a training of some task has ended.

        Args:
            text: In words.
            task: Whose it is.
            trial: If it was one.
        """

    def note(self, text: str) -> None:
        """Say something that the user is to know."""


class PlainProgress:
    """A line for every event."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._left: Callable[[], str] = lambda: ""

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def budget(self, left: Callable[[], str]) -> None:
        """Say in every line from now on what is left."""
        self._left = lambda: f", {left()} left"

    def stage(self, text: str) -> None:
        """Print the name of a part of the way."""
        self._print(text)

    def trial(self, event: str, trial: TrialRecord, total: int) -> None:
        """Print where a trial stands; its start says nothing yet."""
        if event != "started":
            self.step(line(trial))

    def confirming(self, done: int, total: int) -> None:
        """Print how many full trainings are done."""
        self.step(f"trained {done} of up to {total}")

    def step(self, text: str, *, task: str = "", trial: TrialRecord | None = None) -> None:
        """Print what came of a trial or a training; the text says all."""
        self._print(f"  {text}")

    def note(self, text: str) -> None:
        """Print a note."""
        self._print(f"Note: {text}")

    def _print(self, text: str) -> None:
        print(f"[{time.monotonic() - self._start:6.1f} s{self._left()}] {text}", file=sys.stderr, flush=True)


class TaskProgress:
    """Lines of one task among several: each begins with its name."""

    def __init__(self, lines: Lines, name: str) -> None:
        self._lines, self._name = lines, name

    def budget(self, left: Callable[[], str]) -> None:
        """Say nothing: what is left is the batch's."""

    def stage(self, text: str) -> None:
        """Print the name of a part of the way."""
        self._lines.stage(f"{self._name}: {text}")

    def trial(self, event: str, trial: TrialRecord, total: int) -> None:
        """Print where a trial has ended; rungs of several tasks at once would be too many lines."""
        if event == "ended":
            self._lines.step(f"{self._name}: {line(trial)}", task=self._name, trial=trial)

    def confirming(self, done: int, total: int) -> None:
        """Print how many full trainings are done."""
        self._lines.step(f"{self._name}: trained {done} of up to {total}", task=self._name)

    def note(self, text: str) -> None:
        """Print a note."""
        self._lines.note(f"{self._name}: {text}")


class _Left(ProgressColumn):
    """What is left of the budget, whenever the bar is drawn."""

    max_refresh = 0.5

    def __init__(self) -> None:
        super().__init__()
        self.left: Callable[[], str] = lambda: ""

    def render(self, task: Task) -> Text:
        """Return it as it is now."""
        return Text(self.left())


class LiveProgress:
    """One table of the newest trials and one bar, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._trials: dict[int, TrialRecord] = {}
        self._left = _Left()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            self._left,
            console=console,
        )
        self._task = self._bar.add_task("Starting", total=None)
        self._live = Live(self._bar, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> LiveProgress:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def budget(self, left: Callable[[], str]) -> None:
        """Show beside the bar from now on what is left."""
        self._left.left = lambda: f"{left()} left"

    def stage(self, text: str) -> None:
        """Name the part of the way in the bar."""
        self._bar.reset(self._task, description=text, total=None)

    def trial(self, event: str, trial: TrialRecord, total: int) -> None:
        """Put a trial into the table, and count it when it has ended."""
        self._trials[trial.number] = trial
        ended = sum(t.state not in (TrialState.RUNNING, TrialState.REFUSED) for t in self._trials.values())
        self._bar.update(self._task, total=total, completed=ended)
        self._live.update(Group(self._table(), self._bar))

    def confirming(self, done: int, total: int) -> None:
        """Count a full training."""
        self._bar.update(self._task, total=total, completed=done)

    def note(self, text: str) -> None:
        """Print a note above the table."""
        self._console.print(f"Note: {text}", markup=False)

    def _table(self) -> Table:
        table = Table(title="Trials", expand=False)
        for heading in ("trial", "state", "score", "trained", "parameters", "rank", "modules", "layers", "rate"):
            table.add_column(
                heading, justify="right" if heading in ("trial", "score", "parameters", "rank", "rate") else "left"
            )
        for trial in list(self._trials.values())[-_ROWS:]:
            config = trial.config
            table.add_row(
                str(trial.number),
                trial.state.value,
                f"{trial.metric:.3f}" if trial.metric is not None else "",
                f"{trial.rungs[-1].share:.0%}" if trial.rungs else "",
                f"{trial.trainable_params:,}" if trial.trainable_params else "",
                str(config.rank) if config else "",
                Text(str(trial.params.get("target_modules", ""))),  # a list's brackets are no markup
                Text(str(trial.params.get("layers", ""))),
                f"{config.learning_rate:.2g}" if config else "",
            )
        return table


def line(trial: TrialRecord) -> str:
    """Return one line on where a trial stands."""
    score = f"score {trial.metric:.3f}" if trial.metric is not None else "no score"
    share = f" after {trial.rungs[-1].share:.0%}" if trial.rungs else ""
    size = f", {trial.trainable_params:,} parameters" if trial.trainable_params else ""
    cause = f": {trial.cause}" if trial.cause else ""
    return f"trial {trial.number} {trial.state.value}, {score}{share}{size}{cause}"


def make(*, plain: bool = False) -> PlainProgress | LiveProgress:
    """Return the live display on a terminal, plain lines elsewhere or when asked for."""
    console = Console(stderr=True)
    return PlainProgress() if plain or not console.is_terminal else LiveProgress(console)
