"""Files that are whole or not there: written aside, flushed to the disk, renamed. Knows paths and bytes only."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from autolora.errors import RequestError, RunFolderError
from autolora.failpoints import failpoint

PART = ".part"
"""How the name of what is half-written ends."""


def write_whole(path: Path, content: bytes, *, at: str) -> None:
    """Write a file in one go; see ``being_written``.

    Raises:
        RunFolderError: If the file cannot be written; what stood there before still does.
    """
    with being_written(path, at=at) as file:
        file.write(content)


@contextlib.contextmanager
def being_written(path: Path, *, at: str) -> Iterator[BinaryIO]:
    """Have a file written so that a reader, or a kill at any moment, finds the old one or the new one and no half one.

    Whatever is raised inside the block, nothing half-written is left.

    Args:
        path: The file.
        at: Name of the three failpoints that are passed: ``AT.write``, ``AT.replace`` and ``AT.kept``.

    Raises:
        RunFolderError: If the file cannot be written; what stood there before still does.
    """
    # A process that was given up may still be writing the same file: each has a part of its own.
    part = path.with_name(f"{path.name}.{os.getpid()}{PART}")
    try:
        failpoint(f"{at}.write")
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        failpoint(f"{at}.replace")
        os.replace(part, path)
        failpoint(f"{at}.kept")
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink()
        if isinstance(error, OSError):
            raise unwritable(path, error) from error
        raise


@contextlib.contextmanager
def asked_for(path: Path, what: str) -> Iterator[None]:
    """Have it said of a file that a user named, not of a run folder, that it cannot be written.

    Args:
        path: The file.
        what: It holds, in a word.

    Raises:
        RequestError: If the block cannot write it.
    """
    try:
        yield
    except RunFolderError as error:
        raise RequestError(
            f"the {what} {str(path)!r} cannot be written: {error.message.rpartition(': ')[2]}",
            "name a file in a folder that exists and has space",
        ) from error


def unwritable(path: Path, error: OSError) -> RunFolderError:
    """Return the error that says which file could not be written, why, and what to do."""
    first = {
        errno.ENOSPC: "free space on that disk",
        errno.EDQUOT: "free space, or have the quota raised",
        errno.EROFS: "make the folder writable",
        errno.EACCES: "make the folder writable",
        errno.EPERM: "make the folder writable",
    }.get(error.errno or 0, "mend that")
    return RunFolderError(
        f"{path.name} cannot be written in {str(path.parent)!r}: {error.strerror or error}",
        f"{first}, then go on with --resume; what was kept before is whole",
    )
