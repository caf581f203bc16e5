from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from autolora import demo
from autolora import examine as examine_module
from autolora.cli import main
from autolora.data import prepare
from autolora.data_request import DataRequest
from autolora.examine import Examination, examine
from autolora.records import DataRecord, from_json

pytestmark = pytest.mark.unit

ROWS = [("the parcel is late", "delivery"), ("where is my parcel", "delivery"), ("I was charged twice", "money")]
ROWS += [("it broke", "repair"), ("it leaks water", "repair"), ("the screen is dark", "repair")]
ROWS += [("no box came", "delivery"), ("give me back what I paid", "money"), ("which card do you take", "money")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS))
    return path


def run(*arguments: str | Path):
    return CliRunner().invoke(main, ["validate", *(str(argument) for argument in arguments)])


def test_the_record_is_that_of_a_search(data: Path) -> None:
    wanted = DataRequest(path=str(data), text="text", label="label")

    record, dataset = examine(Examination(data=wanted, seed=7)), prepare(wanted, seed=7)

    assert record.hash == dataset.hash
    assert record.split_row_ids["test"] == dataset.test.row_ids
    assert (record.rows, record.token_lengths) == (9, ())


def test_a_bases_tokenizer_counts_and_what_it_cannot_read_is_found() -> None:
    wanted = demo.request("ja")

    record = examine(Examination(data=wanted.data, base_model=wanted.base_model, space="quick"))

    assert (record.max_length, len(record.token_lengths)) == (64, 7)
    assert record.unknown_token_share > 0.15
    assert {finding.code for finding in record.findings} == {"unreadable_text", "truncated"}


def test_of_many_texts_tokens_are_counted_in_some_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine_module, "TOKENS_OF_ROWS", 100)
    wanted = demo.request("en")

    record = examine(Examination(data=wanted.data, base_model=wanted.base_model, space="quick"))

    assert len(record.token_lengths) == 7
    assert "Tokens were counted in 100 of the 537 training texts." in [finding.message for finding in record.findings]


def test_the_text_tells_lengths_in_characters_and_in_tokens_where_a_base_counts_them(data: Path) -> None:
    plain, counted = run(data), run(data, "--base-model", demo.request("en").base_model)

    assert "characters  " in plain.stdout
    assert "tokens      not counted: name the --base-model" in plain.stdout
    assert "characters  " in counted.stdout
    assert "of the texts are cut at 128" in counted.stdout


def test_the_text_names_classes_splits_and_findings(data: Path) -> None:
    with data.open("a") as file:
        file.write("It broke,repair\n")

    done = run(data)

    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "data.csv: 10 rows, text in 'text', label in 'label'"
    assert lines[3].split() == ["class", "train", "validation", "test"]
    counted = [line.split() for line in lines[4:7]]
    assert {name: sum(map(int, counts)) for name, *counts in counted} == {"delivery": 3, "money": 3, "repair": 4}
    assert lines[-1].startswith("note     data.csv repeats the text and label of an earlier row in 1 row (row 10);")
    assert lines[-1].endswith("What to do: nothing, unless they came in by mistake.")


def test_nothing_odd_is_said_too(data: Path) -> None:
    assert run(data).stdout.splitlines()[-1] == "Nothing odd was found."


def test_columns_of_slices_are_looked_at_too(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("text,label,opened\n" + "".join(f"{text},{label},2026-03-01\n" for text, label in ROWS))

    done, unknown = run(path, "--slice", "opened"), run(path, "--slice", "opened", "--slice", "open")

    assert "Column 'opened' holds dates: test rows are told apart by month (1 month)." in done.stdout
    assert (unknown.exit_code, unknown.stdout) == (3, "")
    assert unknown.stderr.endswith("there are 'text', 'label', 'opened' (did you mean 'opened'?)\n")


def test_json_reads_back_as_the_record(data: Path) -> None:
    wanted = Examination(data=DataRequest(path=str(data), text="text", label="label"), seed=3)

    assert from_json(run(data, "--seed", "3", "-f", "json").stdout, DataRecord) == examine(wanted)


def test_a_task_file_says_what_to_look_at(data: Path, tmp_path: Path) -> None:
    task = tmp_path / "task.yaml"
    task.write_text(
        f"data: {{path: data.csv, text: text, label: label}}\nbase_model: {demo.base_folder()}\nspace: quick\nseed: 3\n"
    )

    record = from_json(run(task, "-f", "json").stdout, DataRecord)

    assert (record.seed, record.max_length, len(record.token_lengths)) == (3, 64, 7)


def test_data_that_a_search_would_refuse_exit_with_3(data: Path) -> None:
    done = run(data, "--label", "team")

    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == (
        "Error: data.csv: there is no column 'team'; there are 'text', 'label'"
        " (name the text and label columns of this data)\n"
    )


def test_a_wrong_value_exits_with_2(data: Path) -> None:
    assert run(data, "--space", "endocer").exit_code == 2
    assert run(data, "--rows", "0").exit_code == 2


def test_texts_and_labels_cannot_move_the_cursor(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"text {word},\x1b[2Jlabel\n" for word in "abcdef") + "g,x\nh,x\ni,x\n")

    assert "\x1b" not in run(path).stdout
