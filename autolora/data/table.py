"""A table as read: texts, labels and where each row stood. Knows neither formats nor classes.

Every cell is text. What a format has typed is spelt out once, in the reader of that format.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from autolora.data.groups import same_text_groups
from autolora.data.texts import Texts, TextsWriter
from autolora.data.words import listing
from autolora.data_request import DataRequest
from autolora.errors import DataError
from autolora.records import Finding
from autolora.values import folded, nearest, shown

_SPELLINGS = 10_000
"""Different labels of which one copy each is kept."""
MARK = "\x1f"
"""Before every item of a list that a typed format holds in a cell: ASCII's unit separator, which nobody types."""


class Wanted(NamedTuple):
    """The columns that a task needs."""

    text: str
    label: str
    by: str | None = None
    """What splits are drawn by, if by more than chance: a customer, say, or a date."""
    slices: tuple[str, ...] = ()
    """What reports tell test rows apart by."""

    @classmethod
    def of(cls, source: DataRequest) -> Wanted:
        """Return the columns that a request names."""
        return cls(source.inputs, source.targets, source.split_by or source.split_by_time, source.slices)

    @property
    def holds_conversations(self) -> bool:
        """Whether one column holds texts and labels: lists of messages."""
        return self.text == self.label

    @property
    def names(self) -> tuple[str, ...]:
        """Every column to read, each once."""
        by = () if self.by is None else (self.by,)
        return tuple(dict.fromkeys((self.text, self.label, *by, *self.slices)))


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of the wanted columns, as they stand in one file, folder or hub dataset."""

    name: str
    """File name, folder name or hub id; never an absolute path."""
    texts: Sequence[str]
    labels: tuple[str, ...]
    row_numbers: tuple[int, ...]
    """From 1 at the first row of data; blank lines in between are counted, as editors and spreadsheets do."""
    columns: tuple[str, ...]
    """Every column there, in order."""
    by: tuple[str, ...] = ()
    """Cells of the column that splits are drawn by; empty where none was asked for."""
    slices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Column that test rows are told apart by → its cells."""
    findings: tuple[Finding, ...] = ()
    """What the reading itself has to say, e.g. that a part of the dataset was not used."""

    @cached_property
    def folded(self) -> Sequence[str]:
        """The texts without differences of case, spacing or character width."""
        return Texts.of(map(folded, self.texts))

    @cached_property
    def keys(self) -> tuple[bytes, ...]:
        """What stands for each row's folded text: equal for equal ones."""
        return tuple(map(key_of, self.folded))

    @cached_property
    def groups(self) -> list[list[int]]:
        """The rows that say the same thing, by first appearance; see ``same_text_groups``."""
        return same_text_groups(self.keys)

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, indices: Sequence[int]) -> Table:
        """Return the rows at ``indices`` (from 0), in that order."""
        return Table(
            name=self.name,
            texts=taken(self.texts, indices),
            labels=tuple(self.labels[index] for index in indices),
            row_numbers=tuple(self.row_numbers[index] for index in indices),
            by=tuple(self.by[index] for index in indices) if self.by else (),
            slices={column: taken(cells, indices) for column, cells in self.slices.items()},
            columns=self.columns,
            findings=self.findings,
        )


class Cells:
    """The cells of the wanted columns while a source is read, row by row; those that may be long go to the disk."""

    def __init__(self, wanted: Wanted) -> None:
        """Begin without rows.

        Raises:
            DataError: If the disk does not take the texts.
        """
        self._wanted = wanted
        self._texts = TextsWriter()
        self._labels: list[str] = []
        self._by: list[str] = []
        self._slices = {column: TextsWriter() for column in wanted.slices}
        self._row_numbers: list[int] = []
        self._spellings: dict[str, str] = {}

    def add(self, row_number: int, cells: Sequence[str]) -> None:
        """Take the cells of one row, in the order of ``Wanted.names``.

        Raises:
            DataError: If the disk does not take the text.
        """
        row = dict(zip(self._wanted.names, cells, strict=True))
        label = row[self._wanted.label]
        if len(self._spellings) < _SPELLINGS:
            label = self._spellings.setdefault(label, label)
        self._texts.append(row[self._wanted.text])
        self._labels.append(label)
        if self._wanted.by is not None:
            self._by.append(row[self._wanted.by])
        for column, cells_of in self._slices.items():
            cells_of.append(row[column])
        self._row_numbers.append(row_number)

    def table(self, *, name: str, columns: Sequence[str], findings: tuple[Finding, ...] = ()) -> Table:
        """Return the table of all rows that were taken.

        Raises:
            DataError: If the disk does not take the texts.
        """
        return Table(
            name=name,
            texts=self._texts.finish(),
            labels=tuple(self._labels),
            by=tuple(self._by),
            slices={column: cells.finish() for column, cells in self._slices.items()},
            row_numbers=tuple(self._row_numbers),
            columns=tuple(columns),
            findings=findings,
        )


def taken(texts: Sequence[str], indices: Sequence[int]) -> Sequence[str]:
    """Return the texts at ``indices`` (from 0), in that order: where they are on the disk, they stay there."""
    return texts.take(indices) if isinstance(texts, Texts) else tuple(texts[index] for index in indices)


def key_of(text: str) -> bytes:
    """Return 16 bytes that stand for a text where only equality matters."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def list_cell(items: Sequence[object], where: str) -> str:
    """Return the cell for a list of labels.

    Raises:
        DataError: If an item is no text or number.
    """
    if not items:
        return MARK
    for item in items:
        if isinstance(item, bool) or not isinstance(item, str | int | float) or MARK in str(item):
            raise DataError(
                f"{where} holds a list with {shown(item)} in it, but labels must be text", "write each label as text"
            )
    return "".join(f"{MARK}{item}" for item in items)


def conversation_cell(messages: Sequence[object]) -> str:
    """Return the cell for a list of messages: JSON, for ``conversations`` to check."""
    return json.dumps(messages, default=str)  # in ASCII, so that half of a character comes as far as that check


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
            code="twice_named",
        )
    raise DataError(
        f"{where}: there is no column {wanted!r}; there are {listing(columns)}",
        _column_hint(columns, wanted),
        code="no_column",
    )


def _column_hint(columns: Sequence[str], wanted: str) -> str:
    """Return the way out when ``wanted`` is not among ``columns``."""
    close = nearest(wanted, columns)
    return f"did you mean {close!r}?" if close is not None else "name the text and label columns of this data"
