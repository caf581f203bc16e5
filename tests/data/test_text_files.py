from __future__ import annotations

import csv
from collections.abc import Callable

import pytest

from autolora.data.reading import read_table
from autolora.data.table import Table
from autolora.data_request import DataRequest
from autolora.errors import DataError

pytestmark = pytest.mark.unit

Write = Callable[[str, str | bytes], str]


def read(path: str) -> Table:
    return read_table(DataRequest(path=path, text="text", label="label"))


def test_csv_cells_stay_as_written(write: Write) -> None:
    table = read(write("a.csv", "text,label\nNA,01\nnull,true\n 1.0 ,1e3\n"))

    assert table.texts == ("NA", "null", " 1.0 ")
    assert table.labels == ("01", "true", "1e3")


def test_a_table_knows_its_file_name_columns_and_rows(write: Write) -> None:
    table = read(write("a.csv", "id,label,text\n7,pos,good\n8,neg,bad\n"))

    assert (table.name, table.columns, table.row_numbers) == ("a.csv", ("id", "label", "text"), (1, 2))


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbftext,label\ngood,pos\nbad,neg\n",
        b'\xef\xbb\xbf"text","label"\n"good","pos"\n"bad","neg"\n',
        b"text,label\r\ngood,pos\r\nbad,neg\r\n",
        b"text,label\rgood,pos\rbad,neg",
        b"\n\ntext,label\ngood,pos\nbad,neg",
    ],
    ids=["byte-order mark", "quoted header after the mark", "windows lines", "old mac lines", "blank lines first"],
)
def test_csv_dialects_read_alike(write: Write, content: bytes) -> None:
    table = read(write("a.csv", content))

    assert (table.texts, table.labels, table.columns) == (("good", "bad"), ("pos", "neg"), ("text", "label"))


def test_quoted_cells_keep_lines_commas_and_quotes(write: Write) -> None:
    table = read(write("a.csv", 'text,label\n"one\r\ntwo, ""three""",pos\nbad,neg\n'))

    assert table.texts == ('one\r\ntwo, "three"', "bad")


def test_blank_lines_count_as_rows_but_are_none(write: Write) -> None:
    assert read(write("a.csv", "text,label\ngood,pos\n\nbad,neg\n\n")).row_numbers == (1, 3)
    assert read(write("a.jsonl", '{"text": "a", "label": "x"}\n\n{"text": "b", "label": "y"}\n')).row_numbers == (1, 3)


def test_a_very_long_cell_is_read_and_the_limit_of_the_process_is_left_alone(write: Write) -> None:
    before = csv.field_size_limit(1000)
    try:
        table = read(write("a.csv", f"text,label\n{'x' * 1_000_000},pos\n"))
    finally:
        after = csv.field_size_limit(before)

    assert len(table.texts[0]) == 1_000_000
    assert after == 1000


def test_tsv_is_separated_by_tabs(write: Write) -> None:
    assert read(write("A.TSV", 'text\tlabel\n"a, b"\tpos\n')).texts == ("a, b",)


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson"])
def test_json_scalars_keep_their_spelling(write: Write, name: str) -> None:
    lines = [
        '{"text": "a", "label": 1.0}',
        '{"text": 1e3, "label": true}',
        '{"text": null, "label": false, "more": []}',
    ]

    table = read(write(name, "\r\n".join(lines)))

    assert table.texts == ("a", "1e3", "")
    assert table.labels == ("1.0", "true", "false")
    assert table.columns == ("text", "label")


def test_json_strings_may_hold_other_line_separators(write: Write) -> None:
    assert read(write("a.jsonl", '{"text": "one\u2028two\u0085three", "label": "x"}\n')).texts == (
        "one\u2028two\u0085three",
    )


