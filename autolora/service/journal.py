"""What a job says while it works: one line of JSON after the other, numbered, for whoever watches. Knows records only.

The job's process appends; the service reads on from where it was. A line's number is the id of a server-sent event.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autolora import results
from autolora.folder import now
from autolora.records import TrialRecord


class Journal:
    """Writes: the progress of a search or a batch, as lines. One process at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left: Callable[[], str] | None = None
        self._count = len(read(path)[0])
        content = path.read_bytes() if path.exists() else b""
        if content and not content.endswith(b"\n"):  # a kill cut the last line short
            path.write_bytes(content[: content.rfind(b"\n") + 1])

    def budget(self, left: Callable[[], str]) -> None:
        """Say in every line from now on what is left."""
        self._left = left

    def stage(self, text: str) -> None:
        """Name a part of the way."""
        self.say("stage", text=text)

    def trial(self, event: str, trial: TrialRecord, total: int) -> None:
        """Say where a trial stands."""
        self.say("trial", what=event, total=total, trial=results.row(trial))

    def confirming(self, done: int, total: int) -> None:
        """Count a full training."""
        self.say("confirming", done=done, total=total)

    def step(self, text: str, *, task: str = "", trial: TrialRecord | None = None) -> None:
        """Say what came of a trial or a training of one of several tasks."""
        self.say("step", text=text, task=task, **({} if trial is None else {"trial": results.row(trial)}))

    def note(self, text: str) -> None:
        """Say something that the user is to know."""
        self.say("note", text=text)

    def say(self, event: str, **details: Any) -> None:
        """Append a line."""
        left = {} if self._left is None else {"left": self._left()}
        self._count += 1
        line = json.dumps({"id": self._count, "at": now(), "event": event, **left, **details}, ensure_ascii=False)
        with open(self._path, "ab") as file:
            file.write(f"{line}\n".encode())


BEGUN = "begun"
"""The first line of every process."""
_FURTHER = ("trial", "confirming", "step")
"""Lines that mean that something was learned."""


def has_moved(path: Path) -> bool:
    """Return whether the process that wrote last came any further."""
    for line in reversed(read(path)[0]):
        if line["event"] in (*_FURTHER, BEGUN):
            return bool(line["event"] != BEGUN)
    return False


def read(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Return the lines from a place in the file on, and where the next ones will begin.

    A line that is being written, or that a kill has cut short, is left for later.
    """
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            content = file.read()
    except FileNotFoundError:
        return [], offset
    whole = content[: content.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.split(b"\n") if line], offset + len(whole)
