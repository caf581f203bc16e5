"""Judges tables: what cannot be learned from is an error, what a person should know is a finding. Knows no files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from autolora.data.groups import clear_groups_by_class, same_text_groups
from autolora.data.table import Table, Wanted
from autolora.data.words import counted, listing, rows_phrase
from autolora.errors import DataError
from autolora.records import Finding
from autolora.values import folded, nearest

IMBALANCE_SHARE = 0.05
"""A smallest class under this share of the largest one is worth a warning."""
FINDING_ROWS = 10
"""Row numbers that a finding keeps."""


def check_table(table: Table, wanted: Wanted, *, least: int) -> None:
    """Check that classes can be learned from ``table``.

    Args:
        table: The rows to learn from.
        wanted: Their columns, for messages.
        least: Distinct texts needed of every class, one for each split to be drawn.

    Raises:
        DataError: If there are no rows, cells are blank, or the labels are no classes.
    """
    _check_cells(table, wanted)
    totals = Counter(table.labels)
    if len(totals) == 1:
        raise DataError(
            f"{table.name}: column {wanted.label!r} holds only one class, {table.labels[0]!r}; at least 2 are needed",
            "name another label column, or add rows of another class",
        )
    if 2 * len(totals) > len(table):
        raise DataError(
            f"{table.name}: column {wanted.label!r} has {len(totals):,} different labels in"
            f" {counted(len(table), 'row')}, so it looks like an identifier; at most half of the labels may differ",
            "name the column that holds the classes",
        )
    _check_class_sizes(table, totals, least)


def check_test_table(test: Table, wanted: Wanted, classes: Sequence[str]) -> None:
    """Check that a given test table can be scored by a model that knows ``classes``.

    Raises:
        DataError: If it has no rows, cells are blank, or labels that training lacks.
    """
    _check_cells(test, wanted)
    counts = Counter(test.labels)
    unknown = sorted(set(counts) - set(classes))
    if unknown:
        rows = [number for number, label in zip(test.row_numbers, test.labels, strict=True) if label in set(unknown)]
        close = nearest(unknown[0], classes)
        raise DataError(
            f"{test.name}: column {wanted.label!r} has labels that the training rows lack: {listing(unknown)}"
            f" ({rows_phrase(rows)})",
            f"did you mean {close!r}?"
            if close is not None
            else "add training rows of these classes, or remove them here",
        )


def find_in_table(table: Table, wanted: Wanted) -> tuple[Finding, ...]:
    """Return what a person should know about a table that passed its check."""
    found = (
        _duplicates(table),
        _conflicts(table),
        _imbalance(table),
        _similar_labels(table, wanted),
        _replacement_characters(table),
    )
    return tuple(finding for finding in found if finding is not None)


def find_in_test_table(main: Table, test: Table) -> tuple[Finding, ...]:
    """Return what a person should know about a given test table beside the rows to learn from."""
    seen = {text.strip() for text in main.texts}
    rows = [number for number, text in zip(test.row_numbers, test.texts, strict=True) if text.strip() in seen]
    found: list[Finding] = []
    if rows:
        share = len(rows) / len(test)
        found.append(
            _finding(
                "test_overlap",
                "warning",
                f"{test.name} has {counted(len(rows), 'row')} ({share:.1%}) whose text is in {main.name} too, so the"
                f" test score will flatter ({rows_phrase(rows)} of {test.name}).",
                rows,
            )
        )
    absent = sorted(set(main.labels) - set(test.labels))
    if absent:
        found.append(_finding("test_lacks_classes", "note", f"{test.name} has no rows of {listing(absent)}."))
    return tuple(found)


def _check_cells(table: Table, wanted: Wanted) -> None:
    """Check that there are rows, and that no cell of them is blank."""
    if not len(table):
        raise DataError(f"{table.name} has no rows", "add rows of text and label below the header")
    for column, cells in ((wanted.label, table.labels), (wanted.text, table.texts)):
        blank = [number for number, cell in zip(table.row_numbers, cells, strict=True) if not cell.strip()]
        if blank:
            raise DataError(
                f"{table.name}: column {column!r} is blank in {counted(len(blank), 'row')} ({rows_phrase(blank)})",
                "fill or remove them",
            )


def _check_class_sizes(table: Table, totals: Counter[str], least: int) -> None:
    """Check that every class has enough distinct texts for each split to get one."""
    groups = clear_groups_by_class(same_text_groups(table.texts), table.labels)
    small = [label for label, own in groups.items() if len(own) < least]
    if not small:
        return
    label = min(small, key=lambda name: (len(groups[name]), name))
    texts = counted(len(groups[label]), "distinct text")
    others = (
        f"; {counted(len(small) - 1, 'other class is', 'other classes are')} too small as well" if small[1:] else ""
    )
    raise DataError(
        f"{table.name}: class {label!r} has {counted(totals[label], 'row')} with {texts} that no other class has,"
        f" but at least {least} are needed to split it{others}",
        "merge it with another class, remove it, or add rows",
    )


def _duplicates(table: Table) -> Finding | None:
    """Return a note on rows that repeat an earlier row's text and label."""
    first: set[tuple[str, str]] = set()
    repeats: list[int] = []
    for number, text, label in zip(table.row_numbers, table.texts, table.labels, strict=True):
        row = (text.strip(), label)
        if row in first:
            repeats.append(number)
        first.add(row)
    if not repeats:
        return None
    return _finding(
        "duplicate_rows",
        "note",
        f"{table.name} repeats the text and label of an earlier row in {counted(len(repeats), 'row')}"
        f" ({rows_phrase(repeats)}); equal texts always go to the same split.",
        repeats,
    )


