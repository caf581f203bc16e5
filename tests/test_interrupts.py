"""Ctrl-C and SIGTERM, whatever a search is doing: it ends soon, says how to go on, and leaves nobody behind.

``AUTOLORA_FAULTS=all`` tries every moment; without it some of them stand for the others.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests import tiny_search
from tests.tiny_search import TinySearch

pytestmark = pytest.mark.ray

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
MOMENTS = {
    "importing": ("", signal.SIGTERM),
    "reading the data": ("Reading the data", signal.SIGTERM),
    "starting the engine": ("Starting the engine", signal.SIGTERM),
    "starting the engine, Ctrl-C": ("Starting the engine", signal.SIGINT),
    "confirming": ("trained 1 of", signal.SIGTERM),
    "packing": ("Packing the adapter", signal.SIGINT),
}
"""The line after which a search is asked to end, and how."""
SOME = ("importing", "starting the engine", "packing")
SECONDS = 40.0
"""Within which it must have ended; 30 s are promised on a machine with nothing else to do."""


@pytest.fixture
def search(tmp_path, tiny_folder) -> TinySearch:
    return tiny_search.make(tmp_path, tiny_folder())


def read_until(process: subprocess.Popen[str], words: str) -> None:
    tiny_search.wait_until(lambda: words in tiny_search.said(process), process)


def catches(process: subprocess.Popen[str], number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def states_kept(search: TinySearch) -> int:
    """How many trials can go on from a state."""
    return len(list((search.run / "slots").glob("*.safetensors")))


def end(process: subprocess.Popen[str], number: signal.Signals, search: TinySearch) -> None:
    """Wait for the end that a signal asked for, and check what it left."""
    code, last = tiny_search.ended(process, timeout=SECONDS)

    assert code == CODES[number], last
    if (search.run / "task.yaml").exists():
        assert last == f"Interrupted. Go on with: autolora search {search.run} --resume"
        assert tiny_search.left_over(search.run, finished=False) == []
    else:
        assert last == "Interrupted. Nothing was written."
        assert not search.run.exists()
    search.check_no_process_is_left()


def test_a_search_that_is_asked_to_end_does_so_whatever_it_is_doing(search) -> None:
    for moment in MOMENTS if os.environ.get("AUTOLORA_FAULTS") == "all" else SOME:
        words, number = MOMENTS[moment]
        process = search.start()
        read_until(process, words)
        tiny_search.wait_until(lambda process=process: catches(process, signal.SIGTERM), process)
        time.sleep(0.3)
        assert process.poll() is None, moment
        os.kill(process.pid, number)
        end(process, number, search)
    search.finish()


def test_a_second_and_a_third_ctrl_c_to_the_whole_group_cut_the_end_short(search) -> None:
    process = search.start()
    read_until(process, "after 11%")
    for wait in (0.2, 0.2, 1.0):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(wait)
    end(process, signal.SIGINT, search)
    search.check()


def test_sigterm_to_the_whole_group_ends_a_search_in_order(search) -> None:
    process = search.start()
    read_until(process, "after 11%")
    os.killpg(process.pid, signal.SIGTERM)
    end(process, signal.SIGTERM, search)
    assert states_kept(search) > 0
    search.check()


def test_sigterm_to_every_process_ends_a_search_in_order(search) -> None:
    process = search.start()
    read_until(process, "after 11%")
    for one in list(tiny_search.processes(search.mark)):
        with contextlib.suppress(psutil.NoSuchProcess):
            one.terminate()
    end(process, signal.SIGTERM, search)
    assert states_kept(search) > 0
    search.finish()
