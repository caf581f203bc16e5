"""Says how to go on with a search whose process can say nothing any more. Knows the run folder's name only.

A process that is killed outright (by hand, by a machine short of memory), or ended by a library from C++, runs no line
of its own code then. So a shell waits beside it for a word, and speaks where the process ends without one.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from autolora.store import TASK

_SCRIPT = r"""
read -r word && exit
if [ -t 2 ]; then printf '\033[?25h' >&2; fi
if [ -f "$1" ]; then echo "$2" >&2; else echo "$3" >&2; fi
"""
"""Reads one line from the search. Without one: shows the cursor, which a live table hides, and says the way on."""


NOTHING = "Nothing was written."


def resuming(run: Path) -> str:
    """Return in words how to go on with the search in a run folder."""
    return f"Go on with: autolora search {shlex.quote(str(run))} --resume"


def way_on(run: Path) -> str:
    """Return in words how to go on with a search that has ended before its time."""
    return resuming(run) if (run / TASK).is_file() else NOTHING


@contextmanager
def last_word(run: Path) -> Iterator[None]:
    """Have it said on stderr how to go on with the search in ``run``, should this process be cut off meanwhile."""
    words = [f"Cut off. {way}" for way in (resuming(run), NOTHING)]
    try:
        shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "autolora", str(run / TASK), *words],
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
