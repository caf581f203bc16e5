"""What the cells of a column mean by which test rows are told apart: values, or the months of dates. Knows no files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from autolora.data.splitting_by import moment_of
from autolora.data.words import counted
from autolora.errors import DataError
from autolora.records import Finding

LEAST_SLICED = 10
"""Rows under which a value is not looked at by itself: its interval would span half of all shares there are."""


def sliced(columns: Mapping[str, Sequence[str]]) -> tuple[dict[str, tuple[str, ...]], tuple[Finding, ...]]:
    """Return what each row's cell of each column stands for, and a finding on every column.

    Args:
        columns: Name → the cells of the test rows.

    Returns:
        Name → a value for each row: the cell without blanks around it or, where all cells are dates, their month.
    """
    found: dict[str, tuple[str, ...]] = {}
    told: list[Finding] = []
    for column, cells in columns.items():
        values = _one_copy_each(cells)
        by_month = months(values)
        found[column] = values if by_month is None else by_month
        told.append(_told(column, found[column], by_month=by_month is not None))
    return found, tuple(told)


def months(cells: Sequence[str]) -> tuple[str, ...] | None:
    """Return the month of each cell, such as ``2026-03``; None where they are no dates.

    They are where each that is not blank can be read as a time, as splits by time read them, and not all are numbers.
    A blank cell stays blank.
    """
    different = {cell for cell in cells if cell}
    try:
        of_cell = {cell: f"{moment_of(cell):%Y-%m}" for cell in different}
    except DataError:
        return None
    if all(map(_is_number, different)):
        return None
    return tuple(of_cell.get(cell, "") for cell in cells)


def _one_copy_each(cells: Sequence[str]) -> tuple[str, ...]:
    """Return cells without blanks around them; equal ones are one object, however many there are."""
    copies: dict[str, str] = {}
    return tuple(copies.setdefault(cell, cell) for cell in map(str.strip, cells))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _told(column: str, values: Sequence[str], *, by_month: bool) -> Finding:
    """Return what a person should know of a column: how it is sliced, and whether that tells anything."""
    rows = Counter(values)
    if by_month:
        message = f"Column {column!r} holds dates: test rows are told apart by month ({counted(len(rows), 'month')})."
    else:
        message = f"Test rows are told apart by column {column!r} ({counted(len(rows), 'different value')})."
    if max(rows.values(), default=0) >= LEAST_SLICED:
        return Finding(code="slices", severity="note", message=message)
    return Finding(
        code="slices",
        severity="warning",
        message=f"{message} None is in {LEAST_SLICED} test rows or more, so nothing can be said of any.",
        hint="slice by a column with fewer different values",
    )
