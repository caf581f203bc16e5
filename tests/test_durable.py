from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autolora import failpoints
from autolora.durable import unwritable, write_whole
from autolora.errors import RunFolderError
from autolora.folder import EVENTS
from autolora.store import RunFolder
from tests.report import made_up

pytestmark = pytest.mark.unit

POINTS = ("it.write", "it.replace", "it.kept")
WRITE = """
import sys
from pathlib import Path
from autolora.durable import write_whole
write_whole(Path(sys.argv[1]), b"new", at="it")
"""


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one(point: str, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(b"old")

    killed = subprocess.run(
        [sys.executable, "-c", WRITE, str(path)], env=os.environ | {failpoints.VARIABLE: f"{point}=kill"}, check=False
    )

    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == (b"new" if point == "it.kept" else b"old")


@pytest.mark.parametrize("point", POINTS[:2])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(b"old")
    monkeypatch.setenv(failpoints.VARIABLE, f"{point}=full")

    with pytest.raises(RunFolderError) as caught:
        write_whole(path, b"new", at="it")

    assert caught.value.message.startswith(f"file.json cannot be written in '{tmp_path}': No space left on device")
    assert caught.value.hint.startswith("free space on that disk, then go on with --resume")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file.json", b"old")]


@pytest.mark.parametrize(
    ("number", "way_out"),
    [
        (errno.EROFS, "make the folder writable"),
        (errno.EACCES, "make the folder writable"),
        (errno.EDQUOT, "have the quota raised"),
        (errno.EIO, "mend that"),
    ],
)
def test_what_else_may_stand_in_the_way_has_its_own_way_out(number: int, way_out: str, tmp_path: Path) -> None:
    error = unwritable(tmp_path / "file.json", OSError(number, os.strerror(number)))

    assert os.strerror(number) in error.message
    assert way_out in error.hint


WRITERS = {
    "data.json": lambda run: run.write_data(made_up.data()),
    "trials.jsonl": lambda run: run.write_trials(made_up.trials()),
    "confirm.json": lambda run: run.write_confirm(made_up.confirm()),
    "predictions.json": lambda run: run.write_predictions(made_up.predictions()),
    "answers.json": lambda run: run.write_answers(made_up.answers()),
    "recommendation.json": lambda run: run.write_recommendation(made_up.recommendation()),
    "report.html": lambda run: run.write_report("<html>"),
    "DONE": lambda run: run.write_done(),
    "events.jsonl": lambda run: run.event("started"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_error_whatever_is_written_and_nothing_is_half_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder.create(tmp_path / "run", "version: 1\n")
    before = sorted(run.path.iterdir())
    monkeypatch.setenv(failpoints.VARIABLE, f"{name}.write=full")

    with pytest.raises(RunFolderError, match=f"{name} cannot be written in .*No space left on device"):
        WRITERS[name](run)

    assert sorted(run.path.iterdir()) == before
    monkeypatch.delenv(failpoints.VARIABLE)
    WRITERS[name](run)
    assert (run.path / name).stat().st_size > 0


def test_a_search_that_found_no_space_for_its_request_may_begin_again_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(failpoints.VARIABLE, "task.yaml.replace=full")
    with pytest.raises(RunFolderError, match=r"task\.yaml cannot be written"):
        RunFolder.create(tmp_path / "run", "version: 1\n")
    monkeypatch.delenv(failpoints.VARIABLE)

    assert RunFolder.create(tmp_path / "run", "version: 1\n").request() == {"version": 1}


def test_an_owner_that_cannot_be_named_gives_the_lock_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder.create(tmp_path / "run", "version: 1\n")
    monkeypatch.setenv(failpoints.VARIABLE, "owner.write=full")
    with pytest.raises(RunFolderError, match="cannot be written"), run.owned():
        pass
    monkeypatch.delenv(failpoints.VARIABLE)

    with run.owned():
        run.event("resumed")
    assert EVENTS in [path.name for path in run.path.iterdir()]
