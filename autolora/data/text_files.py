"""Reads tables from text files: CSV, TSV and JSON Lines, packed with gzip or not. Knows neither classes nor splits.

Cells stay exactly as written: ``NA``, ``01``, ``true`` and ``1.0`` are text like any other.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autolora.data.decoding import Decoded, read_text
from autolora.data.table import Table, Wanted, column_place, list_cell
from autolora.data.words import counted
from autolora.errors import DataError
from autolora.records import Finding

# The largest limit that every platform's C long can hold; Python's own default refuses cells over 128 KiB.
LONGEST_CELL_CHARACTERS = 2**31 - 1


SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
"""What may stand between cells, with what messages call it."""
_LINE_BREAK = re.compile(r"\r\n|\n|\r")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


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
    decoded = read_text(path, encoding)
    found: dict[str, list[str]] = {name: [] for name in wanted.names}
    lines: list[int] = []
    columns: tuple[str, ...] = ()
    # Not splitlines(): it also splits at characters that JSON allows inside a string, such as U+2028.
    for line, content in enumerate(_LINE_BREAK.split(decoded.text), start=1):
        if not content.strip():
            continue
        where = f"{path.name}, line {line}"
        row = _json_object(content, where)
        columns = columns or tuple(row)
        for name, cells in found.items():
            column_place(tuple(row), name, where)
            cell, place = row[name], f"{where}, key {name!r}"
            is_list = name == wanted.label and isinstance(cell, list)
            cells.append(list_cell(cell, place) if is_list else _json_text(cell, place))
        lines.append(line)
    return Table.of(found, wanted, name=path.name, row_numbers=lines, columns=columns, findings=_findings(decoded))


def _read_delimited(path: Path, wanted: Wanted, encoding: str | None, *, usual: str) -> Table:
    """Return the table in a file of cells between one of ``SEPARATORS``."""
    decoded = read_text(path, encoding)
    found: dict[str, list[str]] = {name: [] for name in wanted.names}
    row_numbers: list[int] = []
    with _cells_of_any_length():
        separator = _separator(decoded.text, path.name, wanted, usual)
        records = _records(decoded.text, path.name, separator)
        header = next(cells for _, cells in records if cells)
        places = [(column_place(header, name, path.name), found[name]) for name in wanted.names]
        for row, (line, cells) in enumerate(records, start=1):
            if not cells:
                continue
            if len(cells) != len(header):
                raise DataError(
                    f"{path.name}, row {row} (line {line}) has {counted(len(cells), 'cell')},"
                    f" but the header has {len(header)}",
                    "put quotes around cells that contain the separator or a line break",
                )
            for place, column in places:
                column.append(cells[place])
            row_numbers.append(row)
    return Table.of(
        found,
        wanted,
        name=path.name,
        row_numbers=row_numbers,
        columns=header,
        findings=_findings(decoded, _told_separator(path.name, separator, usual)),
    )


def _findings(decoded: Decoded, separator: Finding | None = None) -> tuple[Finding, ...]:
    return tuple(finding for finding in (decoded.finding, separator) if finding is not None)


def _separator(text: str, name: str, wanted: Wanted, usual: str) -> str:
    """Return what separates the cells of the header: the usual one, or the one that brings out the wanted columns."""
    for separator in (usual, *SEPARATORS):
        try:
            header = next(cells for _, cells in _records(text, name, separator) if cells)
        except DataError:
            continue  # quotes that do not pair up with this one
        if set(wanted.names) <= set(header):
            return separator
    return usual


def _told_separator(name: str, separator: str, usual: str) -> Finding | None:
    if separator == usual:
        return None
    message = f"The cells of {name} stand between {SEPARATORS[separator]}, not {SEPARATORS[usual]}."
    return Finding(code="separator", severity="note", message=message)


def _records(text: str, name: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record's cells with the line it starts on; a blank line is a record without cells.

    Raises:
        DataError: If quotes do not pair up. A lenient reader would swallow all rows up to the next quote.
    """
    # Line by line: a StringIO of the whole text would take four bytes a character.
    lines = (match.group() for match in _LINE.finditer(text))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(
                f"{name}, in the row that starts on line {line}: quotes do not pair up ({error})",
                "close every quoted cell, and write a quote inside one as two quotes",
            ) from error
        yield line, cells


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """Lift the limit that the csv module sets for the whole process, and set it back."""
    before = csv.field_size_limit(LONGEST_CELL_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _json_object(content: str, where: str) -> dict[str, Any]:
    """Return the JSON object on one line, its numbers as they are spelt."""
    try:
        row = json.loads(content, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise DataError(f"{where} is not JSON: {error.msg} at character {error.pos + 1}", _JSON_HINT) from error
    except RecursionError as error:
        raise DataError(f"{where} is not usable JSON: it is nested too deeply", _JSON_HINT) from error
    if not isinstance(row, dict):
        raise DataError(f"{where} holds {_kind(row)}, but every line must be one JSON object", _JSON_HINT)
    return row


_JSON_HINT = 'write one object a line, such as {"text": "...", "label": "..."}'


def _json_text(value: object, where: str) -> str:
    """Return a JSON scalar as text; null is blank."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise DataError(f"{where} holds {_kind(value)}, but a cell must be one text", "join or flatten it first")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise DataError(f"{where} holds half of a character (a lone surrogate)", "remove it or write it in full")
    return value


def _kind(value: object) -> str:
    """Return what JSON calls a value."""
    names = {list: "an array", dict: "an object", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a single value")
