"""Tables made in a test."""

from __future__ import annotations

from autolora.data.table import Table, Wanted

WANTED = Wanted("text", "label")


def table(*rows: tuple[str, str], name: str = "a.csv") -> Table:
    """Return a table of (text, label), numbered from 1."""
    return Table(
        name=name,
        texts=tuple(text for text, _ in rows),
        labels=tuple(label for _, label in rows),
        row_numbers=tuple(range(1, len(rows) + 1)),
        columns=("text", "label"),
    )
