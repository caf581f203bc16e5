"""A search that was asked to end, or could not go on, goes on where it was; kills have tests of their own."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import yaml

from autolora.engine import state as states
from autolora.failpoints import VARIABLE
from autolora.records import TrialState
from autolora.search.ledger import Ledger
from autolora.store import PREFIXES, RunFolder
from tests.conftest import made_up_split

pytestmark = pytest.mark.ray

SPACE = {
    "version": 1,
    "parameters": {
        "rank": {"type": "choice", "values": [1, 2, 4]},
        "target_modules": {"type": "choice", "values": ["attention_qv", "all_linear"]},
        "layers": {"type": "choice", "values": ["last_1", "all"]},
        "learning_rate": {"type": "float", "low": 0.002, "high": 0.02, "log": True},
    },
    "fixed": {"epochs": 6, "batch_size": 8, "max_length": 24},
}


@pytest.fixture
def task_file(tmp_path, tiny_folder):
    """Return a task file over made-up rows and the tiny model."""
    split = made_up_split(150, seed=5)
    with open(tmp_path / "rows.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(
            (f"{text} {at}", ("delivery", "money", "repair")[label])
            for at, (text, label) in enumerate(zip(split.texts, split.labels, strict=True))
        )
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(SPACE))
    task = {
        "version": 1, "name": "killed", "data": {"path": "rows.csv", "text": "text", "label": "label"},
        "base_model": str(tiny_folder()), "metric": "accuracy", "space": "space.yaml", "budget": {"trials": 8},
    }  # fmt: skip
    (tmp_path / "task.yaml").write_text(yaml.safe_dump(task))
    return tmp_path / "task.yaml"


def start(*arguments, failpoints: str = "") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "autolora.cli", "search", *map(str, arguments), "--plain"]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=os.environ | {VARIABLE: failpoints},
        # A test run started in the background ignores SIGINT, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def states_of(run) -> dict[int, tuple]:
    """Return number → (state,) of every trial."""
    return {r.number: (r.state,) for r in Ledger(run / "study.db", seed=0).records()}


def acknowledged(run) -> dict[int, tuple]:
    """Return what the study says of every trial that was told."""
    if not (run / "study.db").exists():
        return {}
    records = Ledger(run / "study.db", seed=0).records()
    return {r.number: (r.state, r.metric, r.config, r.ended_at) for r in records if r.state != TrialState.RUNNING}


def wait_until(happened, process) -> None:
    for _ in range(1200):
        if process.poll() is not None or happened():
            return
        time.sleep(0.05)
    raise AssertionError("the search did not get that far")


def wait_until_trials_ran(run, process, count) -> None:
    trials = run / "trials.jsonl"
    wait_until(lambda: trials.exists() and len(trials.read_text().splitlines()) >= count, process)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_search_that_is_asked_to_end_keeps_where_its_trials_stand(number, code, task_file, tmp_path) -> None:
    run = tmp_path / "run"
    task_file.write_text(task_file.read_text().replace("space: space.yaml", "space: long.yaml"))
    (tmp_path / "long.yaml").write_text(yaml.safe_dump(SPACE | {"fixed": SPACE["fixed"] | {"epochs": 400}}))
    process = start(task_file, "--out", run)
    wait_until(lambda: any((run / "slots").glob("*.safetensors")), process)
    time.sleep(1.0)  # into the next rung
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)

    assert process.returncode == code, err.decode()
    assert err.decode().splitlines()[-1] == f"Interrupted. Go on with: autolora search {run} --resume"
    assert out == b""
    (interrupted,) = [event for event in RunFolder(run).events() if event["event"] == "interrupted"]
    steps = {path.stem: states.read(path).step for path in (run / "slots").glob("*.safetensors")}
    assert len(steps) == interrupted["kept"] > 0
    at_rungs = {rung.steps for record in Ledger(run / "study.db", seed=0).records() for rung in record.rungs}
    assert set(steps.values()) - at_rungs, "what was done since the last rung is kept too"
    assert (run / PREFIXES / "data.mdb").exists(), "what was computed once is there for the search that goes on"


def test_a_finished_search_is_only_read_again_and_changed_data_are_refused(task_file, tmp_path) -> None:
    run = tmp_path / "run"
    text = task_file.read_text().replace("trials: 8", "trials: 2")
    task_file.write_text(text)
    first = start(task_file, "--out", run)
    out, err = first.communicate(timeout=400)
    assert first.returncode == 0, err.decode()
    assert not (run / PREFIXES).exists()

    again = start(run, "--resume")
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0
    assert b"finished; nothing was done" in err
    assert b"verdict" in out

    (run / "DONE").unlink()
    with open(tmp_path / "rows.csv", "a") as file:
        file.write("one more row,money\n")
    changed = start(run, "--resume")
    out, err = changed.communicate(timeout=60)
    assert changed.returncode == 2
    assert b"the data have changed since the search began" in err


def error_of(process, out: bytes, err: bytes) -> str:
    """Return the one line of a search that ended in an error of our own."""
    lines = err.decode().splitlines()
    assert process.returncode == 2, err.decode()
    assert [line for line in lines if line.startswith("Error: ")] == lines[-1:], err.decode()
    assert "Traceback" not in err.decode()
    assert out == b""
    return lines[-1]


def test_a_search_whose_engines_die_or_whose_ray_is_gone_ends_in_one_error_and_can_be_resumed(
    task_file, tmp_path
) -> None:
    run = tmp_path / "run"
    task_file.write_text(task_file.read_text().replace("trials: 8", "trials: 3"))
    dying = start(task_file, "--out", run, failpoints="engine.step=kill@2")
    error = error_of(dying, *dying.communicate(timeout=200))
    assert "3 engines were lost one after the other and no trial got on; the last one: an engine process ended" in error
    assert "resume the search" in error
    assert [event["event"] for event in RunFolder(run).events()].count("engine_lost") == 3
    assert all(state == TrialState.RUNNING for state, *_ in states_of(run).values())

    without_ray = start(run, "--resume")
    wait_until(lambda: any((run / "slots").glob("*.safetensors")), without_ray)
    for process in psutil.Process(without_ray.pid).children(recursive=True):
        if process.name() == "raylet":
            process.kill()
    _, err = without_ray.communicate(timeout=30)
    assert without_ray.returncode == 2, err.decode()
    assert err.decode().splitlines()[-2:] == [
        "Error: Ray has ended unexpectedly (free memory, then resume the search)",
        f"Cut off. Go on with: autolora search {run} --resume",
    ]

    last = start(run, "--resume")
    _, err = last.communicate(timeout=400)
    assert last.returncode == 0, err.decode()
    assert sum(state != TrialState.REFUSED for state, *_ in acknowledged(run).values()) == 3
