from __future__ import annotations

import gzip
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from autolora.data import read_table, read_tables
from autolora.data_request import DataRequest
from autolora.errors import DataError, RequestError

pytestmark = pytest.mark.unit

Write = Callable[[str, str | bytes], str]


def refusal(**fields: str) -> DataError:
    with pytest.raises(DataError) as caught:
        read_tables(DataRequest(**{"text": "text", "label": "label", **fields}))
    return caught.value


@pytest.mark.parametrize("fields", [{}, {"path": "a.csv", "hub": "owner/name"}])
def test_exactly_one_place_must_be_named(fields: dict[str, str]) -> None:
    with pytest.raises(RequestError, match="exactly one of path and hub"):
        DataRequest(text="text", label="label", **fields)


def test_text_and_label_must_be_two_columns() -> None:
    with pytest.raises(RequestError, match="but both are 'text'"):
        DataRequest(path="a.csv", text="text", label="text")


def test_a_missing_file_is_answered_with_the_nearest_name(write: Write, tmp_path: Path) -> None:
    write("complaints.csv", "text,label\na,b\n")

    error = refusal(path=str(tmp_path / "complaint.csv"))

    assert f"no file or folder {str(tmp_path / 'complaint.csv')!r}" in error.message
    assert error.hint == f"did you mean {tmp_path / 'complaints.csv'}?"


@pytest.mark.parametrize(("path", "hint"), [("owner/name", "hub id"), ("nowhere/at/all.csv", "the folder you are in")])
def test_a_missing_file_with_no_neighbours_gets_a_hint_too(
    path: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert hint in refusal(path=path).hint


def test_a_missing_test_file_is_refused(write: Write) -> None:
    error = refusal(path=write("a.csv", "text,label\na,b\n"), test="absent.csv")

    assert "no file or folder 'absent.csv'" in error.message


def test_an_unknown_extension_is_answered_with_those_supported(write: Write) -> None:
    error = refusal(path=write("a.docx", "text,label\na,b\n"))

    assert error.message == (
        "a.docx has the extension '.docx', but only these can be read: .csv, .tsv, .jsonl, .ndjson, .parquet, .xlsx,"
        " .xls, and the first 4 with .gz after them"
    )


@pytest.mark.parametrize("name", ["a.csv.gz", "A.CSV.GZ"])
def test_text_files_may_be_packed(write: Write, name: str) -> None:
    table = read_table(DataRequest(path=write(name, gzip.compress(b"text,label\na,b\n")), text="text", label="label"))

    assert (table.name, table.texts, table.labels) == (name, ("a",), ("b",))


@pytest.mark.parametrize(
    "content", [b"text,label\na,b\n", gzip.compress(b"text,label\na,b\n")[:-9]], ids=["not packed", "cut off"]
)
def test_a_file_that_cannot_be_unpacked_is_refused(write: Write, content: bytes) -> None:
    error = refusal(path=write("a.csv.gz", content))

    assert error.message.startswith("a.csv.gz cannot be unpacked: ")
    assert error.hint == "pack the file again"


def test_a_given_encoding_is_for_all_text_files(write: Write) -> None:
    main, test = (write(name, "text,label\ncafé,b\n".encode("cp1252")) for name in ("a.csv", "b.csv"))

    tables = read_tables(DataRequest(path=main, text="text", label="label", test=test, encoding="cp1252"))

    assert tables.test is not None
    assert tables.main.texts == tables.test.texts == ("café",)


def test_the_test_file_is_read_beside_the_rows(write: Write) -> None:
    main = write("a.csv", "text,label\na,b\n")
    given = write("b.jsonl", '{"text": "c", "label": "d"}')
    source = DataRequest(path=main, text="text", label="label", test=given)

    tables = read_tables(source)

    assert tables.test is not None
    assert (tables.main.texts, tables.test.texts) == (("a",), ("c",))
    assert read_table(source) == tables.main


def test_a_link_is_read_by_its_own_name(write: Write, tmp_path: Path) -> None:
    os.symlink(write("0f3a", "text,label\na,b\n"), tmp_path / "a.csv")

    assert read_table(DataRequest(path=str(tmp_path / "a.csv"), text="text", label="label")).name == "a.csv"


def test_an_error_survives_pickling(write: Write) -> None:
    error = refusal(path=write("a.csv", "x,y\na,b\n"))

    again = pickle.loads(pickle.dumps(error))

    assert (type(again), again.message, again.hint) == (DataError, error.message, error.hint)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.csv")

    with pytest.raises(DataError, match="is neither a file nor a folder, and is read twice"):
        read_table(DataRequest(path=str(tmp_path / "rows.csv"), text="text", label="label"))
