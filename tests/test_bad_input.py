"""What a user may get wrong and what is found before any engine starts: one clear error, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from autolora.cli import main
from autolora.store import RunFolder
from tests.bad_requests import CASES, GOOD, TASK, Case
from tests.report import made_up

pytestmark = pytest.mark.tiny  # the search command loads torch, though nothing here comes as far as using it


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lay_out(folder: Path, files: dict[str, str | bytes | None]) -> None:
    for name, content in files.items():
        if content is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)


def refused(arguments: list[str], says: tuple[str, ...]) -> None:
    """Run the command line and check that it ends with one error that says all of it."""
    done = CliRunner().invoke(main, arguments)

    lines = done.stderr.splitlines()
    errors = [line for line in lines if line.startswith("Error: ")]
    assert done.exit_code == 2, done.output
    assert errors == lines[-1:], done.stderr
    assert all(line.startswith("[") for line in lines[:-1]), "only progress stands before it"
    assert done.stdout == ""
    for words in says:
        assert words in errors[0]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_wrong_request_is_one_error_and_nothing_is_written(case: Case, here: Path) -> None:
    lay_out(here, GOOD | case.files)
    before = sorted(here.rglob("*"))
    base = ["--base-model", case.base] if case.base else []

    refused(["search", case.data, *base, "--space", "quick", "--out", "out", *case.flags], case.says)

    assert not (here / "out").exists()
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("case", list(CASES.values())[::9], ids=list(CASES)[::9])
def test_a_plan_of_a_wrong_request_is_refused_as_its_search_is(case: Case, here: Path) -> None:
    lay_out(here, GOOD | case.files)
    base = ["--base-model", case.base] if case.base else []
    before = sorted(here.rglob("*"))

    refused(["plan", case.data, *base, "--space", "quick", *case.flags], case.says)

    assert sorted(here.rglob("*")) == before


TAKEN = {
    "an unfinished run": (
        {"out/task.yaml": TASK},
        ("'out' holds an unfinished search", "autolora search out --resume"),
    ),
    "a finished run": (
        {"out/task.yaml": TASK, "out/DONE": "x"},
        ("'out' holds a finished search", "autolora report out; or choose another --out"),
    ),
    "anything else": ({"out/mine.txt": "x"}, ("'out' is not empty", "choose an empty or a new folder")),
    "a file": ({"out": "x"}, ("'out' is a file", "choose another --out")),
}


@pytest.mark.parametrize(("files", "says"), TAKEN.values(), ids=TAKEN)
def test_an_output_folder_that_is_taken_is_refused_and_left_as_it_is(
    files: dict[str, str | bytes | None], says: tuple[str, ...], here: Path
) -> None:
    lay_out(here, GOOD | files)
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}

    refused(["search", "data.csv", "--base-model", "base", "--out", "out"], says)

    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


def test_data_that_changed_since_a_search_began_are_refused(here: Path) -> None:
    lay_out(here, GOOD)
    run = RunFolder.create(here / "out", TASK.replace("data.csv", "../data.csv").replace("base\n", "../base\n"))
    run.write_data(made_up.data())

    refused(["search", "out", "--resume"], ("the data have changed since the search began", "bring back the file"))


def test_a_resumed_search_cannot_be_asked_for_something_else(here: Path) -> None:
    lay_out(here, GOOD)
    RunFolder.create(here / "out", TASK)

    refused(
        ["search", "out", "--resume", "--trials", "48"],
        ("budget.trials of the search in 'out' is 24, but 48 is asked for", "leave that out, or start a new search"),
    )


def test_the_demo_refuses_a_bad_budget_and_a_taken_folder(here: Path) -> None:
    lay_out(here, {"out/mine.txt": "x"})

    refused(["demo", "--out", "new", "--budget", "soon"], ("a duration must be", "but got 'soon'"))
    refused(["demo", "--out", "out"], ("'out' is not empty", "choose an empty or a new folder"))
    assert sorted(path.name for path in here.rglob("*")) == ["mine.txt", "out"]
