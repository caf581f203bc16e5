"""A private temporary folder for one search; those that a killed search left are cleared away. Knows no Ray."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = "alr"
_LOCK = "lock"
_YOUNG_SECONDS = 60.0
"""Age under which a folder may belong to a search that is about to take its lock."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder that only its owner can read (0700), and remove it afterwards.

    Its name is short, as names of sockets in it have 107 bytes.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        # Others' folders, and what is gone meanwhile, are no business of ours.
        with contextlib.suppress(OSError, Timeout):
            if time.time() - left.stat().st_mtime > _YOUNG_SECONDS:
                with FileLock(left, timeout=0):
                    shutil.rmtree(left.parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with FileLock(folder / _LOCK):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
