"""Reads tables from text files: CSV, TSV and JSON Lines. Knows neither classes nor splits.

Cells stay exactly as written: ``NA``, ``01``, ``true`` and ``1.0`` are text like any other.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autolora.data.table import Table, Wanted, column_place
from autolora.data.words import counted
from autolora.errors import DataError

# The largest limit that every platform's C long can hold; Python's own default refuses cells over 128 KiB.
LONGEST_CELL_CHARACTERS = 2**31 - 1


def read_csv(path: Path, wanted: Wanted) -> Table:
    """Return the table in a comma-separated file.

    Raises:
        DataError: If the file is not a table in UTF-8, or lacks a wanted column.
    """
    return _read_delimited(path, wanted, delimiter=",")


def read_tsv(path: Path, wanted: Wanted) -> Table:
    """Return the table in a tab-separated file, quoted as CSV is.

    Raises:
        DataError: If the file is not a table in UTF-8, or lacks a wanted column.
    """
    return _read_delimited(path, wanted, delimiter="\t")


def read_json_lines(path: Path, wanted: Wanted) -> Table:
    """Return the table in a file of one JSON object a line; numbers keep their spelling, null is blank.

    Raises:
        DataError: If a line is no JSON object or lacks a wanted key.
    """
    texts: list[str] = []
    labels: list[str] = []
    lines: list[int] = []
    columns: tuple[str, ...] = ()
    # Not splitlines(): it also splits at characters that JSON allows inside a string, such as U+2028.
    for line, content in enumerate(_decoded(path).split("\n"), start=1):
        if not content.strip():
            continue
        where = f"{path.name}, line {line}"
        row = _json_object(content, where)
        columns = columns or tuple(row)
        for name, cells in ((wanted.text, texts), (wanted.label, labels)):
            column_place(tuple(row), name, where)
            cells.append(_json_text(row[name], f"{where}, key {name!r}"))
        lines.append(line)
    return Table(name=path.name, texts=tuple(texts), labels=tuple(labels), row_numbers=tuple(lines), columns=columns)


def _decoded(path: Path) -> str:
    """Return the text of a UTF-8 file, without its byte-order mark.

    Raises:
        DataError: If the file cannot be opened, is empty, or is not UTF-8.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror or error}", "check its permissions") from error
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path.name} is not UTF-8: byte {error.start} (0x{raw[error.start]:02x}, on line {line}) cannot be read",
            "convert it to UTF-8; in a spreadsheet, save it as 'CSV UTF-8'",
        ) from error
    if not text.strip():
        raise DataError(f"{path.name} is empty", "give a file with a header and rows of text and label")
    return text


def _read_delimited(path: Path, wanted: Wanted, *, delimiter: str) -> Table:
    """Return the table in a file of cells between ``delimiter``."""
    texts: list[str] = []
    labels: list[str] = []
    row_numbers: list[int] = []
    with _cells_of_any_length():
        records = _records(_decoded(path), path.name, delimiter)
        header = next(cells for _, cells in records if cells)
        text_place = column_place(header, wanted.text, path.name)
        label_place = column_place(header, wanted.label, path.name)
        for row, (line, cells) in enumerate(records, start=1):
            if not cells:
                continue
            if len(cells) != len(header):
                raise DataError(
                    f"{path.name}, row {row} (line {line}) has {counted(len(cells), 'cell')},"
                    f" but the header has {len(header)}",
                    "put quotes around cells that contain the separator or a line break",
                )
            texts.append(cells[text_place])
            labels.append(cells[label_place])
            row_numbers.append(row)
    return Table(
        name=path.name,
        texts=tuple(texts),
        labels=tuple(labels),
        row_numbers=tuple(row_numbers),
        columns=tuple(header),
    )


def _records(text: str, name: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record's cells with the line it starts on; a blank line is a record without cells.

    Raises:
        DataError: If quotes do not pair up. A lenient reader would swallow all rows up to the next quote.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
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
