from __future__ import annotations

import gzip

import pytest

from autolora.errors import RequestError
from autolora.portfolio.members import read

pytestmark = pytest.mark.unit

DEFAULTS = "base_model: models/base\ndata: {text: body, label: team}\nbudget: {trials: 8}\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "models" / "base").mkdir(parents=True)
    (tmp_path / "defaults.yaml").write_text(DEFAULTS)
    (tmp_path / "mails.csv").write_text("body,team\na,b\n")
    (tmp_path / "notes.txt").write_text("no task")
    return tmp_path


def by_name(members):
    return {member.name: member for member in members}


def test_a_folder_of_tables_becomes_tasks_by_its_defaults(folder) -> None:
    (folder / "calls.jsonl.gz").write_bytes(gzip.compress(b"{}"))
    found = by_name(read([folder]))

    assert set(found) == {"mails", "calls"}
    wanted = found["mails"].request
    assert (wanted.data.path, wanted.data.text, wanted.data.label) == (str(folder / "mails.csv"), "body", "team")
    assert wanted.base_model == str(folder / "models" / "base")
    assert wanted.budget.trials == 8
    assert found["mails"].source == "mails.csv"


def test_a_task_file_takes_from_the_defaults_what_it_leaves_out(folder) -> None:
    (folder / "own.yaml").write_text(
        "name: own\ndata: {path: mails.csv, label: branch}\nbudget: {minutes: 5}\npriority: 2\n"
    )
    own = by_name(read([folder]))["own"]

    assert (own.request.data.text, own.request.data.label) == ("body", "branch")
    assert (own.request.budget.trials, own.request.budget.minutes) == (8, 5)
    assert own.priority == 2
    assert own.request.data.path == str(folder / "mails.csv")


def test_a_member_that_cannot_be_read_is_reported_and_the_others_stay(folder) -> None:
    (folder / "bad.yaml").write_text("base_modell: x\n")
    found = by_name(read([folder]))

    assert found["bad"].request is None
    assert "base_modell: unknown key" in found["bad"].fault
    assert found["mails"].request is not None


def test_deadlines_are_told_in_seconds(folder) -> None:
    (folder / "soon.yaml").write_text("data: {path: mails.csv}\nname: soon\ndeadline: 1h30m\n")

    assert by_name(read([folder]))["soon"].deadline_seconds == 5400


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        ({"a.csv": "x"}, "a.csv is a table, and nothing says which columns", "put a defaults.yaml beside it"),
        ({"defaults.yaml": DEFAULTS}, "at least one task", "give task files"),
        (
            {"defaults.yaml": DEFAULTS + "name: x\n", "a.csv": "x"},
            "defaults.yaml: name belongs to one task",
            "write it in the task's file",
        ),
        (
            {"defaults.yaml": "base_model: x\ndata: {path: a.csv}\n", "a.csv": "x"},
            "defaults.yaml: data.path belongs to one task",
            "write it in the task's file",
        ),
        (
            {"defaults.yaml": DEFAULTS, "a.csv": "x", "A.yaml": "name: a\ndata: {path: a.csv}\n"},
            "two tasks have the name 'a': A.yaml and a.csv",
            "another name",
        ),
        ({"defaults.yaml": "base_model: [\n", "a.csv": "x"}, "defaults.yaml, line", "check"),
    ],
)
def test_what_makes_a_batch_impossible_is_one_clear_error(tmp_path, files, message, hint) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    with pytest.raises(RequestError) as refusal:
        read([tmp_path])
    assert message in refusal.value.message.replace("A.yaml and a.csv", "A.yaml and a.csv")
    assert hint in refusal.value.hint


def test_a_path_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(RequestError, match=r"there is no file '.*gone\.yaml'"):
        read([tmp_path / "gone.yaml"])
