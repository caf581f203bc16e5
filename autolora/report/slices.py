"""Where an adapter falls behind: how it does on rows of one class, of like length, or of one value of a column.

Pure: knows records.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from autolora.data.slicing import LEAST_SLICED
from autolora.intervals import wilson
from autolora.records import PredictionsRecord
from autolora.report.gains import rows_right
from autolora.report.source import SearchReport

Measure = Literal["right", "error", "chrf"]
"""What is told of rows: the share that is right, their mean absolute error, or the mean chrF of what was written."""
Floats = NDArray[np.float64]
_Part = tuple[str, NDArray[np.bool_]]

_PARTS = 4
"""Of the rows by length, as equal as may be."""
_MOST_VALUES = 12
"""Of a column that are shown by themselves: those with most rows."""
_MONTH = re.compile(r"\d{4}-\d{2}", re.ASCII)
_Z = 1.96


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Some of the test rows."""

    kind: str
    """``class``, ``length``, or the column whose value they share."""
    name: str
    rows: int
    score: float
    """Of the adapter on them; see ``measure``."""
    score_ci95: tuple[float, float] | None
    """Wilson's interval of a share, the normal one of a mean; None of a mean of one row."""
    behind: bool
    """Whether even the better end is worse than on all rows."""


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """The test rows, and how the chosen adapter does on each."""

    measure: Measure
    scores: Floats
    lengths: tuple[int, ...]
    """Characters of what is read."""
    columns: Mapping[str, Sequence[str]]


def measure(report: SearchReport) -> Measure:
    """Return what slices tell of rows."""
    return {"regression": "error", "generation": "chrf"}.get(report.data.problem, "right")  # type: ignore[return-value]


def slices(report: SearchReport) -> tuple[Slice, ...]:
    """Return the slices of the test rows; of classes and of a column's values those furthest behind come first."""
    rows = _rows(report)
    if rows is None:
        return ()
    of_class = list(_by_class(report, report.predictions)) if report.predictions is not None else []
    found = _worst_first(_slices("class", of_class, rows), rows.measure)
    found += _slices("length", _by_length(rows.lengths), rows)
    for column, values in rows.columns.items():
        own, other = _by_value(values)
        parts = _slices(column, own, rows)
        in_time = all(_MONTH.fullmatch(part.name) for part in parts)
        found += sorted(parts, key=lambda part: part.name) if in_time else _worst_first(parts, rows.measure)
        found += _slices(column, other, rows)
    return tuple(found)


def _rows(report: SearchReport) -> _Rows | None:
    """Return the rows with their scores, None where it is not known how the adapter does on them."""
    chosen, predicted, answered = report.predicting_candidate, report.predictions, report.answers
    if predicted is not None and chosen is not None:
        if report.data.problem == "regression":
            scores = np.abs(np.asarray(predicted.predicted[chosen.name]) - np.asarray(predicted.truth))
        else:
            scores = rows_right(predicted, chosen.name)
        return _Rows(
            measure=measure(report),
            scores=scores.astype(np.float64),
            lengths=predicted.lengths,
            columns=predicted.slices,
        )
    chosen = report.chosen_candidate
    if answered is None or chosen is None or chosen.name not in answered.row_scores:
        return None
    return _Rows(
        measure="chrf",
        scores=np.asarray(answered.row_scores[chosen.name], dtype=np.float64),
        lengths=tuple(len(row.prompt) for row in answered.rows),
        columns=answered.slices,
    )


def _slices(kind: str, parts: Sequence[_Part], rows: _Rows) -> list[Slice]:
    return [_slice(kind, name, rows, own) for name, own in parts if own.any()]


def _slice(kind: str, name: str, rows: _Rows, own: NDArray[np.bool_]) -> Slice:
    scores, of_all = rows.scores[own], float(rows.scores.mean())
    interval = wilson(int(scores.sum()), len(scores)) if rows.measure == "right" else _mean95(scores)
    # Of a few rows a mean's interval, unlike a share's, may be far too narrow.
    enough = rows.measure == "right" or len(scores) >= LEAST_SLICED
    return Slice(
        kind=kind,
        name=name,
        rows=len(scores),
        score=float(scores.mean()),
        score_ci95=interval,
        behind=enough
        and interval is not None
        and (interval[0] > of_all if rows.measure == "error" else interval[1] < of_all),
    )


def _mean95(scores: Floats) -> tuple[float, float] | None:
    """Return the normal 95 % interval of a mean of numbers that are not negative."""
    if len(scores) < 2:
        return None
    mean, reach = float(scores.mean()), _Z * float(scores.std(ddof=1)) / len(scores) ** 0.5
    return max(0.0, mean - reach), mean + reach


def _worst_first(parts: list[Slice], measured: Measure) -> list[Slice]:
    return sorted(parts, key=lambda part: -part.score if measured == "error" else part.score)


def _by_class(report: SearchReport, found: PredictionsRecord) -> Iterator[_Part]:
    for index, name in enumerate(report.data.classes):
        yield name, np.array([index in true if isinstance(true, tuple) else true == index for true in found.truth])


def _by_length(given: Sequence[int]) -> list[_Part]:
    lengths = np.asarray(given)
    if not len(lengths):
        return []
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, _PARTS + 1)[1:-1], method="lower"))
    part = np.searchsorted(edges, lengths)
    parts = [part == at for at in range(len(edges) + 1) if (part == at).any()]
    return [(f"{lengths[rows].min():,} to {lengths[rows].max():,} characters", rows) for rows in parts]


def _by_value(values: Sequence[str]) -> tuple[list[_Part], list[_Part]]:
    """Return the rows of each value with enough of them, and those of all others together."""
    counts = Counter(values).most_common()
    own = [value for value, rows in counts[:_MOST_VALUES] if rows >= LEAST_SLICED]
    rest = [value for value, _ in counts[len(own) :]]
    cells = np.asarray(values, dtype=object)
    parts = [(value or "(blank)", cells == value) for value in own]
    if not rest:
        return parts, []
    name = (rest[0] or "(blank)") if len(rest) == 1 else f"other ({len(rest):,} values)"
    return parts, [(name, np.isin(np.asarray(values), rest))]
