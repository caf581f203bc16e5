"""Reads tables from Excel workbooks. Knows neither classes nor splits.

Cells have types there, and become text as people read them: whole numbers without a point, dates and times in ISO 8601,
formulas as their last result, errors such as ``#N/A`` as they are shown.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path

from autolora.data.table import Cells, Table, Wanted, column_place
from autolora.data.words import listing
from autolora.errors import DataError
from autolora.records import Finding


def read_workbook(path: Path, wanted: Wanted) -> Table:
    """Return the table on the first sheet that has the wanted columns; its first row with cells is the header.

    Raises:
        DataError: If it is no workbook, is protected by a password, or no sheet has the columns.
    """
    sheets = sheets_of(path)
    sheet = next(
        (name for name, rows in sheets.items() if set(wanted.names) <= set(_header(rows)[1])), next(iter(sheets))
    )
    place, header = _header(sheets[sheet])
    places = {name: column_place(header, name, f"{path.name}, sheet {sheet!r}") for name in wanted.names}
    found = Cells(wanted)
    for at, row in enumerate(sheets[sheet]):
        if at > place and any(map(_cell_text, row)):
            found.add(at - place, [_cell_text(row[places[column]]) for column in wanted.names])
    return found.table(name=path.name, columns=header, findings=_told(path.name, sheet, list(sheets)))


def sheets_of(path: Path) -> dict[str, list[list[object]]]:
    """Return the cells of every sheet, in the order of the sheets.

    Raises:
        DataError: If it is no workbook, or is protected by a password.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty", "give a file with a header and rows of text and label", code="empty")
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    except (CalamineError, OSError, ValueError) as error:
        raise DataError(
            f"{path.name} cannot be read as a workbook: {error}",
            "save it again as .xlsx without a password, or as CSV",
            code="damaged",
        ) from error


def text_rows(rows: Sequence[Sequence[object]]) -> Iterator[tuple[str, ...]]:
    """Yield the header of a sheet and the rows below it that hold anything, as text."""
    place, header = _header(rows)
    if header:
        yield header
    for row in rows[place + 1 :]:
        if any(cells := tuple(map(_cell_text, row))):
            yield cells


def _header(rows: Sequence[Sequence[object]]) -> tuple[int, tuple[str, ...]]:
    """Return the place of the first row with cells, and its cells as text."""
    for place, row in enumerate(rows):
        if any(cells := tuple(map(_cell_text, row))):
            return place, cells
    return 0, ()


def _cell_text(cell: object) -> str:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:  # a workbook knows no whole numbers
        return str(int(cell))
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)


def _told(name: str, sheet: str, sheets: list[str]) -> tuple[Finding, ...]:
    others = [other for other in sheets if other != sheet]
    if not others:
        return ()
    message = f"The rows of {name} come from the sheet {sheet!r}; not used: {listing(others)}."
    return (Finding(code="unused_part", severity="note", message=message),)
