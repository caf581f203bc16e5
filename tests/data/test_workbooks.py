from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from autolora.data.reading import read_table
from autolora.data.table import Table
from autolora.data_request import DataRequest
from autolora.errors import DataError

pytestmark = pytest.mark.unit

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Returns a function that writes a workbook of named sheets, each a list of rows."""

    def workbook(**sheets: list[list[Any]]) -> Path:
        path = tmp_path / "a.xlsx"
        with xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd"}) as book:
            for name, rows in sheets.items():
                sheet = book.add_worksheet(name)
                for at, row in enumerate(rows):
                    sheet.write_row(at, 0, row)
        return path

    return workbook


def read(path: Path) -> Table:
    return read_table(DataRequest(path=str(path), text="text", label="label"))


def test_rows_are_numbered_below_the_header_and_empty_ones_are_none(make: Make) -> None:
    table = read(make(Sheet1=[["id", "label", "text"], [1, "pos", "good"], ["", "", ""], [3, "neg", "bad\nline"]]))

    assert (table.texts, table.labels, table.row_numbers) == (("good", "bad\nline"), ("pos", "neg"), (1, 3))
    assert (table.name, table.columns, table.findings) == ("a.xlsx", ("id", "label", "text"), ())


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("NA", "NA"),
        ("01", "01"),
        (1, "1"),
        (2.5, "2.5"),
        (True, "TRUE"),
        (datetime.date(2026, 3, 31), "2026-03-31"),
        ("=1+1", "0"),
        ("修理", "修理"),
    ],
)
def test_cells_become_text_as_people_read_them(make: Make, cell: object, text: str) -> None:
    assert read(make(Sheet1=[["text", "label"], ["a", cell]])).labels == (text,)


def test_the_sheet_with_the_columns_is_taken_and_told(make: Make) -> None:
    table = read(make(Notes=[["about", "this"]], Data=[[], ["text", "label"], ["good", "pos"]]))

    assert (table.texts, table.row_numbers) == (("good",), (1,))
    assert [finding.message for finding in table.findings] == [
        "The rows of a.xlsx come from the sheet 'Data'; not used: 'Notes'."
    ]


def test_a_workbook_without_the_columns_is_refused_with_those_of_its_first_sheet(make: Make) -> None:
    with pytest.raises(DataError) as caught:
        read(make(Sheet1=[["Text", "team"], ["a", "b"]]))

    assert caught.value.message == "a.xlsx, sheet 'Sheet1': there is no column 'text'; there are 'Text', 'team'"
    assert caught.value.hint == "did you mean 'Text'?"


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "a.xlsx is empty"), (b"text,label\n", "a.xlsx cannot be read as a workbook: ")]
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)

    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.xlsx")
