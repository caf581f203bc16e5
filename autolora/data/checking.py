"""Checks tables: what cannot be learned from is refused. Knows no files."""

from __future__ import annotations

from collections import Counter

from autolora.data import labels
from autolora.data.groups import clear_groups_by_class
from autolora.data.table import Table, Wanted
from autolora.data.words import counted, listing, rows_phrase
from autolora.errors import DataError
from autolora.records import ProblemType
from autolora.values import nearest


def check_table(table: Table, wanted: Wanted, problem: ProblemType, *, least: int) -> None:
    """Check that labels can be learned from ``table``.

    Args:
        table: The rows to learn from.
        wanted: Their columns, for messages.
        problem: What a label is.
        least: Distinct texts needed of every class, one for each split to be drawn.

    Raises:
        DataError: If there are no rows, cells are blank, or the labels cannot be learned.
    """
    _check_cells(table, wanted, problem)
    if problem == "regression":
        _check_numbers(table, wanted, least)
    elif problem == "generation":
        _check_texts(table, least)
    else:
        _check_classes(table, wanted, problem, least)


def _check_texts(table: Table, least: int) -> None:
    """Check that there are enough texts for every split to get one."""
    if len(table.groups) < least:
        raise DataError(
            f"{table.name} has {counted(len(table.groups), 'distinct text')}, but at least {least} are needed to split"
            " it",
            "add rows",
            code="few_texts",
        )


def _check_numbers(table: Table, wanted: Wanted, least: int) -> None:
    """Check that there are different numbers, and enough texts for every split to get one."""
    if len(set(table.labels)) == 1:
        raise DataError(
            f"{table.name}: column {wanted.label!r} holds only one number, {table.labels[0]}; at least 2 are needed",
            "name another label column, or add rows with other numbers",
            code="one_class",
        )
    _check_texts(table, least)


def _check_classes(table: Table, wanted: Wanted, problem: ProblemType, least: int) -> None:
    """Check that there are several classes with enough texts, and not as many as rows."""
    totals = labels.counts(table, problem)
    if not totals:
        raise DataError(
            f"{table.name}: no row has a label in column {wanted.label!r}",
            "name another label column",
            code="unlabelled",
        )
    if len(totals) == 1:
        raise DataError(
            f"{table.name}: column {wanted.label!r} holds only one class, {next(iter(totals))!r}; at least 2 are"
            " needed",
            "name another label column, or add rows of another class",
            code="one_class",
        )
    if 2 * len(totals) > len(table):
        raise DataError(
            f"{table.name}: column {wanted.label!r} has {len(totals):,} different labels in"
            f" {counted(len(table), 'row')}, so it looks like an identifier; at most half of the labels may differ",
            "name the column that holds the classes; if labels are numbers, search with problem regression",
            code="identifier",
        )
    if problem == "single_label":
        _check_class_sizes(table, totals, least)
    else:
        _check_classes_of_several(table, totals, least)


def check_test_table(test: Table, wanted: Wanted, problem: ProblemType, main: Table) -> None:
    """Check that a given test table can be scored by a model that learned from ``main``.

    Raises:
        DataError: If it has no rows, cells are blank, labels that training lacks, or nothing but rows of ``main``.
    """
    _check_cells(test, wanted, problem)
    learned = set(main.keys)
    if all(key in learned for key in test.keys):
        raise DataError(
            f"every text of {test.name}, given to test on, is in {main.name} too, which is learned from",
            "give rows that are not learned from, or leave the test file out and a part of the data is kept for that",
            code="nothing_to_test_on",
        )
    classes = labels.classes_of(main, problem)
    unknown = sorted(set(labels.classes_of(test, problem)) - set(classes))
    if unknown:
        rows = [
            number
            for number, label in zip(test.row_numbers, test.labels, strict=True)
            if not set(unknown).isdisjoint(labels.names(label, problem))
        ]
        close = nearest(unknown[0], classes)
        raise DataError(
            f"{test.name}: column {wanted.label!r} has labels that the training rows lack: {listing(unknown)}"
            f" ({rows_phrase(rows)})",
            f"did you mean {close!r}?"
            if close is not None
            else "add training rows of these classes, or remove them here",
            code="unknown_labels",
        )


def _check_cells(table: Table, wanted: Wanted, problem: ProblemType) -> None:
    """Check that there are rows, and that no cell of them is blank; a row may have none of several classes."""
    if not len(table):
        raise DataError(f"{table.name} has no rows", "add rows of text and label below the header", code="empty")
    label = None if problem == "multi_label" else wanted.label
    for column, cells in ((label, table.labels), (wanted.text, table.texts), (wanted.by, table.by)):
        if column is None:
            continue
        blank = [number for number, cell in zip(table.row_numbers, cells, strict=True) if not cell.strip()]
        if blank:
            raise DataError(
                f"{table.name}: column {column!r} is blank in {counted(len(blank), 'row')} ({rows_phrase(blank)})",
                "fill or remove them",
                code="blank",
            )


def _check_classes_of_several(table: Table, totals: Counter[str], least: int) -> None:
    """Check that every class is in enough distinct texts for each split to get one."""
    texts: Counter[str] = Counter()
    for group in table.groups:
        texts.update({name for index in group for name in labels.names(table.labels[index], "multi_label")})
    small = sorted((count, name) for name, count in texts.items() if count < least)
    if small:
        count, label = small[0]
        others = f"; {counted(len(small) - 1, 'other class is', 'other classes are')} too rare as well"
        raise DataError(
            f"{table.name}: class {label!r} is in {counted(totals[label], 'row')} with"
            f" {counted(count, 'distinct text')}, but at least {least} are needed to split it"
            f"{others if small[1:] else ''}",
            "merge it with another class, remove it, or add rows",
            code="small_class",
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
        code="small_class",
    )
