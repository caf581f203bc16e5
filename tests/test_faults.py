"""A search that is killed, or finds the disk full, at a place where it writes something durable, goes on afterwards.

Several places share one run folder, one after the other: each process comes a little further than the one before.
``AUTOLORA_FAULTS=all`` visits every place; without it a few of them stand for the others.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
from contextlib import contextmanager

import pytest

from autolora import flow, progress, request, starting
from autolora.durable import unwritable
from autolora.errors import RunFolderError
from autolora.search.cluster import open_cluster
from autolora.store import RunFolder
from tests import tiny_search

pytestmark = pytest.mark.ray


def whole(name: str) -> tuple[str, ...]:
    """Return the places at which a file is written as a whole."""
    return f"{name}.write", f"{name}.replace", f"{name}.kept"


PLACES = (
    *whole("task.yaml"), "owner.write", "events.jsonl.write", "events.jsonl.kept", *whole("data.json"),
    "study.enqueue", *whole("trials.jsonl"), "study.ask", "study.asked", "study.config", *whole("slot"), "study.set",
    "study.rung", "study.tell", "study.told", "trials.jsonl.write@2", "trials.jsonl.replace@2", "trials.jsonl.kept@2",
    *whole("confirm.weights"), *whole("confirm.record"), *whole("confirm.json"), *whole("predictions.json"),
    *whole("robustness.json"), "bundle.begin", "bundle.weights",
    "bundle.tested", "bundle.replace", "bundle.removed", "bundle.kept", *whole("recommendation.json"),
    *whole("report.html"), *whole("DONE"),
)  # fmt: skip
"""In the order in which a search comes by."""
SOME = {
    "kill": ("study.config", "study.tell", "confirm.record.replace"),
    "full": ("slot.replace", "study.rung", "confirm.weights.replace"),
}
WRITING_PLACES = (
    "confirm.answers.write", "confirm.answers.replace@2", "confirm.answers.kept@3", "confirm.answers.write@4",
    *whole("answers.json"),
)  # fmt: skip
"""Those where only a search comes by whose base writes."""
SOME_WRITING = ("confirm.answers.kept@3", "answers.json.replace")


def places(action: str) -> tuple[str, ...]:
    return PLACES if os.environ.get("AUTOLORA_FAULTS") == "all" else SOME[action]


def rule(place: str, action: str) -> str:
    """Return the rule for a place; ``name@2`` is the second time that a process comes by."""
    name, at, count = place.partition("@")
    return f"{name}={action}{at}{count}"


@pytest.fixture
def search(tmp_path, tiny_folder):
    return tiny_search.make(tmp_path, tiny_folder())


@pytest.mark.timeout(3600)
def test_a_kill_at_every_durable_write_loses_and_repeats_nothing(search, figure) -> None:
    for place in places("kill"):
        process = search.start(rule(place, "kill"))
        code, last = tiny_search.ended(process)

        if not place.startswith("slot."):
            assert code == -signal.SIGKILL, (place, code, last)
        elif code:  # it is the engine's process that died; the search may live on, or say how to go on
            assert code == 2, (place, last)
            assert last.startswith("Error: "), (place, last)
            assert "resume" in last
        figure("number of kills at durable writes", 1)
        search.check()
    search.finish()


@pytest.mark.timeout(3600)
def test_a_full_disk_at_every_durable_write_is_one_error_and_the_search_goes_on_later(search, figure) -> None:
    for place in places("full"):
        if place.startswith("slot."):
            continue  # below
        process = search.start(rule(place, "full"))
        code, last = tiny_search.ended(process)

        assert code == 2, (place, last)
        assert last.startswith("Error: "), (place, last)
        assert "cannot be written" in last
        assert "No space left on device" in last
        assert "free space" in last
        assert tiny_search.left_over(search.run, finished=False) == []
        figure("number of full disks at durable writes", 1)
        search.check()
    search.finish()


@pytest.mark.timeout(600)
def test_where_only_states_of_trials_find_no_space_the_search_goes_on_and_says_so(
    tmp_path, tiny_folder, figure
) -> None:
    for place in [place for place in places("full") if place.startswith("slot.")]:
        folder = tmp_path / place
        folder.mkdir()
        search = tiny_search.make(folder, tiny_folder())
        process = search.start(rule(place, "full"))
        code, last = tiny_search.ended(process)

        assert code == 0, (place, last)
        assert "No space left on device" in tiny_search.said(process)
        figure("number of full disks at durable writes", 1)
        search.check_finished()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("action", ["kill", "full"])
def test_answers_that_were_kept_when_a_search_ended_are_not_asked_for_again(
    action, tmp_path, tiny_folder, figure
) -> None:
    every = os.environ.get("AUTOLORA_FAULTS") == "all"
    search = tiny_search.make(tmp_path, tiny_folder("llama", writes=True), writes=True, max_length=40)
    kept: dict[str, tuple[bytes, int]] = {}
    for place in WRITING_PLACES if every else SOME_WRITING[action == "full" :][:1]:
        code, last = tiny_search.ended(search.start(rule(place, action)))
        assert code == (-signal.SIGKILL if action == "kill" else 2), (place, code, last)
        assert action == "kill" or "cannot be written" in last
        search.check()
        found = answers_of(search)
        assert kept.items() <= found.items(), place
        kept = found
        figure(f"number of times that answers were kept: {action}", 1)
    assert kept
    search.finish()

    assert kept.items() <= answers_of(search).items()
    assert RunFolder(search.run).answers() is not None


def answers_of(search) -> dict[str, tuple[bytes, int]]:
    """Return the answers that a search has kept, and when."""
    files = (search.run / "confirm").glob("*.answers.json")
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_what_an_engine_was_writing_when_the_search_failed_is_cleared_away_after_its_end(search, monkeypatch) -> None:
    @contextmanager
    def cluster_whose_last_act_is_to_write(address):
        try:
            with open_cluster(address) as scratch:
                yield scratch
        finally:
            (search.run / "confirm").mkdir()
            (search.run / "confirm" / "finalist_0-2.state.7.part").write_text("half")

    def find_the_disk_full(way):
        raise unwritable(search.run / "trials.jsonl", OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(starting, "open_cluster", cluster_whose_last_act_is_to_write)
    monkeypatch.setattr(flow.Way, "_plan", find_the_disk_full)
    with pytest.raises(RunFolderError, match="No space left"), progress.make(plain=True) as shown:
        flow.search(request.read(search.task), search.run, progress=shown)

    assert (search.run / "confirm").is_dir()
    assert tiny_search.left_over(search.run, finished=False) == []


# ----------------------------------------------------------------------------------------------------------- real disks


@pytest.fixture
def disk(tmp_path):
    """Return a folder on a disk of its own, of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_real_disk_that_is_full_or_read_only_is_one_error_and_the_search_goes_on_later(disk, tiny_folder) -> None:
    search = tiny_search.make(disk, tiny_folder())
    filler = disk / "filler"
    filler.write_bytes(bytes(2**22 - 300 * 2**10))
    code, last = tiny_search.ended(search.start())
    assert code == 2, last
    assert re.match("Error: .* cannot be written in .*(No space left on device|database or disk is full) ", last), last
    assert "free space on that disk, then go on with --resume" in last
    search.check()
    search.check_no_process_is_left()
    kept = {path: path.read_bytes() for path in search.run.rglob("*") if path.is_file()}

    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    code, last = tiny_search.ended(search.start())
    assert code == 2, last
    assert last.startswith(f"Error: the run folder '{search.run}' cannot be written: Read-only file system")
    code, last = tiny_search.ended(tiny_search.start(search.task, "--out", disk / "other"))
    assert code == 2, last
    assert f"'{disk}' is read-only for this user (choose another --out)" in last
    assert {path: path.read_bytes() for path in search.run.rglob("*") if path.is_file()} == kept

    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    filler.unlink()
    search.finish()


