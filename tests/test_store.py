from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autolora import folder
from autolora.errors import RunFolderError
from autolora.records import TrialState
from autolora.store import RunFolder
from tests.report import made_up

pytestmark = pytest.mark.unit

TASK = "version: 1\nname: reviews\n"
HOLD = """
import sys
from pathlib import Path
from autolora.store import RunFolder
with RunFolder.existing(Path(sys.argv[1])).owned():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs" / "reviews", TASK)


# ------------------------------------------------------------------------------------------------------- opening it


def test_a_new_run_folder_holds_the_request_and_nothing_else(run: RunFolder) -> None:
    assert sorted(path.name for path in run.path.iterdir()) == [".lock", "task.yaml"]
    assert run.request() == {"version": 1, "name": "reviews"}
    assert RunFolder.existing(run.path).request() == run.request()


def test_a_run_folder_that_has_nothing_yet_says_none(run: RunFolder) -> None:
    assert run.data() is None
    assert run.confirm() is None
    assert run.recommendation() is None
    assert run.trials() == ()
    assert run.events() == ()
    assert not run.is_done


def test_an_empty_folder_may_become_a_run_folder(tmp_path: Path) -> None:
    RunFolder.check_free(tmp_path)

    assert RunFolder.create(tmp_path, TASK).request()["name"] == "reviews"


@pytest.mark.parametrize(
    ("taken_by", "message", "hint"),
    [
        ("a file", "is a file", "choose another --out"),
        ("something else", "is not empty", "choose an empty or a new folder"),
        ("an unfinished run", "holds an unfinished search", "--resume; or choose another --out"),
        ("a finished run", "holds a finished search", "autolora report"),
        ("a file above it", "lies below a file", "choose another --out"),
    ],
)
def test_a_taken_path_is_refused_and_left_as_it_is(taken_by: str, message: str, hint: str, tmp_path: Path) -> None:
    path = tmp_path / "out put"
    if taken_by == "a file":
        path.write_text("mine")
    elif taken_by == "a file above it":
        path.write_text("mine")
        path = path / "below" / "it"
    else:
        path.mkdir()
        (path / ("mine.txt" if taken_by == "something else" else "task.yaml")).write_text(TASK)
    if taken_by == "a finished run":
        RunFolder(path).write_done()
    before = sorted(tmp_path.rglob("*"))

    for use in (RunFolder.check_free, lambda path: RunFolder.create(path, "name: other\n")):
        with pytest.raises(RunFolderError) as caught:
            use(path)
        assert message in caught.value.message
        assert str(path) in caught.value.message
        assert hint in caught.value.hint
    assert sorted(tmp_path.rglob("*")) == before


def test_the_way_out_of_a_taken_path_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "out put", TASK)

    with pytest.raises(RunFolderError) as caught:
        RunFolder.check_free(run.path)

    assert f"autolora search '{run.path}' --resume" in caught.value.hint


def test_a_folder_without_a_request_is_no_run_folder(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(RunFolderError, match="is not a run folder: it has no task"):
            RunFolder.existing(path)


# ------------------------------------------------------------------------------------------------------- one writer


def test_a_second_owner_in_another_process_is_refused_with_the_first_ones_id(run: RunFolder) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with pytest.raises(RunFolderError, match=f"is in use by process {first.pid}") as caught, run.owned():
            pass
        assert caught.value.hint == "wait for it, or stop that process"
        first.communicate("")

    with run.owned():
        assert (run.path / ".owner").exists()
    assert not (run.path / ".owner").exists()


def test_a_killed_owner_leaves_the_folder_free(run: RunFolder) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        first.stdout.readline()
        first.kill()
        first.wait()

        with run.owned():
            pass


def test_a_refused_owner_does_not_take_the_first_ones_mark(run: RunFolder) -> None:
    with run.owned():
        with pytest.raises(RunFolderError, match="is in use by process"), RunFolder(run.path).owned():
            pass
        assert (run.path / ".owner").exists()


# ---------------------------------------------------------------------------------------------- writing and reading


def test_what_a_killed_owner_left_is_tidied_up_but_never_what_another_one_has(run: RunFolder) -> None:
    left = [run.path / ".owner", run.path / "report.html.7.part"]
    for path in left:
        path.write_text("7")

    run.tidy()
    assert not any(path.exists() for path in left)

    with run.owned():
        RunFolder(run.path).tidy()
        assert (run.path / ".owner").read_text() == str(os.getpid())


def test_an_owner_that_ends_leaves_nothing_half_written(run: RunFolder) -> None:
    with run.owned():
        (run.path / "slots").mkdir()
        (run.path / "slots" / "00000.safetensors.7.part").write_text("half")

    assert list((run.path / "slots").iterdir()) == []


def test_everything_that_is_written_is_read_back(run: RunFolder) -> None:
    run.write_data(made_up.data())
    run.write_trials(made_up.trials())
    run.write_confirm(made_up.confirm())
    run.write_recommendation(made_up.recommendation())
    run.write_report("<html>")
    run.write_done()

    assert run.data() == made_up.data()
    assert run.trials() == made_up.trials()
    assert run.confirm() == made_up.confirm()
    assert run.recommendation() == made_up.recommendation()
    assert run.is_done
    assert not list(run.path.glob("*.part"))


def test_a_write_that_fails_leaves_the_old_file_whole(run: RunFolder) -> None:
    run.write_trials(made_up.trials()[:3])

    def breaking():
        yield made_up.trials()[0]
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        run.write_trials(breaking())

    assert run.trials() == made_up.trials()[:3]


def test_a_part_left_by_a_kill_is_neither_read_nor_in_the_way(run: RunFolder) -> None:
    run.write_confirm(made_up.confirm())
    (run.path / "confirm.json.17.part").write_text('{"candidates": [')
    (run.path / "slots").mkdir()
    (run.path / "slots" / "00001.safetensors.17.part").write_bytes(b"half")
    (run.path / "adapter.part").mkdir()
    (run.path / "adapter.part" / "adapter_model.safetensors").write_bytes(b"half")

    assert run.confirm() == made_up.confirm()
    with run.owned():
        assert not list(run.path.rglob("*.part"))
    assert run.confirm() == made_up.confirm()


def test_events_have_a_time_in_utc_and_keep_their_order(run: RunFolder) -> None:
    run.event("started", device="CPU")
    run.event("done", verdict="adopt", name="修理の問い合わせ")

    events = run.events()
    assert [event["event"] for event in events] == ["started", "done"]
    assert events[1]["name"] == "修理の問い合わせ"
    assert all(event["at"].endswith("+00:00") for event in events)


@pytest.mark.parametrize("cut", [1, 4, 12])
def test_events_survive_a_last_line_that_a_kill_cut_short(cut: int, run: RunFolder) -> None:
    run.event("started")
    run.event("note", text="修理")  # cut inside a character that takes three bytes, too
    path = run.path / folder.EVENTS
    path.write_bytes(path.read_bytes()[:-cut])

    assert [event["event"] for event in run.events()][:1] == ["started"]
    run.event("resumed")
    assert [event["event"] for event in run.events()][-1] == "resumed"
    assert len(run.events()) == (3 if cut == 1 else 2)


def test_unusual_line_breaks_inside_a_text_do_not_end_a_record(run: RunFolder) -> None:
    cause = "line one\u2028line two\x85line three\nline four"
    trial = replace(made_up.trials()[0], state=TrialState.FAILED, cause=cause)
    run.write_trials([trial, trial])
    run.event("note", text=cause)

    assert run.trials() == (trial, trial)
    assert run.events()[0]["text"] == cause


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        ("data.json", b'{"source": "a.csv"}', RunFolder.data),
        ("confirm.json", b'{"candidates": [', RunFolder.confirm),
        ("confirm.json", b"", RunFolder.confirm),
        ("recommendation.json", b"[]", RunFolder.recommendation),
        ("recommendation.json", b"\xff\xfe", RunFolder.recommendation),
        ("trials.jsonl", b'{"number": "one"}\n', RunFolder.trials),
        ("trials.jsonl", b'{"number": 1, "st', RunFolder.trials),
        ("trials.jsonl", b'"\xff"\n', RunFolder.trials),
        ("task.yaml", b"version: [1\n", RunFolder.request),
        ("task.yaml", b"- a\n- b\n", RunFolder.request),
        ("task.yaml", b"", RunFolder.request),
        ("task.yaml", b"name: \xff\n", RunFolder.request),
    ],
)
def test_a_damaged_file_is_one_error_that_names_it(name: str, content: bytes, read, run: RunFolder) -> None:
    (run.path / name).write_bytes(content)

    with pytest.raises(RunFolderError) as caught:
        read(run)

    assert caught.value.message.startswith(f"{name} in the run folder {str(run.path)!r} cannot be read: ")
    assert "changed by hand" in caught.value.hint
    assert "\n" not in caught.value.message


def test_the_projection_of_trials_is_one_json_object_a_line(run: RunFolder) -> None:
    run.write_trials(made_up.trials())

    lines = (run.path / "trials.jsonl").read_text(encoding="utf-8").split("\n")
    assert lines[-1] == ""
    assert [json.loads(line)["number"] for line in lines[:-1]] == list(range(24))
