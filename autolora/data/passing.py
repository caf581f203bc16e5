"""Rows that pass through: read one by one with all their cells, and written again with more behind them.

Nothing is kept: a file of any length takes the memory of the rows that are under way. What stood in a row stands there
as it was, character by character.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from autolora.data.decoding import open_text
from autolora.data.table import column_place
from autolora.data.text_files import (
    Lines,
    cells_of_any_length,
    json_object,
    json_text,
    records,
    separator_of,
    whole_rows,
)
from autolora.errors import DataError

Format = Literal["csv", "jsonl"]
STANDARD_INPUT = "-"
_BY_EXTENSION: dict[str, tuple[Format, str]] = {
    ".csv": ("csv", ","), ".tsv": ("csv", "\t"), ".jsonl": ("jsonl", ""), ".ndjson": ("jsonl", ""),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row on its way."""

    number: int
    """From 1."""
    text: str
    """What stands in the wanted column."""
    content: Any
    """The row as it stood: its cells, or its line of JSON."""
    columns: tuple[str, ...]
    """Names of its cells."""


@dataclass(frozen=True, kw_only=True)
class Passing:
    """Rows, and how to write them again."""

    name: str
    """Of the file, for messages."""
    format: Format
    columns: tuple[str, ...]
    """Of a table; none where every line names its own."""
    separator: str
    rows: Iterator[Row]

    def written(self, file: IO[str], added: tuple[str, ...]) -> Sink:
        """Return where rows are written to, with more cells of these names behind their own.

        Raises:
            DataError: If the table has a column of such a name.
        """
        _check_free(added, self.columns, self.name)
        if self.format == "jsonl":
            return Sink(file=file, name=self.name, added=added, table=None)
        table = csv.writer(file, delimiter=self.separator, lineterminator="\n")
        table.writerow([*self.columns, *added])
        return Sink(file=file, name=self.name, added=added, table=table)


@dataclass(frozen=True, kw_only=True)
class Sink:
    """Where rows go."""

    file: IO[str]
    name: str
    """Of the rows' file, for messages."""
    added: tuple[str, ...]
    table: Any
    """csv's writer; None for lines of JSON."""

    def write(self, row: Row, values: Mapping[str, Any]) -> None:
        """Write a row with values behind its own; None leaves a cell blank.

        Raises:
            DataError: If a line of JSON has a key of such a name.
        """
        if self.table is not None:
            self.table.writerow([*row.content, *(_cell(values[name]) for name in self.added)])
            return
        _check_free(self.added, row.columns, f"{self.name}, line {row.number}")
        more = json.dumps({name: values[name] for name in self.added}, ensure_ascii=False)
        self.file.write(f"{row.content.rstrip()[:-1].rstrip()}, {more[1:]}\n")


@contextmanager
def passing(
    source: str, column: str, *, format: Format | None = None, encoding: str | None = None
) -> Iterator[Passing]:
    """Open rows whose ``column`` is wanted.

    Args:
        source: A file of CSV, TSV or JSON Lines, packed with gzip or not, or ``-`` for the standard input in UTF-8.
        column: The column that is looked at.
        format: What it is; told by the file's name unless given.
        encoding: Of a file whose own cannot be found.

    Raises:
        DataError: If it cannot be read so, or lacks the column.
    """
    kind, usual = _kind(source, format)
    file: Lines = _StandardInput() if source == STANDARD_INPUT else open_text(Path(source), encoding)
    name = file.path.name
    if kind == "jsonl":
        yield Passing(name=name, format=kind, columns=(), separator="", rows=_objects(file, column))
        return
    with cells_of_any_length():
        separator = usual if source == STANDARD_INPUT else separator_of(file, [column], usual)
        found = records(file, separator)
        columns = tuple(next((cells for _, cells in found if cells), []))
        place = column_place(columns, column, name)
        rows = (
            Row(number=number, text=cells[place], content=cells, columns=columns)
            for number, cells in whole_rows(found, len(columns), name)
        )
        yield Passing(name=name, format=kind, columns=columns, separator=separator, rows=rows)


def _kind(source: str, given: Format | None) -> tuple[Format, str]:
    """Return the format of a source, and what usually separates its cells."""
    path = Path(source)
    inner = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    known = _BY_EXTENSION.get(inner.suffix.lower())
    if known is None and given is None and source != STANDARD_INPUT:
        raise DataError(
            f"rows are read from {', '.join(_BY_EXTENSION)} files (packed as .gz or not), but got {path.name!r}",
            "save it as one of these, or say what it is with --format",
        )
    kind, usual = known or ("csv", ",")
    return given or kind, usual or ","


def _objects(file: Lines, column: str) -> Iterator[Row]:
    for line, content in enumerate(file.lines(), start=1):
        if not content.strip():
            continue
        where = f"{file.path.name}, line {line}"
        found = json_object(content.rstrip("\r\n"), where)
        column_place(tuple(found), column, where)
        cell, place = found[column], f"{where}, key {column!r}"
        text = json.dumps(cell, ensure_ascii=False) if isinstance(cell, list) else json_text(cell, place)
        yield Row(number=line, text=text, content=content.rstrip("\r\n"), columns=tuple(found))


def _check_free(added: tuple[str, ...], columns: tuple[str, ...], where: str) -> None:
    if taken := [name for name in added if name in columns]:
        raise DataError(f"{where} has a column {taken[0]!r} already, in which answers are to stand", "rename it")


def _cell(value: Any) -> str:
    """Return a value as the cell of a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "; ".join(value) if isinstance(value, list) else str(value)


class _StandardInput:
    """What comes in, in UTF-8; it can be read once."""

    path = Path("standard input")

    def lines(self) -> Iterator[str]:
        try:
            yield from io.TextIOWrapper(sys.stdin.buffer, "utf-8-sig", newline="")
        except UnicodeDecodeError as error:
            raise DataError("the standard input is not UTF-8", "convert it, or give a file") from error