# ------------------------------------------------------------------------------------------------------ other processes


def test_a_second_process_on_a_run_folder_is_told_whose_it_is_and_a_killed_one_leaves_it_free(search) -> None:
    first = search.start()
    search.wait_for_trials(first, 1)

    code, last = tiny_search.ended(search.start())
    assert code == 2
    assert last == (
        f"Error: the run folder '{search.run}' is in use by process {first.pid} (wait for it, or stop that process)"
    )
    code, last = tiny_search.ended(tiny_search.start(search.task, "--out", search.run))
    assert code == 2
    assert "holds an unfinished search" in last
    search.check()
    first.kill()
    tiny_search.ended(first)

    assert (search.run / ".owner").read_text() == str(first.pid)
    damage(search)
    search.finish()

    (search.run / "trials.jsonl").write_bytes(b'{"number": 0, "sta')
    assert tiny_search.ended(search.start())[0] == 0, "of a finished search, too, the study knows all trials"
    (search.run / "study.db").write_bytes(b"no database at all")
    assert tiny_search.ended(search.start())[0] == 0, "a finished search is only read"
    assert len(RunFolder(search.run).trials()) == search.trials


def damage(search) -> None:
    """Spoil what a search can do without: the readers' copy of its trials, and where its trials stand."""
    (search.run / "trials.jsonl").write_bytes(b'{"number": 0, "sta')
    for path in (search.run / "slots").iterdir():
        path.write_bytes(path.read_bytes()[:-1000])


def test_a_clock_that_jumps_by_days_changes_nothing(search) -> None:
    text = search.task.read_text().replace("trials: 3", "trials: 3\n  minutes: 30")
    search.task.write_text(text)
    process = tiny_search.start(search.task, "--out", search.run, mark=search.mark, program=("-c", JUMPING_CLOCK))
    code, last = tiny_search.ended(process)

    assert code == 0, last
    search.check_finished()
    spent = [event["spent"] for event in RunFolder(search.run).events()]
    assert spent == sorted(spent)
    assert spent[-1] < 3600
    assert not [trial for trial in RunFolder(search.run).trials() if "time" in trial.cause]


JUMPING_CLOCK = """
import sys, time
from autolora.cli import main
real, begun = time.time, time.monotonic()
def jumping():
    return real() + 86_400 * (int(time.monotonic() - begun) // 2 % 3 - 1)
time.time = jumping
time.time_ns = lambda: int(jumping() * 1e9)
sys.argv = ["autolora", *sys.argv[1:]]
main()
"""
"""The command line with a clock that is a day behind, right and a day ahead, two seconds each."""
