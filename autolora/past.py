"""What earlier searches found, kept in a folder that the user may read, copy and delete; and which of them are near.

One file for each search, of settings and scores; no text of any row. Knows records and files only.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from autolora.durable import unwritable, write_whole
from autolora.errors import RequestError
from autolora.objectives import Objective
from autolora.records import TrialRecord, TrialState, from_json, to_json
from autolora.records.past import Likeness, PastScore, PastSearch, PastTrial
from autolora.values import listed, nearest

_ENDING = ".search.json"
_SCALES = {"rows": math.log(10), "classes": math.log(3), "tokens": math.log(4), "largest_share": 0.3, "linear": 0.25}
"""Differences that count as much as each other: ten times the rows, three times the classes, and so on."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A folder of past searches."""

    folder: Path

    def searches(self) -> tuple[PastSearch, ...]:
        """Return all of them, by name; a folder that is not there yet holds none.

        Raises:
            RequestError: If it is no folder, or a file in it cannot be read.
        """
        if not self.folder.exists():
            return ()
        try:
            paths = sorted(self.folder.glob(f"*{_ENDING}"))
            if not self.folder.is_dir():
                raise NotADirectoryError(None, "it is a file")
            found = [_read(path) for path in paths]
        except OSError as error:
            raise RequestError(
                f"the memory {str(self.folder)!r} cannot be read: {error.strerror or error}", "name another folder"
            ) from error
        return tuple(sorted(found, key=lambda past: (past.name, past.at)))

    def keep(self, past: PastSearch) -> None:
        """Keep a search; one of the same data, base and metric takes the place of an earlier one.

        Raises:
            RunFolderError: If it cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        write_whole(self._path(past), to_json(past).encode(), at="memory")

    def delete(self, name: str) -> int:
        """Delete the searches of a task by its name; return how many there were.

        Raises:
            RequestError: If there is none of that name, or it cannot be deleted.
        """
        searches = self.searches()
        gone = [past for past in searches if past.name == name]
        if not gone:
            names = sorted({past.name for past in searches})
            close = nearest(name, names)
            way_out = f"it holds {listed(names)}" if names else "it is empty"
            raise RequestError(
                f"the memory {str(self.folder)!r} holds no search {name!r}",
                f"did you mean {close}?" if close else way_out,
            )
        for past in gone:
            try:
                self._path(past).unlink()
            except OSError as error:
                raise RequestError(
                    f"{self._path(past).name} cannot be deleted in {str(self.folder)!r}: {error.strerror}",
                    "make the folder writable",
                ) from error
        return len(gone)

    def _path(self, past: PastSearch) -> Path:
        what = "\n".join((past.name, past.data_hash, past.base_hash, past.metric))
        return self.folder / f"{hashlib.sha256(what.encode()).hexdigest()[:16]}{_ENDING}"


def _read(path: Path) -> PastSearch:
    try:
        return from_json(path.read_bytes(), PastSearch)
    except msgspec.MsgspecError as error:
        raise RequestError(
            f"{path.name} in the memory {str(path.parent)!r} cannot be read: {' '.join(str(error).split())}",
            "it was changed by hand, or written by another version of autolora: delete the file",
        ) from error


def trials_of(trials: Iterable[TrialRecord], metric: Objective, floor: float) -> tuple[PastTrial, ...]:
    """Return what is kept of a search's trials.

    Args:
        trials: All of them.
        metric: That they were compared by.
        floor: That metric, of what is to be had without training.
    """
    return tuple(
        PastTrial(
            params=dict(trial.params),
            scores=tuple(
                PastScore(share=rung.share, quality=gained(rung.score.value, metric, floor)) for rung in trial.rungs
            ),
            complete=trial.state == TrialState.COMPLETE,
            trainable_params=trial.trainable_params or 0,
            peak_memory_bytes=trial.peak_memory_bytes or 0,
            steps=trial.rungs[-1].steps,
        )
        for trial in trials
        if trial.state in (TrialState.COMPLETE, TrialState.STOPPED)
        and trial.rungs
        and all(math.isfinite(rung.score.value) for rung in trial.rungs)
    )


def gained(value: float, metric: Objective, floor: float) -> float:
    """Return the share of what can be gained over a floor that a value has gained; 1 is perfect."""
    whole = (metric.best if metric.best is not None else 1.0) - floor
    return (value - floor) / whole if whole else 0.0


def distance(one: Likeness, other: Likeness) -> float:
    """Return how far apart two tasks are: about 1 where one thing differs much; infinity for other problems."""
    if one.problem != other.problem:
        return math.inf
    parts = [
        math.log(max(one.rows, 1) / max(other.rows, 1)) / _SCALES["rows"],
        math.log(max(one.classes, 1) / max(other.classes, 1)) / _SCALES["classes"],
        math.log(max(one.tokens, 1.0) / max(other.tokens, 1.0)) / _SCALES["tokens"],
        (one.largest_share - other.largest_share) / _SCALES["largest_share"],
    ]
    if one.linear is not None and other.linear is not None:
        parts.append((one.linear - other.linear) / _SCALES["linear"])
    return math.sqrt(sum(part * part for part in parts))


def near(to: Likeness, searches: Sequence[PastSearch], most: int) -> tuple[tuple[PastSearch, float], ...]:
    """Return the searches of the nearest tasks, each with its distance.

    None of other problems, and none in which no trial was trained in full.
    """
    found = [(past, distance(to, past.likeness)) for past in searches if any(trial.complete for trial in past.trials)]
    found = [(past, away) for past, away in found if math.isfinite(away)]
    return tuple(sorted(found, key=lambda pair: pair[1])[:most])