def _conflicts(table: Table) -> Finding | None:
    """Return a warning on equal texts with different labels: no model can get all of them right."""
    conflicting = [
        group
        for group in same_text_groups(table.texts)
        if len(group) > 1 and len({table.labels[index] for index in group}) > 1
    ]
    if not conflicting:
        return None
    rows = sorted(table.row_numbers[index] for group in conflicting for index in group)
    return _finding(
        "conflicting_labels",
        "warning",
        f"{table.name} gives {counted(len(conflicting), 'text')} different labels in different rows"
        f" ({rows_phrase(rows)}).",
        rows,
    )


def _imbalance(table: Table) -> Finding | None:
    """Return a warning when the smallest class is tiny beside the largest."""
    ranked = sorted(Counter(table.labels).items(), key=lambda item: (item[1], item[0]))
    (small, few), (large, many) = ranked[0], ranked[-1]
    if few >= IMBALANCE_SHARE * many:
        return None
    return _finding(
        "imbalance",
        "warning",
        f"Class {small!r} has {counted(few, 'row')}, {few / many:.1%} of the {many:,} rows of {large!r}.",
    )


def _similar_labels(table: Table, wanted: Wanted) -> Finding | None:
    """Return a warning on labels that look like spellings of one class."""
    spellings: dict[str, list[str]] = {}
    for label in sorted(set(table.labels)):
        spellings.setdefault(folded(label), []).append(label)
    alike = [labels for labels in spellings.values() if len(labels) > 1]
    if not alike:
        return None
    named = "; ".join(listing(labels) for labels in alike[:FINDING_ROWS])
    return _finding(
        "similar_labels",
        "warning",
        f"Labels in column {wanted.label!r} differ only by case, spaces or character width and count as different"
        f" classes: {named}.",
    )


def _replacement_characters(table: Table) -> Finding | None:
    """Return a warning on texts that lost characters in an earlier conversion."""
    rows = [number for number, text in zip(table.row_numbers, table.texts, strict=True) if "\ufffd" in text]
    if not rows:
        return None
    return _finding(
        "replacement_characters",
        "warning",
        f"{table.name} has {counted(len(rows), 'row')} with characters that an earlier conversion lost"
        f" (U+FFFD; {rows_phrase(rows)}).",
        rows,
    )


def _finding(code: str, severity: Literal["note", "warning"], message: str, rows: Sequence[int] = ()) -> Finding:
    """Return a finding with the first of its rows."""
    return Finding(code=code, severity=severity, message=message, rows=tuple(rows[:FINDING_ROWS]))
