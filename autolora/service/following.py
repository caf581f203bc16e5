"""Follows what jobs say without reading anything twice: many viewers of a job cost one reader. Knows no HTTP."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autolora.records import TrialState
from autolora.service import journal
from autolora.service.schemas import Standing

MOST_FOLLOWED = 64
"""Jobs whose lines are held in memory; those that nobody has asked for longest are read again when somebody does."""


class _Followed:
    """One job's lines so far."""

    def __init__(self, path: Path) -> None:
        self.path, self.place, self.seen = path, 0, (-1, -1)
        self.lines: list[dict[str, Any]] = []
        self.standing = Standing()
        self._ended: set[tuple[str, int]] = set()
        """Of a batch by task; a resumed one may say of a trial twice that it has ended."""
        self._better: Callable[..., float] = max
        self.lock = threading.Lock()

    def read_on(self) -> None:
        """Take in what was said since."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return
        if (found.st_size, found.st_mtime_ns) == self.seen:
            return
        new, self.place = journal.read(self.path, self.place)
        self.seen = (found.st_size, found.st_mtime_ns)
        self.lines += new
        for line in new:
            self._take(line)

    def _take(self, line: dict[str, Any]) -> None:
        """Update where the job stands."""
        now = self.standing
        changes: dict[str, Any] = {"last_event": line["id"], "left": line.get("left", now.left)}
        if line["event"] == "stage":
            changes["stage"] = line["text"]
        elif line["event"] == "guide":
            self._better = max if line["direction"] == "maximize" else min
            changes["metric"] = line["metric"]
        elif line["event"] == "trial" and line["what"] == "ended":
            trial = line["trial"]
            self._ended.add(("", trial["trial"]))
            changes |= {"trials_done": len(self._ended), "trials_total": line["total"]}
            if trial["state"] == TrialState.COMPLETE and trial["metric"] is not None:
                known = () if now.best is None else (now.best,)
                changes["best"] = self._better([trial["metric"], *known])
        elif line["event"] == "step" and "trial" in line:
            self._ended.add((line["task"], line["trial"]["trial"]))
            changes["trials_done"] = len(self._ended)
        self.standing = now.model_copy(update=changes)


class Following:
    """The lines of all jobs that somebody watches."""

    def __init__(self) -> None:
        self._followed: OrderedDict[Path, _Followed] = OrderedDict()
        self._lock = threading.Lock()

    def standing(self, path: Path) -> Standing:
        """Return how far a job has come."""
        return self._read(path).standing

    def lines(self, path: Path, after: int) -> list[dict[str, Any]]:
        """Return what a job has said after the line of a number; the first line is number 1."""
        return self._read(path).lines[max(after, 0) :]

    def _read(self, path: Path) -> _Followed:
        with self._lock:
            followed = self._followed.setdefault(path, _Followed(path))
            self._followed.move_to_end(path)
            while len(self._followed) > MOST_FOLLOWED:
                self._followed.popitem(last=False)
        with followed.lock:
            followed.read_on()
        return followed
