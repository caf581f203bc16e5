"""Searches in a row in one process: memory stays flat, and no file stays open.

``AUTOLORA_SEARCHES`` sets how many (``make soak`` asks for 50).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests import tiny_search

pytestmark = pytest.mark.ray

SEARCHES = int(os.environ.get("AUTOLORA_SEARCHES", "2"))
SETTLED = 3
"""The search from which on memory may not grow: caches are filled by then."""
MOST_GROWTH = 1.1
RUN = """
import json, os, sys, threading
from contextlib import suppress
from pathlib import Path
import autolora
import psutil

def size():
    total = 0
    me = psutil.Process()
    for process in (me, *me.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total

def opened():
    found = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the listing's own
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return found

def watch(peak, ended):
    while not ended.wait(0.2):
        peak.append(size())

for number in range(int(sys.argv[2])):
    peak, ended = [], threading.Event()
    watcher = threading.Thread(target=watch, args=(peak, ended))
    watcher.start()
    found = autolora.search(sys.argv[1], out=Path(sys.argv[1]).with_name(f"run-{number}"), quiet=True)
    ended.set()
    watcher.join()
    sockets = sum(name.startswith("socket:") for name in opened())
    print(json.dumps({"peak": max(peak), "alone": psutil.Process().memory_info().rss,
                      "threads": psutil.Process().num_threads(), "files": len(opened()) - sockets,
                      "sockets": sockets, "trials": len(found.trials)}), flush=True)
"""


@pytest.mark.timeout(7200)
def test_searches_in_a_row_in_one_process_keep_their_memory(tmp_path, tiny_folder, figure) -> None:
    search = tiny_search.make(tmp_path, tiny_folder(), trials=1, epochs=1)  # too short to learn: nothing is packed
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(search.task), str(SEARCHES)],
        capture_output=True,
        text=True,
        env=os.environ | {tiny_search.MARK: search.mark, "OMP_WAIT_POLICY": "PASSIVE"},
    )
    assert done.returncode == 0, done.stderr

    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [one["trials"] for one in found] == [1] * SEARCHES
    settled = found[min(SETTLED, SEARCHES) - 1]
    for what in ("peak", "alone"):
        ratio = found[-1][what] / settled[what]
        figure(f"memory after {SEARCHES} searches over {min(SETTLED, SEARCHES)}: {what}", ratio)
        assert ratio <= MOST_GROWTH, [one[what] for one in found]
    # Ray leaves a socket open whenever it is started and shut down, in a process without autolora, too.
    figure("sockets that Ray has left open", found[-1]["sockets"])
    assert found[-1]["files"] <= settled["files"] + 8
    assert found[-1]["threads"] <= settled["threads"] + 8
    search.check_no_process_is_left()
