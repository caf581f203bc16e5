"""Checks tables: what cannot be learned from is refused. Knows no files."""

from __future__ import annotations

from collections import Counter

from autolora.data.groups import clear_groups_by_class
from autolora.data.table import Table, Wanted
from autolora.data.words import counted, listing, rows_phrase
from autolora.errors import DataError
from autolora.values import nearest


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


def check_test_table(test: Table, wanted: Wanted, main: Table) -> None:
    """Check that a given test table can be scored by a model that learned from ``main``.

    Raises:
        DataError: If it has no rows, cells are blank, labels that training lacks, or nothing but rows of ``main``.
    """
    _check_cells(test, wanted)
    learned = set(main.folded)
    if all(text in learned for text in test.folded):
        raise DataError(
            f"every text of {test.name}, given to test on, is in {main.name} too, which is learned from",
            "give rows that are not learned from, or leave the test file out and a part of the data is kept for that",
        )
    classes = sorted(set(main.labels))
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


def _check_cells(table: Table, wanted: Wanted) -> None:
    """Check that there are rows, and that no cell of them is blank."""
    if not len(table):
        raise DataError(f"{table.name} has no rows", "add rows of text and label below the header")
    for column, cells in ((wanted.label, table.labels), (wanted.text, table.texts), (wanted.by, table.by)):
        if column is None:
            continue
        blank = [number for number, cell in zip(table.row_numbers, cells, strict=True) if not cell.strip()]
        if blank:
            raise DataError(
                f"{table.name}: column {column!r} is blank in {counted(len(blank), 'row')} ({rows_phrase(blank)})",
                "fill or remove them",
            )


def _check_class_sizes(table: Table, totals: Counter[str], least: int) -> None:
    """Check that every class has enough distinct texts for each split to get one."""
    groups = clear_groups_by_class(table.groups, table.labels)
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
