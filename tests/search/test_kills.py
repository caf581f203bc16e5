"""Whatever process of a search is killed, nothing acknowledged is lost, nothing hangs, and the search can go on.

``AUTOLORA_KILLS`` sets how many kills there are (``make soak`` asks for 200), in parts that several processes can
share; moments and victims are drawn from ``AUTOLORA_SEED``.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time

import psutil
import pytest

from autolora.engine import state
from autolora.records import TrialRecord, TrialState
from autolora.store import RunFolder
from tests import tiny_search
from tests.tiny_search import TinySearch

pytestmark = pytest.mark.ray

KILLS = int(os.environ.get("AUTOLORA_KILLS", "3"))
SEED = int(os.environ.get("AUTOLORA_SEED", "11"))
KILLS_IN_A_PART, KILLS_IN_A_SEARCH = 25, 10
PARTS = tuple(min(KILLS_IN_A_PART, KILLS - before) for before in range(0, KILLS, KILLS_IN_A_PART))
"""Kills of each part."""
VICTIMS = {
    "engine": ("ray::EngineActor",),
    "lease": ("ray::Lease", "ray::ResourceTrainable"),
    "raylet": ("raylet",),
    "driver": (),
}
"""What a victim's title begins with; a lease has another one while it waits for its slot."""


def victims(search: TinySearch, driver: subprocess.Popen[str], kind: str) -> list[psutil.Process]:
    """Return the processes of a search that play a part in it."""
    if kind == "driver":
        return [psutil.Process(driver.pid)]
    found = []
    for process in tiny_search.processes(search.mark):
        try:
            title = process.name() if kind == "raylet" else " ".join(process.cmdline())
        except psutil.Error:
            continue
        if title.startswith(VICTIMS[kind]):
            found.append(process)
    return found


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(len(PARTS)))
def test_kills_of_any_process_at_any_moment_lose_and_repeat_nothing(part, tmp_path, tiny_folder, figure) -> None:
    moments = random.Random(SEED + part)
    killed = 0
    while killed < PARTS[part]:
        folder = tmp_path / f"search-{killed}"
        folder.mkdir()
        share = min(KILLS_IN_A_SEARCH, PARTS[part] - killed)
        search = tiny_search.make(folder, tiny_folder(), trials=2 * share + 2, epochs=24)
        killed += kill_in(search, share, moments, figure)
        search.finish()


def kill_in(search: TinySearch, most: int, moments: random.Random, figure) -> int:
    """Kill processes of a search again and again, going on with it whenever it ends; return how many were killed."""
    driver: subprocess.Popen[str] | None = None
    kills = 0
    while kills < most and not (search.run / "DONE").exists():
        kind = moments.choice(sorted(VICTIMS))
        if driver is None:
            driver = search.start()
            if moments.random() < 0.85:  # else while it starts
                wait_until_ready(search, driver, figure)
        time.sleep(moments.uniform(0.0, 3.0))
        tiny_search.wait_until(lambda kind=kind, driver=driver: victims(search, driver, kind) != [], driver)
        before = tiny_search.standing(search.run)
        kills += kill(victims(search, driver, kind)[:1], kind, figure)
        if kind in ("lease", "engine"):
            # Another lease takes the slot over, or another engine its trials: the search itself goes on.
            search.wait_for_trials(driver, len(search.known) + 1)
        if kind in ("driver", "raylet") or driver.poll() is not None:
            check_end(driver, kind, figure)
            driver = None
        check_nothing_is_lost(search, before, figure, ended=driver is None)
    if driver is not None:
        driver.kill()
        tiny_search.ended(driver, clean=False)
    return kills


def kill(processes: list[psutil.Process], kind: str, figure) -> int:
    """Kill processes that still live, and count them."""
    kills = 0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            kills += 1
            figure("number of kills", 1)
            figure(f"number of kills: {kind}", 1)
    return kills


def check_end(driver: subprocess.Popen[str], kind: str, figure) -> None:
    """Check how a search ended after one of its processes was killed."""
    code, last = tiny_search.ended(driver)
    assert code in {"driver": (0, -signal.SIGKILL), "lease": (0,), "engine": (0, 2), "raylet": (0, 1, 2)}[kind], last
    if code == 2:
        assert last.startswith((tiny_search.CUT_OFF, "Error: ")), last
    elif code != 0:
        assert last.startswith(tiny_search.CUT_OFF), (kind, code, last)
    figure(f"number of searches that ended with the {kind}", code != 0)


def wait_until_ready(search: TinySearch, driver: subprocess.Popen[str], figure) -> None:
    """Wait until a search goes on, and keep how long that took."""
    count, began = len(RunFolder(search.run).events()), time.monotonic()
    tiny_search.wait_until(lambda: len(RunFolder(search.run).events()) > count, driver, seconds=180)
    assert driver.poll() is None, tiny_search.ended(driver)
    figure("resume ready, s" if count else "search ready, s", time.monotonic() - began)


def check_nothing_is_lost(search: TinySearch, before: dict[int, TrialRecord], figure, *, ended: bool) -> None:
    """Check that what was acknowledged stands, that a running trial keeps its rungs, and a state to go on from."""
    search.check()
    now = tiny_search.standing(search.run)
    assert TrialState.FAILED not in {trial.state for trial in now.values()}
    for number, trial in before.items():
        assert now[number].rungs[: len(trial.rungs)] == trial.rungs
    for trial in now.values() if ended else ():
        if trial.state == TrialState.RUNNING and trial.rungs:
            kept = state.read(search.run / "slots" / f"{trial.number:05d}.safetensors").step
            assert kept >= trial.rungs[-1].steps
            figure("number of running trials whose last rung was kept", 1)
    figure("number of times nothing acknowledged was lost or changed", 1)
