"""Where an adapter falls behind: how often it is right on rows of one class, or of like length. Pure: knows records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autolora.intervals import wilson
from autolora.records import PredictionsRecord
from autolora.report.gains import rows_right
from autolora.report.source import SearchReport

_PARTS = 4
"""Of the rows by length, as equal as may be."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Some of the test rows."""

    kind: str
    name: str
    rows: int
    right: float
    """Share of them that the adapter gets right."""
    right_ci95: tuple[float, float]
    """Wilson's interval."""
    behind: bool
    """Whether even the upper end is below the share of all rows."""


def slices(report: SearchReport) -> tuple[Slice, ...]:
    """Return the slices of the test rows, those that fall furthest behind first within each kind."""
    found, chosen = report.predictions, report.predicting_candidate
    if found is None or chosen is None or report.data.problem == "regression":
        return ()
    right = rows_right(found, chosen.name)
    kinds = (("class", _by_class(report, found)), ("length", _by_length(found)))
    out: list[Slice] = []
    for kind, parts in kinds:
        own = [_slice(kind, name, right[rows], float(right.mean())) for name, rows in parts if rows.any()]
        out += sorted(own, key=lambda part: part.right) if kind == "class" else own
    return tuple(out)


def _slice(kind: str, name: str, right: NDArray[np.bool_], of_all: float) -> Slice:
    interval = wilson(int(right.sum()), len(right))
    return Slice(
        kind=kind,
        name=name,
        rows=len(right),
        right=float(right.mean()),
        right_ci95=interval,
        behind=interval[1] < of_all,
    )


def _by_class(report: SearchReport, found: PredictionsRecord) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    for index, name in enumerate(report.data.classes):
        yield name, np.array([index in true if isinstance(true, tuple) else true == index for true in found.truth])


def _by_length(found: PredictionsRecord) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    lengths = np.asarray(found.lengths)
    if not len(lengths):
        return
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, _PARTS + 1)[1:-1], method="lower"))
    part = np.searchsorted(edges, lengths)
    for at in range(len(edges) + 1):
        rows = part == at
        if rows.any():
            yield f"{lengths[rows].min():,} to {lengths[rows].max():,} characters", rows
