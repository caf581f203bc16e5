"""What the cells of the label column mean: one class a row, any number, a number, or a text. Knows no files.

A table's label cells become canonical spellings here (sorted names between marks; a number as Python writes it), so
that equal labels are equal text, and from then on everything about labels is asked of this module.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from autolora.data.conversations import parted
from autolora.data.groups import clear_groups_by_class
from autolora.data.table import MARK, Table
from autolora.data.words import rows_phrase
from autolora.data_request import DataRequest
from autolora.errors import DataError
from autolora.records import Label, ProblemType
from autolora.values import shown

NO_CLASS = "(none)"
"""What messages and strata call the label of a row that has no class, where a row may have any number."""
MOST_ANSWERS = 100
"""Of different ones, as which they may be a closed set."""
_ROWS_PER_ANSWER = 3
"""Distinct prompts that each answer of a closed set has at least: one for each split."""
_BINS = 10
"""Strata of numbers."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_COMMA_NUMBER = re.compile(r"[-+]?\d[\d.]*,\d+")


def problem_of(source: DataRequest, table: Table) -> ProblemType:
    """Return what a row's label is: as asked for, or several classes where cells hold lists, or one."""
    if source.problem is not None:
        return source.problem
    return "multi_label" if any(label.startswith(MARK) for label in table.labels) else "single_label"


def spelt(table: Table, problem: ProblemType, source: DataRequest) -> Table:
    """Return the table with its label cells in canonical spelling.

    Raises:
        DataError: If a cell is no label of that kind.
    """
    rows = zip(table.labels, table.row_numbers, strict=True)
    where = f"{table.name}, row {{}}, column {source.targets!r}"
    if problem == "generation":
        return parted(table, source.targets) if source.messages else table
    if problem == "regression":
        return replace(table, labels=tuple(_number(cell, where.format(row)) for cell, row in rows))
    if problem == "multi_label":
        separator = source.label_separator
        return replace(table, labels=tuple(_names(cell, separator, where.format(row)) for cell, row in rows))
    lists = [row for cell, row in rows if cell.startswith(MARK)]
    if lists:
        raise DataError(
            f"{table.name}: column {source.targets!r} holds lists of labels ({rows_phrase(lists)}), but a row is to"
            " have one class",
            "search with problem multi_label, or give each row one label",
            code="several_labels",
        )
    return table


def names(label: str, problem: ProblemType) -> tuple[str, ...]:
    """Return the classes that a canonical label names; none where it is a number or is to be written."""
    if problem == "single_label":
        return (label,)
    return tuple(label.split(MARK)) if problem == "multi_label" and label else ()


def classes_of(table: Table, problem: ProblemType) -> tuple[str, ...]:
    """Return the sorted classes of a table."""
    return tuple(sorted({name for label in set(table.labels) for name in names(label, problem)}))


def closed_answers(table: Table) -> tuple[str, ...]:
    """Return the texts that are to be written, sorted, where few are written again and again; else none."""
    rows = Counter(table.labels)
    texts = clear_groups_by_class(table.groups, table.labels) if len(rows) <= MOST_ANSWERS else {}
    is_closed = len(rows) > 1 and bool(texts) and all(len(texts.get(answer, ())) >= _ROWS_PER_ANSWER for answer in rows)
    return tuple(sorted(rows)) if is_closed else ()


def counts(table: Table, problem: ProblemType) -> Counter[str]:
    """Return how many rows have each class."""
    found: Counter[str] = Counter()
    for label, rows in Counter(table.labels).items():
        for name in names(label, problem):
            found[name] += rows
    return found


def encoded(labels: Sequence[str], problem: ProblemType, classes: Sequence[str]) -> tuple[Label, ...]:
    """Return canonical labels as records hold them."""
    if problem == "generation":
        return tuple(labels)
    if problem == "regression":
        return tuple(float(label) for label in labels)
    index_of = {name: index for index, name in enumerate(classes)}
    if problem == "single_label":
        return tuple(index_of[label] for label in labels)
    return tuple(tuple(sorted(index_of[name] for name in names(label, problem))) for label in labels)


def memberships(table: Table, problem: ProblemType) -> list[tuple[str, ...]]:
    """Return for each row what parts of a split want their share of: its classes, or the range of its number."""
    if problem == "regression":
        return [(stratum,) for stratum in _ranges(table.labels)]
    if problem == "generation":
        return [(stratum,) for stratum in strata(table, problem, least=1)]
    return [names(label, problem) or (NO_CLASS,) for label in table.labels]


def strata(table: Table, problem: ProblemType, *, least: int) -> tuple[str, ...]:
    """Return one stratum a row, for drawing that keeps the strata's shares.

    It is the class itself; of several classes the rarest one, so that rare classes are spread first; of numbers a range
    that holds a tenth of them; of answers each where they are few, else all are one. Strata with fewer distinct texts
    than ``least`` are put together.
    """
    if problem == "single_label" or (problem == "generation" and closed_answers(table)):
        return table.labels
    if problem == "generation":
        return ("",) * len(table)
    if problem == "regression":
        drawn = _ranges(table.labels)
    else:
        rows = counts(table, problem)
        rarest = {
            label: min(names(label, problem), key=lambda name: (rows[name], name), default=NO_CLASS)
            for label in set(table.labels)
        }
        drawn = [rarest[label] for label in table.labels]
    texts = {stratum: len(own) for stratum, own in clear_groups_by_class(table.groups, drawn).items()}
    small = {stratum for stratum, own in texts.items() if own < least}
    if small and sum(texts[stratum] for stratum in small) < least:
        small |= {max(texts.keys() - small, key=lambda stratum: (texts[stratum], stratum), default="")}
    together = ", ".join(sorted(small - {""}))
    return tuple(together if stratum in small else stratum for stratum in drawn)


def _ranges(labels: Sequence[str]) -> list[str]:
    """Return for each number the range that holds it; ranges hold about as many rows each."""
    numbers = np.array([float(label) for label in labels])
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, _BINS + 1)[1:-1]))
    places = np.searchsorted(edges, numbers)
    spelt_out = [f"up to {edge:g}" for edge in edges] + [f"over {edges[-1]:g}"]
    return [spelt_out[place] for place in places]


def _number(cell: str, where: str) -> str:
    text = cell.strip()
    if _NUMBER.fullmatch(text) and math.isfinite(value := float(text)):
        return repr(value)
    if not text:
        return ""  # refused with all other blank cells, which are counted
    hint = (
        "write a point before decimals, and nothing between thousands"
        if _COMMA_NUMBER.fullmatch(text)
        else "correct or remove the row, or leave problem out if labels are classes"
    )
    raise DataError(f"{where}: a label must be a finite number, but it is {shown(cell)}", hint, code="no_number")


def _names(cell: str, separator: str | None, where: str) -> str:
    if cell.startswith(MARK):
        given = cell.split(MARK)
    elif not cell.strip():
        given = []
    elif separator is None:
        raise DataError(
            f"{where}: a row's classes must be a list, or one text with a label_separator between them, but it is"
            f" {shown(cell)}",
            "say what stands between them, such as label_separator: ';'",
        )
    else:
        given = cell.split(separator)
    return MARK.join(sorted({name.strip() for name in given} - {""}))
