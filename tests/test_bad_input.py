"""What a user may get wrong and what is found before any engine starts: one clear error, nothing written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from autolora.cli import main
from autolora.store import RunFolder
from tests.report import made_up

pytestmark = pytest.mark.tiny  # the search command loads torch, though nothing here comes as far as using it

ROWS = "".join(f"text number {at},{'abc'[at % 3]}\n" for at in range(30))
GOOD = {
    "data.csv": f"text,label\n{ROWS}",
    "base/config.json": '{"model_type": "bert"}',
    "base/model.safetensors": "weights",
}
SPACE = """\
version: 1
parameters:
  rank: {type: choice, values: [1, 2]}
  learning_rate: {type: float, low: 1.0e-4, high: 1.0e-2, log: true}
fixed: {target_modules: attention, layers: all}
"""
TASK = """\
version: 1
data: {path: data.csv, text: text, label: label}
base_model: base
space: quick
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A wrong request, and what its error must say."""

    says: tuple[str, ...]
    """Rule, value and way out."""
    files: dict[str, str | bytes | None] = field(default_factory=dict)
    """Changes to the good files; None removes one."""
    data: str = "data.csv"
    flags: tuple[str, ...] = ()
    base: str | None = "base"


def space(old: str, new: str) -> dict[str, str | bytes | None]:
    assert old in SPACE
    return {"space.yaml": SPACE.replace(old, new)}


OWN_SPACE = ("--space", "space.yaml")
CASES = {
    # ------------------------------------------------------------------------------------------------------------ data
    "missing file": Case(
        data="reviews.jsonl", says=("there is no file or folder '", "/reviews.jsonl'", "check the path")
    ),
    "misspelt file": Case(
        data="dta.csv", says=("there is no file or folder '", "/dta.csv'", "did you mean", "data.csv?")
    ),
    "missing text column": Case(flags=("--text", "body"), says=("'body'", "text", "label", "data.csv")),
    "missing label column": Case(flags=("--label", "team"), says=("'team'", "text", "label", "data.csv")),
    "one column for both": Case(
        flags=("--label", "text"), says=("must be two columns, but both are 'text'", "name the")
    ),
    "empty file": Case(files={"data.csv": ""}, says=("data.csv is empty", "give a file with a header")),
    "header only": Case(files={"data.csv": "text,label\n"}, says=("data.csv has no rows", "below the header")),
    "one class": Case(
        files={"data.csv": "text,label\n" + "".join(f"t{at},a\n" for at in range(9))},
        says=("only one class, 'a'; at least 2 are needed", "add rows of another class"),
    ),
    "a class too small to split": Case(
        files={"data.csv": f"text,label\n{ROWS}rare,d\n"},
        says=("class 'd' has 1 row", "at least 3 are needed to split it", "merge it"),
    ),
    "blank labels": Case(
        files={"data.csv": f"text,label\n{ROWS}one,\ntwo, \n"},
        says=("column 'label' is blank in 2 rows (rows 31, 32)", "fill or remove them"),
    ),
    "blank texts": Case(
        files={"data.csv": f"text,label\n,a\n{ROWS}"},
        says=("column 'text' is blank in 1 row (row 1)", "fill or remove them"),
    ),
    "a label for every row": Case(
        files={"data.csv": "text,label\n" + "".join(f"t{at},{at}\n" for at in range(9))},
        says=("9 different labels in 9 rows", "looks like an identifier", "the column that holds the classes"),
    ),
    "a row with too many cells": Case(
        files={"data.csv": f"text,label\n{ROWS}one,two,a\n"},
        says=("row 31 (line 32) has 3 cells, but the header has 2", "put quotes"),
    ),
    "no text file": Case(files={"data.csv": b"text,label\n\xff\xfe,a\n"}, says=("data.csv is not UTF-8", "convert it")),
    "a format that is not read": Case(
        files={"data.xlsx": "x"}, data="data.xlsx", says=("extension '.xlsx'", ".csv", "convert it")
    ),
    "missing test file": Case(
        flags=("--test", "held_out.parquet"), says=("there is no file or folder '", "/held_out.parquet'", "check")
    ),
    "a test label that training lacks": Case(
        files={"later.csv": "text,label\nx,z\n"},
        flags=("--test", "later.csv"),
        says=("labels that the training rows lack", "'z'", "remove them"),
    ),
    "rows too few for the classes": Case(
        flags=("--rows", "4"), says=("rows must be at least", "3 classes of data.csv", "but got 4", "use more rows")
    ),
    "no rows": Case(
        flags=("--rows", "0"), says=("rows must be a whole number of at least 1, but got 0", "leave it out")
    ),
    # ------------------------------------------------------------------------------------------------------------ base
    "no base": Case(base=None, says=("a search needs a base model", "give --base-model")),
    "absent base": Case(base="./absent", says=("/absent' does not exist", "config.json and model.safetensors")),
    "absent base on the hub": Case(
        base="owner/absent", says=("'owner/absent' is neither a folder here", "check the id and the network")
    ),
    "a file for a base": Case(base="base/config.json", says=("'base/config.json' is a file", "give its folder")),
    "a base without configuration": Case(
        files={"base/config.json": None},
        says=("/base' holds model.safetensors", "give the folder"),
    ),
    "a base with a broken configuration": Case(
        files={"base/config.json": '{"model_type": '},
        says=("config.json of '", "/base' cannot be read: Expecting value", "copy the model"),
    ),
    "a base with remote code in its configuration": Case(
        files={"base/config.json": '{"auto_map": {"AutoModel": "x.X"}}'},
        says=("brings its own code is refused", "'auto_map'", "transformers itself knows"),
    ),
    "a base with python files": Case(
        files={"base/modeling_x.py": "1/0"},
        says=("brings its own code is refused", "modeling_x.py", "transformers itself knows"),
    ),
    "a base without safetensors": Case(
        files={"base/model.safetensors": None, "base/pytorch_model.bin": "pickle"},
        says=("/base' has none", "convert them"),
    ),
    # ----------------------------------------------------------------------------------------------------------- space
    "an unknown space": Case(
        flags=("--space", "encodr"), says=("no search space or file 'encodr'", "did you mean encoder?")
    ),
    "rank 0": Case(
        files=space("[1, 2]", "[0, 2]"),
        flags=OWN_SPACE,
        says=("rank must be a whole number of at least 1, but got 0", "space.yaml", "give another value"),
    ),
    "an inverted range": Case(
        files=space("low: 1.0e-4, high: 1.0e-2", "low: 1.0e-2, high: 1.0e-4"),
        flags=OWN_SPACE,
        says=("low must be below high, but got low=0.01, high=0.0001", "parameters.learning_rate", "swap them"),
    ),
    "a range that ends in NaN": Case(
        files=space("high: 1.0e-2", "high: .nan"),
        flags=OWN_SPACE,
        says=("low and high must be finite numbers, but got low=0.0001, high=nan", "give two such numbers"),
    ),
    "a number that YAML reads as text": Case(
        files=space("low: 1.0e-4", "low: 1e-4"),
        flags=OWN_SPACE,
        says=("low and high must be finite numbers, but got low='1e-4'", "write 1.0e-4"),
    ),
    "an unknown key in a space": Case(
        files=space("learning_rate:", "lerning_rate:"),
        flags=OWN_SPACE,
        says=("parameters.lerning_rate: unknown key", "did you mean learning_rate?"),
    ),
    "a range of layers that there cannot be": Case(
        files=space("layers: all", "layers: lst_half"),
        flags=OWN_SPACE,
        says=("layers must be a range of layers", "but got 'lst_half'", "did you mean last_half?"),
    ),
    # ------------------------------------------------------------------------------------------------ request and flags
    "missing task file": Case(data="task.yaml", base=None, says=("there is no file 'task.yaml'", "check the path")),
    "an unknown key in a task": Case(
        files={"task.yaml": TASK + "metrc: accuracy\n"},
        data="task.yaml",
        base=None,
        says=("task.yaml", "metrc: unknown key", "did you mean metric?"),
    ),
    "an unknown key inside a task": Case(
        files={"task.yaml": TASK + "limits: {max_param: 5}\n"},
        data="task.yaml",
        base=None,
        says=("limits.max_param: unknown key", "did you mean max_params?"),
    ),
    "an unknown metric": Case(
        flags=("--metric", "macro-f1"),
        says=("metric must be one of macro_f1, accuracy, but got 'macro-f1'", "did you mean macro_f1?"),
    ),
    "a budget in no unit": Case(flags=("--budget", "15"), says=("budget: a duration", "but got '15'", "write 15m")),
    "a budget in words": Case(flags=("--budget", "a while"), says=("budget: a duration", "but got 'a while'", "15m")),
    "a size in no unit": Case(flags=("--max-memory", "8"), says=("max_memory", "at least 1,024, but got 8", "8GB")),
    "no trials": Case(
        flags=("--trials", "0"), says=("trials must be a whole number of at least 1, but got 0", "change")
    ),
    "a score in percent": Case(
        flags=("--min-metric", "80"), says=("min_metric must be between 0 and 1, but got 80.0", "write 80 % as 0.8")
    ),
    "a score that is no number": Case(flags=("--min-metric", "nan"), says=("between 0 and 1, but got nan", "0.8")),
    # ---------------------------------------------------------------------------------------------------------- resume
    "nothing to resume": Case(
        data="runs", base=None, flags=("--resume",), says=("'runs' is not a run folder: it has no task.yaml", "--out")
    ),
    "nothing to resume in the folder named": Case(
        flags=("--resume",), says=("'out' is not a run folder: it has no task.yaml", "give the --out of a search")
    ),
}


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
