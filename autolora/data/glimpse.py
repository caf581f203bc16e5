"""The first rows of a table with all its columns, before anybody has said which of them matter. Reads no further."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autolora.data import text_files
from autolora.data.decoding import open_text
from autolora.data.text_files import SEPARATORS, cells_of_any_length, json_object, records
from autolora.data.workbooks import sheets_of, text_rows
from autolora.errors import DataError
from autolora.values import listed

_ROWS_AT_ONCE = 100


@dataclass(frozen=True, kw_only=True)
class Glimpse:
    """What a table begins with."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Cells as text, in the order of the columns; blank where a row has none."""

    def column(self, name: str) -> tuple[str, ...]:
        """Return the cells of a column."""
        place = self.columns.index(name)
        return tuple(row[place] for row in self.rows)


def glimpse(path: Path, *, rows: int) -> Glimpse:
    """Return the columns of a file and its first rows.

    Args:
        path: A file of any kind that can be searched on.
        rows: How many at most.

    Raises:
        DataError: If it is no such file, or holds no table.
    """
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    readers = {
        "csv": _delimited,
        "tsv": _delimited,
        "jsonl": _json_lines,
        "ndjson": _json_lines,
        "parquet": _parquet,
        "xlsx": _workbook,
        "xls": _workbook,
    }
    if kind not in readers:
        raise DataError(f"{path.name} must be one of {listed(readers)} by its name", "save it as CSV")
    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty", "give a file with a header and rows of text and label", code="empty")
    lines = readers[kind](path)
    header = next(lines, None)
    if not header:
        raise DataError(
            f"{path.name} has no header", "write the names of the columns into its first row", code="no_header"
        )
    first = (tuple(cells[: len(header)]) for cells in itertools.islice(lines, rows))
    return Glimpse(columns=header, rows=tuple(cells + ("",) * (len(header) - len(cells)) for cells in first))


def _delimited(path: Path) -> Iterator[tuple[str, ...]]:
    file, usual = open_text(path), "\t" if ".tsv" in path.name.lower() else ","
    with cells_of_any_length():
        separator = max((usual, *SEPARATORS), key=lambda each: _columns(file, each))
        for _, cells in records(file, separator):
            if cells:
                yield tuple(cells)


def _columns(file: text_files.Lines, separator: str) -> int:
    """Return how many columns the header has if this separates them; of equals the first is taken."""
    try:
        return len(next((cells for _, cells in records(file, separator) if cells), ()))
    except DataError:
        return 0


def _json_lines(path: Path) -> Iterator[tuple[str, ...]]:
    columns: tuple[str, ...] = ()
    for number, content in enumerate(open_text(path).lines(), start=1):
        if content.strip():
            row = json_object(content.rstrip("\r\n"), f"{path.name}, line {number}")
            if not columns:
                columns = tuple(row)
                yield columns
            yield tuple(_as_text(row.get(name)) for name in columns)


def _parquet(path: Path) -> Iterator[tuple[str, ...]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            columns = tuple(file.schema_arrow.names)
            yield columns
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
                found = batch.to_pydict()
                for cells in zip(*(found[name] for name in columns), strict=True):
                    yield tuple(map(_as_text, cells))
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise DataError(
            f"{path.name} cannot be read as Parquet: {error}", "write the file again", code="damaged"
        ) from error


def _workbook(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the sheet with the widest header: notes and cover sheets are narrower than tables."""
    sheets = [list(text_rows(rows)) for rows in sheets_of(path).values()]
    yield from max(sheets, key=lambda rows: len(rows[0]) if rows else 0, default=[])


def _as_text(cell: Any) -> str:
    return "" if cell is None else str(cell)
