"""A folder with one writer, whose files are whole or not there, and whose events are lines. Knows files only.

Whole files are written aside and renamed; lines are appended and flushed; ``DONE`` is written last, and means that
everything else is there.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec
from filelock import FileLock, Timeout

from autolora.durable import PART, unwritable, write_whole
from autolora.errors import RunFolderError
from autolora.failpoints import failpoint
from autolora.records import from_json

T = TypeVar("T")
EVENTS, DONE = "events.jsonl", "DONE"


class Folder:
    """One folder."""

    kind: ClassVar[str] = "folder"
    """What messages call it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def make(cls, path: Path) -> None:
        """Make the folder, and those above it.

        Raises:
            RunFolderError: If it cannot be written there.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_be_written(path, error, kind=cls.kind) from error

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Be the folder's only writer, and clear away what an earlier one or, in the end, this one left half-written.

        Raises:
            RunFolderError: If another process is; its id is named. Or if the folder cannot be written.
        """
        lock = FileLock(self.path / ".lock")
        owner = self.path / ".owner"
        pid = "unknown"
        try:
            lock.acquire(timeout=0)
        except Timeout:
            with contextlib.suppress(OSError):  # gone meanwhile, say
                pid = owner.read_text().strip() or pid
            raise RunFolderError(
                f"the {self.kind} {str(self.path)!r} is in use by process {pid}", "wait for it, or stop that process"
            ) from None
        except OSError as error:
            raise cannot_be_written(self.path, error, kind=self.kind) from error
        try:
            self._claim(owner)
            yield
        finally:
            with contextlib.suppress(OSError):  # the next owner clears it away; the lock is what counts
                self._clear()
                owner.unlink()
            lock.release()

    def tidy(self) -> None:
        """Clear away what a killed owner left, unless somebody works on the folder or it cannot be written."""
        with contextlib.suppress(RunFolderError), self.owned():
            pass

    def _claim(self, owner: Path) -> None:
        try:
            failpoint("owner.write")
            owner.write_text(str(os.getpid()))
            self._clear()
        except OSError as error:
            raise unwritable(owner, error) from error

    def _clear(self) -> None:
        """Remove what is half-written."""
        for part in list(self.path.rglob(f"*{PART}")):
            shutil.rmtree(part) if part.is_dir() else part.unlink()

    def _write(self, name: str, text: str) -> None:
        write_whole(self.path / name, text.encode(), at=name)

    def write_done(self) -> None:
        """Say that everything is there."""
        self._write(DONE, f"{now()}\n")

    def event(self, kind: str, **details: Any) -> None:
        """Append what happened, with the time in UTC.

        Raises:
            RunFolderError: If it cannot be written.
        """
        line = json.dumps({"at": now(), "event": kind, **details}, ensure_ascii=False)
        path = self.path / EVENTS
        try:
            failpoint(f"{EVENTS}.write")
            with open(path, "a+b") as file:
                file.seek(0, os.SEEK_END)
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    # A kill may have cut the last line short: what follows must not be glued to it.
                    line = line if file.read(1) == b"\n" else f"\n{line}"
                file.write(f"{line}\n".encode())
            failpoint(f"{EVENTS}.kept")
        except OSError as error:
            raise unwritable(path, error) from error

    @property
    def is_done(self) -> bool:
        """Whether everything has ended and was written."""
        return (self.path / DONE).exists()

    def events(self) -> tuple[dict[str, Any], ...]:
        """Return what happened; a line that a kill cut short is left out."""
        path = self.path / EVENTS
        events = []
        for line in lines_of(path) if path.exists() else ():
            try:
                events.append(dict(json.loads(line)))
            except (ValueError, TypeError):
                continue
        return tuple(events)

    def _read(self, name: str, kind: type[T]) -> T | None:
        path = self.path / name
        if not path.exists():
            return None
        try:
            return from_json(path.read_bytes(), kind)
        except msgspec.MsgspecError as error:
            raise self._damaged(name, error) from error

    def _damaged(self, name: str, error: Exception | str) -> RunFolderError:
        reason = " ".join(str(error).split())
        return RunFolderError(
            f"{name} in the {self.kind} {str(self.path)!r} cannot be read: {reason}",
            "it was changed by hand, or written by another version of autolora",
        )


def cannot_be_written(path: Path, error: OSError, *, kind: str) -> RunFolderError:
    """Return the error that says that a folder cannot be written."""
    return RunFolderError(
        f"the {kind} {str(path)!r} cannot be written: {error.strerror}",
        "make it writable, or choose another --out",
    )


def lines_of(path: Path) -> list[bytes]:
    """Return a file's lines; only a line feed ends one, since JSON texts may hold other line breaks."""
    return [line for line in path.read_bytes().split(b"\n") if line]


def now() -> str:
    """Return the time in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")
