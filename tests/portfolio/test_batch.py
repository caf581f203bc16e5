"""A whole batch on tiny models: tasks share a base, learn from each other, fail alone, and go on after a kill."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from safetensors.numpy import load_file, save_file

from autolora import results
from autolora.errors import RequestError
from autolora.portfolio import conduct
from autolora.portfolio.folder import BatchFolder, BatchRequest
from autolora.portfolio.members import read
from autolora.progress import PlainProgress
from autolora.records import TrialState
from tests import tiny_search

pytestmark = pytest.mark.ray

WORDS = {
    "mails": {"delivery": "parcel", "money": "card", "repair": "broken"},
    "calls": {"delivery": "parcel", "money": "card", "repair": "broken"},
    "notes": {"good": "thanks", "bad": "broken"},
}


def lay_out(folder: Path, base: Path, *, trials: int = 3, rows: int = 20, names=tuple(WORDS), **defaults) -> Path:
    """Write tables of tasks with their defaults; ``mails`` and ``calls`` have the same labels."""
    tables = folder / "tables"
    tables.mkdir(parents=True)
    for seed, name in enumerate(names):
        with open(tables / f"{name}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("text", "label"))
            for at in range(rows):
                writer.writerows((f"{word} please {word} {at} {seed}", label) for label, word in WORDS[name].items())
    (folder / "space.yaml").write_text(yaml.safe_dump(tiny_search.SPACE))
    given = {
        "version": 1, "data": {"text": "text", "label": "label"}, "base_model": str(base), "metric": "accuracy",
        "space": str(folder / "space.yaml"), "budget": {"trials": trials},
    }  # fmt: skip
    (tables / "defaults.yaml").write_text(yaml.safe_dump(given | defaults))
    return tables


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "autolora.cli", "batch", *map(str, arguments)]


def run(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=400, **options)


def events(out: Path, kind: str) -> list[dict]:
    return [event for event in BatchFolder(out).events() if event["event"] == kind]


@pytest.fixture(scope="module")
def finished(tiny_folder, tmp_path_factory) -> Path:
    """Return the folder of a batch of three sound tasks and three that are not, from the command line."""
    folder = tmp_path_factory.mktemp("batch")
    tables = lay_out(folder, tiny_folder(), trials=4)
    (tables / "single.csv").write_text("text,label\n" + "only one class,a\n" * 40)
    (tables / "wrong.yaml").write_text("name: wrong\ndata: {path: mails.csv}\nbase_modell: x\n")
    hollow = shutil.copytree(tiny_folder(), folder / "hollow")
    weights = load_file(hollow / "model.safetensors")
    save_file({name: w for name, w in weights.items() if ".layer." not in name}, hollow / "model.safetensors")
    (tables / "hollow.yaml").write_text(f"name: hollow\ndata: {{path: mails.csv}}\nbase_model: {hollow}\n")
    done = run(tables, "--out", folder / "q3")
    assert done.returncode == 0, done.stderr
    return folder / "q3"


def test_every_sound_task_has_a_run_folder_as_a_search_makes_it(finished) -> None:
    for name in WORDS:
        search = results.read(finished / name)
        assert (finished / name / "DONE").exists()
        assert search.recommendation is not None
        assert search.recommendation.name == name
        assert search.recommendation.search.trials == 4
        assert search.confirm is not None
        assert "budget ended" not in " ".join(reason.text for reason in search.recommendation.reasons)
        finalists = [each for each in search.confirm.candidates if each.kind == "finalist"]
        assert finalists
        assert all(len(each.seeds) == 3 for each in finalists), "every task is confirmed, not only the last"
        assert tiny_search.left_over(finished / name) == []


def test_a_task_that_cannot_be_used_is_reported_and_stops_nobody(finished) -> None:
    members = {member.name: member for member in BatchFolder(finished).portfolio().members}

    assert members["single"].state == "failed"
    assert "holds only one class" in members["single"].cause
    assert members["wrong"].state == "failed"
    assert "base_modell: unknown key" in members["wrong"].cause
    assert members["hollow"].state == "failed"
    assert "the checkpoint holds no weights for the layers" in members["hollow"].cause
    assert {name for name, member in members.items() if member.state == "done"} == set(WORDS)


def test_the_base_is_loaded_once_and_later_tasks_begin_with_what_worked_for_earlier_ones(finished) -> None:
    explored = {event["task"]: event for event in events(finished, "explored")}

    assert len(events(finished, "begun")) == 3
    assert set(explored) == set(WORDS)
    assert sum(bool(event["suggested_by"]) for event in explored.values()) >= 1
    assert all(set(event["suggested_by"]) <= set(WORDS) - {name} for name, event in explored.items())


def test_tasks_with_equal_labels_try_each_others_adapters_and_others_do_not(finished) -> None:
    record = BatchFolder(finished).portfolio()
    pairs = {(each.adapter, each.rows) for each in record.cross}
    with_adapter = {
        m.name
        for m in record.members
        if m.adapter_bytes and results.read(finished / m.name).recommendation.trial is not None
    }

    assert pairs == {
        (a, b) for a in ("mails", "calls") for b in ("mails", "calls") if a != b and {a, b} <= with_adapter
    }
    for each in record.cross:
        own = results.read(finished / each.rows).recommendation.metric.test
        assert each.own == pytest.approx(own), "it is compared with what its own report says"


def test_every_report_is_there(finished) -> None:
    names = {path.name for path in finished.iterdir()}

    assert {"portfolio.json", "report.html", "management.en.html", "management.ja.html", "DONE"} <= names
    assert {"portfolio.en.xlsx", "portfolio.ja.xlsx"} <= names
    assert json.loads((finished / "portfolio.json").read_text())["finished"] is True


def test_no_text_of_any_row_is_in_the_memory(finished) -> None:
    kept = list((finished / "memory").iterdir())

    assert len(kept) == 3
    for path in kept:
        text = path.read_text()
        assert not [word for words in WORDS.values() for pair in words.items() for word in pair if word in text]


def test_a_batch_that_was_killed_goes_on_and_repeats_nothing(tiny_folder, tmp_path) -> None:
    tables, out = lay_out(tmp_path, tiny_folder(), trials=4), tmp_path / "out"
    acknowledged: dict[str, dict] = {}
    for look in ("explored", "finished", "done"):
        process = subprocess.Popen(
            command(tables, "--out", out) if not out.exists() else command(out, "--resume"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        while process.poll() is None and not (out.exists() and events(out, look)):
            time.sleep(0.1)
        if look != "done":
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=400)
        for name in WORDS:
            now = tiny_search.acknowledged(out / name)
            was = acknowledged.get(name, {})
            assert {number: now.get(number) for number in was} == was, "nothing acknowledged is lost or changed"
            acknowledged[name] = now

    assert process.returncode == 0
    assert {member.state for member in BatchFolder(out).portfolio().members} == {"done"}
    for name, trials in acknowledged.items():
        states = [state for state, *_ in trials.values() if state != TrialState.REFUSED]
        assert len(states) == 4, name
        assert sum(e["event"] == "test_opened" for e in results.read(out / name).events) == 1
    assert len(events(out, "finished")) == 3


def test_one_task_is_given_up_while_it_runs_and_tasks_are_added_meanwhile(tiny_folder, tmp_path) -> None:
    tables, out = lay_out(tmp_path, tiny_folder(), trials=3, names=("mails", "calls")), tmp_path / "out"
    more = lay_out(tmp_path / "more", tiny_folder(), trials=2, names=("notes",))
    process = subprocess.Popen(
        command(tables, "--out", out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not (out.exists() and events(out, "begun")):
        assert process.poll() is None
        time.sleep(0.1)

    assert run(out, "--cancel", "calls").returncode == 0
    assert run(more, "--add", "--out", out).returncode == 0
    assert process.wait(timeout=400) == 0

    states = {member.name: member.state for member in BatchFolder(out).portfolio().members}
    assert states == {"mails": "done", "calls": "cancelled", "notes": "done"}
    assert [event["task"] for event in events(out, "cancelled")] == ["calls"]
    status = run(out, "--status")
    assert "cancelled" in status.stdout
    refused = run(out, "--cancel", "mails")
    assert (refused.returncode, "is done already" in refused.stderr) == (2, True)


def test_a_task_is_added_to_a_finished_batch_which_then_goes_on(finished, tiny_folder, tmp_path) -> None:
    more = lay_out(tmp_path, tiny_folder(), trials=2, names=("mails",))
    (more / "mails.csv").rename(more / "later.csv")
    before = {name: (finished / name / "DONE").stat().st_mtime_ns for name in WORDS}

    assert run(more, "--add", "--out", finished).returncode == 0
    done = run(finished, "--resume")

    assert done.returncode == 0, done.stderr
    states = {member.name: member.state for member in BatchFolder(finished).portfolio().members}
    assert states["later"] == "done"
    assert {name: (finished / name / "DONE").stat().st_mtime_ns for name in WORDS} == before
    twice = run(more, "--add", "--out", finished)
    assert "two tasks have the name 'later'" in twice.stderr


def test_a_budget_below_the_floor_is_refused_before_anything_is_written(tiny_folder, tmp_path) -> None:
    tables = lay_out(tmp_path, tiny_folder(), names=("mails", "notes"))
    wanted = BatchRequest(name="b", members=read([tables]), minutes=0.5)

    with pytest.raises(RequestError, match="2 tasks take at least") as refusal:
        conduct.start(wanted, tmp_path / "out", progress=PlainProgress())
    assert "the smallest that works is" in refusal.value.hint
    assert not (tmp_path / "out").exists()


def test_a_budget_is_split_and_kept_and_a_task_with_a_deadline_comes_first(tiny_folder, tmp_path) -> None:
    tables, out = lay_out(tmp_path, tiny_folder(), trials=2, names=("mails", "notes")), tmp_path / "out"
    (tables / "soon.yaml").write_text("name: soon\ndata: {path: notes.csv}\ndeadline: 4m\npriority: 2\n")
    done = run(tables, "--out", out, "--budget", "6m")

    assert done.returncode == 0, done.stderr
    (split,) = events(out, "allotted")
    assert set(split["seconds"]) == {"mails", "notes", "soon"}
    assert sum(split["seconds"].values()) <= 360
    assert all(split["seconds"][name] >= least - 0.1 for name, least in split["least"].items())
    finished = {event["task"]: event["spent"] for event in events(out, "finished")}
    assert min(finished, key=finished.__getitem__) == "soon"
    for name in ("mails", "notes", "soon"):
        assert [event for event in results.read(out / name).events if event["event"] == "plan"]