@pytest.mark.parametrize(
    ("name", "content", "message", "hint"),
    [
        ("a.csv", "", "a.csv is empty", "header"),
        ("a.jsonl", "\n \n", "a.jsonl is empty", "header"),
        ("a.csv", b"text,label\ncaf\xe9,pos\n", "byte 14 (0xe9, on line 2)", "UTF-8"),
        ("a.csv", b"\xef\xbb\xbftext,label\ncaf\xe9,pos\n", "byte 17 (0xe9, on line 2)", "damaged"),
        (
            "a.csv",
            'text,label\n"a\nb",pos\nc,neg,d\n',
            "a.csv, row 2 (line 4) has 3 cells, but the header has 2",
            "quotes",
        ),
        ("a.csv", "text,label\na,pos\nb\n", "a.csv, row 2 (line 3) has 1 cell, but", "quotes"),
        (
            "a.csv",
            'text,label\na,pos\n"b,neg\nc,pos\n',
            "the row that starts on line 3: quotes do not pair up",
            "close",
        ),
        ("a.csv", 'text,label\n"a" b,pos\n', "the row that starts on line 2: quotes do not pair up", "two quotes"),
        ("a.csv", "text,label,label\na,b,c\n", "2 columns are called 'label'", "rename"),
        ("a.csv", "text,Labels\na,b\n", "no column 'label'; there are 'text', 'Labels'", "did you mean 'Labels'?"),
        (
            "a.csv",
            "body,label\na,b\n",
            "no column 'text'; there are 'body', 'label'",
            "name the text and label columns",
        ),
        ("a.jsonl", '{"text": "a", "label": "x"}\n{"text": \n', "a.jsonl, line 2 is not JSON", "one object a line"),
        ("a.jsonl", "[" * 100_000, "a.jsonl, line 1 is not usable JSON", "one object a line"),
        ("a.jsonl", '["a", "x"]\n', "a.jsonl, line 1 holds an array", "one object a line"),
        ("a.jsonl", "12\n", "a.jsonl, line 1 holds a single value", "one object a line"),
        (
            "a.jsonl",
            '{"text": "a", "label": "x"}\n{"text": "b", "lable": "y"}\n',
            "a.jsonl, line 2: there is no column 'label'; there are 'text', 'lable'",
            "did you mean 'lable'?",
        ),
        ("a.jsonl", '{"text": ["a"], "label": "x"}', "line 1, key 'text' holds an array", "flatten"),
        ("a.jsonl", '{"text": "a", "label": {}}', "line 1, key 'label' holds an object", "flatten"),
        ("a.jsonl", '{"text": "\\ud83d", "label": "x"}', "line 1, key 'text' holds half of a character", "in full"),
    ],
)
def test_a_bad_file_is_refused_with_its_place_and_the_way_out(
    write: Write, name: str, content: str | bytes, message: str, hint: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(write(name, content))

    assert message in caught.value.message
    assert name in caught.value.message
    assert hint in caught.value.hint


def test_duplicate_names_among_unused_columns_do_no_harm(write: Write) -> None:
    assert read(write("a.csv", "x,x,text,label\n1,2,a,pos\n")).texts == ("a",)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", "text;label\none, two;pos\n", "The cells of a.csv stand between semicolons, not commas."),
        ("a.csv", "text\tlabel\none, two\tpos\n", "The cells of a.csv stand between tabs, not commas."),
        ("a.csv", '"text"|"label"\n"one, two"|pos\n', "The cells of a.csv stand between bars, not commas."),
        ("a.tsv", 'text,label\n"one, two",pos\n', "The cells of a.tsv stand between commas, not tabs."),
    ],
)
def test_the_separator_is_what_brings_out_the_columns_and_is_told(
    write: Write, name: str, content: str, told: str
) -> None:
    table = read(write(name, content))

    assert (table.texts, table.labels) == (("one, two",), ("pos",))
    assert [(finding.code, finding.message) for finding in table.findings] == [("separator", told)]


def test_the_usual_separator_is_no_news(write: Write) -> None:
    assert read(write("a.csv", "text,label,a;b\none,pos,c;d\n")).findings == ()


def test_json_lines_end_as_any_system_ends_them(write: Write) -> None:
    lines = ['{"text": "a", "label": "x"}', '{"text": "b", "label": "y"}']

    assert [read(write("a.jsonl", end.join(lines))).texts for end in ("\n", "\r\n", "\r")] == [("a", "b")] * 3
