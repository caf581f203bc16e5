"""A table as read: texts, labels and where each row stood. Knows neither formats nor classes.

Every cell is text. What a format has typed is spelt out once, in the reader of that format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from autolora.data.words import listing
from autolora.errors import DataError
from autolora.records import Finding
from autolora.values import nearest


class Wanted(NamedTuple):
    """The two columns that a task needs."""

    text: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of two columns, as they stand in one file, folder or hub dataset."""

    name: str
    """File name, folder name or hub id; never an absolute path."""
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    row_numbers: tuple[int, ...]
    """From 1 at the first row of data; blank lines in between are counted, as editors and spreadsheets do."""
    columns: tuple[str, ...]
    """Every column there, in order."""
    findings: tuple[Finding, ...] = ()
    """What the reading itself has to say, e.g. that a part of the dataset was not used."""

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, indices: Sequence[int]) -> Table:
        """Return the rows at ``indices`` (from 0), in that order."""
        return Table(
            name=self.name,
            texts=tuple(self.texts[index] for index in indices),
            labels=tuple(self.labels[index] for index in indices),
            row_numbers=tuple(self.row_numbers[index] for index in indices),
            columns=self.columns,
            findings=self.findings,
        )


def column_place(columns: Sequence[str], wanted: str, where: str) -> int:
    """Return the index of the one column called ``wanted``.

    Args:
        columns: Names of the columns there.
        wanted: The name asked for.
        where: What an error names before the rule: a file, or a file and a line.

    Raises:
        DataError: If no column or more than one has that name.
    """
    places = [place for place, name in enumerate(columns) if name == wanted]
    if len(places) == 1:
        return places[0]
    if places:
        raise DataError(
            f"{where}: {len(places)} columns are called {wanted!r}, but a column that is used must be the only one",
            "rename or remove the others",
        )
    raise DataError(
        f"{where}: there is no column {wanted!r}; there are {listing(columns)}", _column_hint(columns, wanted)
    )


def _column_hint(columns: Sequence[str], wanted: str) -> str:
    """Return the way out when ``wanted`` is not among ``columns``."""
    close = nearest(wanted, columns)
    return f"did you mean {close!r}?" if close is not None else "name the text and label columns of this data"
