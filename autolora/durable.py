"""Files that are whole or not there: written aside, flushed to the disk, renamed. Knows paths and bytes only."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from autolora.errors import RunFolderError
from autolora.failpoints import failpoint

PART = ".part"
"""How the name of what is half-written ends."""


def write_whole(path: Path, content: bytes, *, at: str) -> None:
    """Write a file so that a reader, or a kill at any moment, finds the old one or the new one and never half of one.

    Args:
        path: The file.
        content: What it shall hold.
        at: Name of the three failpoints that are passed: ``AT.write``, ``AT.replace`` and ``AT.kept``.

    Raises:
        RunFolderError: If the file cannot be written; what stood there before still does.
    """
    # A process that was given up may still be writing the same file: each has a part of its own.
    part = path.with_name(f"{path.name}.{os.getpid()}{PART}")
    try:
        failpoint(f"{at}.write")
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        failpoint(f"{at}.replace")
        os.replace(part, path)
        failpoint(f"{at}.kept")
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise unwritable(path, error) from error


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
