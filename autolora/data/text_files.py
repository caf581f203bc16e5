"""Reads tables from text files: CSV, TSV and JSON Lines, packed with gzip or not. Knows neither classes nor splits.

Cells stay exactly as written: ``NA``, ``01``, ``true`` and ``1.0`` are text like any other.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from autolora.data.decoding import TextFile, open_text
from autolora.data.table import Cells, Table, Wanted, column_place, conversation_cell, list_cell
from autolora.data.words import counted
from autolora.errors import DataError
from autolora.records import Finding

# The largest limit that every platform's C long can hold; Python's own default refuses cells over 128 KiB.
LONGEST_CELL_CHARACTERS = 2**31 - 1


class Lines(Protocol):
    """A text whose lines can be read."""

    @property
    def path(self) -> Path:
        """What messages call it."""

    def lines(self) -> Iterator[str]:
        """Yield the lines with what ends them."""


SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
"""What may stand between cells, with what messages call it."""


def read_csv(path: Path, wanted: Wanted, encoding: str | None = None) -> Table:
    """Return the table in a file of cells between commas, or whatever its header stands between.

    Raises:
        DataError: If the file is no table, its encoding cannot be told, or it lacks a wanted column.
    """
    return _read_delimited(path, wanted, encoding, usual=",")


def read_tsv(path: Path, wanted: Wanted, encoding: str | None = None) -> Table:
    """Return the table in a file of cells between tabs, or whatever its header stands between; quoted as CSV is.

    Raises:
        DataError: If the file is no table, its encoding cannot be told, or it lacks a wanted column.
    """
    return _read_delimited(path, wanted, encoding, usual="\t")


def read_json_lines(path: Path, wanted: Wanted, encoding: str | None = None) -> Table:
    """Return the table in a file of one JSON object a line; numbers keep their spelling, null is blank.

    Raises:
        DataError: If its encoding cannot be told, or a line is no JSON object or lacks a wanted key.
    """
    file, found = open_text(path, encoding), Cells(wanted)
    columns: tuple[str, ...] = ()

    def text_of(row: dict[str, Any], name: str, where: str) -> str:
        column_place(tuple(row), name, where)
        cell, place = row[name], f"{where}, key {name!r}"
        if name == wanted.label and isinstance(cell, list):
            return conversation_cell(cell) if wanted.holds_conversations else list_cell(cell, place)
        return json_text(cell, place)

    for line, content in enumerate(file.lines(), start=1):
        if not content.strip():
            continue
        where = f"{path.name}, line {line}"
        row = json_object(content.rstrip("\r\n"), where)
        columns = columns or tuple(row)
        found.add(line, [text_of(row, name, where) for name in wanted.names])
    return found.table(name=path.name, columns=columns, findings=_findings(file))


def _read_delimited(path: Path, wanted: Wanted, encoding: str | None, *, usual: str) -> Table:
    """Return the table in a file of cells between one of ``SEPARATORS``."""
    file, found = open_text(path, encoding), Cells(wanted)
    with cells_of_any_length():
        separator = separator_of(file, wanted.names, usual)
        rows = records(file, separator)
        header = next(cells for _, cells in rows if cells)
        places = [column_place(header, name, path.name) for name in wanted.names]
        for row, cells in whole_rows(rows, len(header), path.name):
            found.add(row, [cells[place] for place in places])
    findings = _findings(file, _told_separator(path.name, separator, usual))
    return found.table(name=path.name, columns=header, findings=findings)


def whole_rows(found: Iterator[tuple[int, list[str]]], width: int, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number, from 1, and the cells of each record behind a header; blank lines count and are left out.

    Raises:
        DataError: If a record has not as many cells as the header.
    """
    for row, (line, cells) in enumerate(found, start=1):
        if not cells:
            continue
        if len(cells) != width:
            raise DataError(
                f"{name}, row {row} (line {line}) has {counted(len(cells), 'cell')}, but the header has {width}",
                "put quotes around cells that contain the separator or a line break",
                code="ragged",
            )
        yield row, cells


def _findings(file: TextFile, separator: Finding | None = None) -> tuple[Finding, ...]:
    return tuple(finding for finding in (file.finding, separator) if finding is not None)


def separator_of(file: Lines, names: Sequence[str], usual: str) -> str:
    """Return what separates the cells of the header: the usual one, or the one that brings out the wanted columns."""
    for separator in (usual, *SEPARATORS):
        try:
            header = next(cells for _, cells in records(file, separator) if cells)
        except DataError:
            continue  # quotes that do not pair up with this one
        if set(names) <= set(header):
            return separator
    return usual


def _told_separator(name: str, separator: str, usual: str) -> Finding | None:
    if separator == usual:
        return None
    message = f"The cells of {name} stand between {SEPARATORS[separator]}, not {SEPARATORS[usual]}."
    return Finding(code="separator", severity="note", message=message)


def records(file: Lines, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record's cells with the line it starts on; a blank line is a record without cells.

    Raises:
        DataError: If quotes do not pair up. A lenient reader would swallow all rows up to the next quote.
    """
    reader = csv.reader(file.lines(), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"{file.path.name}, in the row that starts on line {line}: quotes do not pair up ({error})",
                "close every quoted cell, and write a quote inside one as two quotes",
                code="quotes",
            ) from error
        yield line, cells


@contextmanager
def cells_of_any_length() -> Iterator[None]:
    """Lift the limit that the csv module sets for the whole process, and set it back."""
    before = csv.field_size_limit(LONGEST_CELL_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def json_object(content: str, where: str) -> dict[str, Any]:
    """Return the JSON object on one line, its numbers as they are spelt.

    Raises:
        DataError: If it is none.
    """
    try:
        row = json.loads(content, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{where} is not JSON: {error.msg} at character {error.pos + 1}", _JSON_HINT, code="json"
        ) from error
    except RecursionError as error:
        raise DataError(f"{where} is not usable JSON: it is nested too deeply", _JSON_HINT, code="json") from error
    if not isinstance(row, dict):
        raise DataError(f"{where} holds {_kind(row)}, but every line must be one JSON object", _JSON_HINT, code="json")
    return row


_JSON_HINT = 'write one object a line, such as {"text": "...", "label": "..."}'


def json_text(value: object, where: str) -> str:
    """Return a JSON scalar as text; null is blank.

    Raises:
        DataError: If it is none.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise DataError(
            f"{where} holds {_kind(value)}, but a cell must be one text", "join or flatten it first", code="nested"
        )
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise DataError(f"{where} holds half of a character (a lone surrogate)", "remove it or write it in full")
    return value


def _kind(value: object) -> str:
    """Return what JSON calls a value."""
    names = {list: "an array", dict: "an object", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a single value")
