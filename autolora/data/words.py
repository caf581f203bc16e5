"""How names and row numbers are spelt in messages. Knows no file and no dataset."""

from __future__ import annotations

from collections.abc import Sequence


def listing(names: Sequence[str], *, limit: int = 10) -> str:
    """Return ``names`` in quotes, separated by commas; past ``limit`` only how many more there are."""
    shown = ", ".join(repr(name) for name in names[:limit])
    return f"{shown} and {len(names) - limit:,} more" if len(names) > limit else shown


def rows_phrase(row_numbers: Sequence[int], *, limit: int = 5) -> str:
    """Return ``"row 3"`` or ``"rows 3, 4, 9, ..."``, with at most ``limit`` numbers."""
    shown = ", ".join(str(number) for number in row_numbers[:limit])
    more = ", ..." if len(row_numbers) > limit else ""
    return f"row {shown}" if len(row_numbers) == 1 else f"rows {shown}{more}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return ``"1 row"`` or ``"1,200 rows"``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
