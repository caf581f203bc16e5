"""Rows that pass through a process: read one by one, written again with more."""

from __future__ import annotations

import gzip
import io
import json
import sys

import pytest

from autolora.data.passing import passing
from autolora.errors import DataError

pytestmark = pytest.mark.unit

ADDED = ("prediction", "abstained")


def through(source, column="text", **given) -> str:
    """Return what a file becomes when every row gets its text in capitals."""
    out = io.StringIO()
    with passing(str(source), column, **given) as rows:
        sink = rows.written(out, ADDED)
        for row in rows.rows:
            sink.write(row, {"prediction": row.text.upper(), "abstained": not row.text.strip()})
    return out.getvalue()


@pytest.fixture
def write(tmp_path):
    def made(name: str, content: str | bytes):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return made


def test_a_table_comes_out_with_its_own_cells_as_they_were(write) -> None:
    path = write("rows.csv", 'id,text,note\n007,"late, again",1.0\n\n8,,"two\nlines"\n')

    assert through(path) == (
        'id,text,note,prediction,abstained\n007,"late, again",1.0,"LATE, AGAIN",no\n8,,"two\nlines",,yes\n'
    )


def test_a_table_keeps_its_separator_and_is_read_in_its_own_encoding(write) -> None:
    path = write("rows.csv", "番号;text\n1;荷物が届かない\n".encode("cp932"))

    assert through(path) == "番号;text;prediction;abstained\n1;荷物が届かない;荷物が届かない;no\n"


def test_lines_of_json_keep_their_spelling(write) -> None:
    line = '{"n": 1.50, "big": 12345678901234567890, "text": "café", "deep": {"a": [1]} }'
    path = write("rows.jsonl", line + "\n\n")

    out = through(path)

    assert out.startswith(line.removesuffix(" }"))
    assert json.loads(out)["prediction"] == "CAFÉ"
    assert json.loads(out)["abstained"] is False


def test_conversations_are_handed_over_as_json(write) -> None:
    path = write("rows.jsonl", '{"messages": [{"role": "user", "content": "hi"}]}\n')

    with passing(str(path), "messages") as rows:
        (row,) = rows.rows

    assert json.loads(row.text) == [{"role": "user", "content": "hi"}]


def test_packed_files_are_unpacked(write) -> None:
    path = write("rows.csv.gz", gzip.compress(b"text\nlate\n"))

    assert through(path) == "text,prediction,abstained\nlate,LATE,no\n"


@pytest.mark.parametrize(("kind", "given"), [("csv", "text\nlate\n"), ("jsonl", '{"text": "late"}\n')])
def test_rows_come_from_the_standard_input_too(kind, given, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))

    assert "LATE" in through("-", format=kind)


def test_rows_are_read_only_when_they_are_asked_for(write) -> None:
    path = write("rows.csv", "text\nlate\nlate,too many\n")

    with passing(str(path), "text") as rows:
        assert next(rows.rows).text == "late"
        with pytest.raises(DataError, match=r"rows.csv, row 2 \(line 3\) has 2 cells, but the header has 1"):
            next(rows.rows)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", "body\nlate\n", "there is no column 'text'; there are 'body'"),
        ("rows.csv", "text,prediction\nlate,x\n", "rows.csv has a column 'prediction' already"),
        ("rows.jsonl", '{"text": "a", "prediction": 1}\n', "rows.jsonl, line 1 has a column 'prediction' already"),
        ("rows.jsonl", '{"text": "a"}\n{"body": 1}\n', "rows.jsonl, line 2: there is no column 'text'"),
        ("rows.jsonl", "text\n", "rows.jsonl, line 1 is not JSON"),
        ("rows.xlsx", b"PK", "rows are read from .csv, .tsv, .jsonl, .ndjson files"),
    ],
)
def test_what_cannot_pass_is_one_error(write, name, content, message) -> None:
    with pytest.raises(DataError) as caught:
        through(write(name, content))

    assert message in caught.value.message
    assert caught.value.hint


def test_a_standard_input_that_is_not_utf_8_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("text\n荷物\n".encode("cp932"))))

    with pytest.raises(DataError, match="not UTF-8"):
        through("-", format="csv")
