"""Says how to go on with a search whose process can say nothing any more. Knows the folder's name only.

A process that is killed outright (by hand, by a machine short of memory), or ended by a library from C++, runs no line
of its own code then. So a shell waits beside it for a word, and speaks where the process ends without one.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from autolora.store import TASK

_SCRIPT = r"""
read -r word && exit
if [ -t 2 ]; then printf '\033[?25h' >&2; fi
if [ -f "$1" ]; then echo "$2" >&2; else echo "$3" >&2; fi
"""
"""Reads one line from the search. Without one: shows the cursor, which a live table hides, and says the way on."""


NOTHING = "Nothing was written."


Of = Literal["search", "batch"]
_MARKS: dict[Of, str] = {"search": TASK, "batch": "batch.yaml"}
"""The file that a folder holds as soon as it can be gone on with."""


def resuming(folder: Path, of: Of = "search") -> str:
    """Return in words how to go on with what is in a folder."""
    return f"Go on with: autolora {of} {shlex.quote(str(folder))} --resume"


def way_on(folder: Path) -> str:
    """Return in words how to go on with a search or a batch that has ended before its time."""
    return next((resuming(folder, of) for of, mark in _MARKS.items() if (folder / mark).is_file()), NOTHING)


@contextmanager
def last_word(folder: Path, of: Of = "search") -> Iterator[None]:
    """Have it said on stderr how to go on with what is in ``folder``, should this process be cut off meanwhile."""
    words = [f"Cut off. {way}" for way in (resuming(folder, of), NOTHING)]
    try:
        shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "autolora", str(folder / _MARKS[of]), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # what ends the search's process group must not end it, too
        )
    except OSError:  # no such shell: then nothing is said
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            shell.communicate(b"well\n")
