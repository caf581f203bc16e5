"""What an adapter changed: rows that it gets right and others get wrong, what is taken for what, and where it is large.

Pure: knows records; loads no model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autolora.records import PredictionsRecord
from autolora.report import words
from autolora.report.source import SearchReport

_MOST_CLASSES = 20
"""Of a table of what is taken for what; more are not read."""
_CONFUSIONS = 10
_LAYERS = 200


@dataclass(frozen=True, kw_only=True)
class Gain:
    """The chosen adapter beside another candidate, row by row."""

    name: str
    gained: int
    """Test rows that the adapter gets right and the other wrong."""
    lost: int
    both: int
    neither: int


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """A class that is taken for another."""

    true: str
    said: str
    rows: int
    share: float
    """Of the true class's rows."""


@dataclass(frozen=True, kw_only=True)
class Confusions:
    """What is taken for what, on the test rows."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """True class → said class → rows; none where there are too many classes for a table."""
    worst: tuple[Confusion, ...]
    """The pairs with most rows."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """How large what an adapter adds to one layer's modules is."""

    layer: str
    norms: dict[str, float]
    """Module → Frobenius norm of what is added to its weight."""


def gains(report: SearchReport) -> tuple[Gain, ...]:
    """Return the chosen adapter beside every other candidate, those that cost least first."""
    found, chosen = report.predictions, report.predicting_candidate
    if found is None or chosen is None or report.data.problem == "regression":
        return ()
    own = rows_right(found, chosen.name)
    rows = []
    for name in sorted((n for n in found.predicted if n != chosen.name), key=_order):
        other = rows_right(found, name)
        rows.append(
            Gain(
                name=words.baseline_name(name) if name in words.BASELINE_ORDER else _finalist(report, name),
                gained=int((own & ~other).sum()),
                lost=int((~own & other).sum()),
                both=int((own & other).sum()),
                neither=int((~own & ~other).sum()),
            )
        )
    return tuple(rows)


def confusions(report: SearchReport) -> Confusions | None:
    """Return what the chosen adapter takes for what; None where a row has not exactly one class."""
    found, chosen = report.predictions, report.predicting_candidate
    if found is None or chosen is None or report.data.problem != "single_label":
        return None
    classes = report.data.classes
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (np.asarray(found.truth, dtype=int), np.asarray(found.predicted[chosen.name], dtype=int)), 1)
    pairs = [
        Confusion(true=classes[true], said=classes[said], rows=int(rows), share=float(rows / counts[true].sum()))
        for (true, said), rows in np.ndenumerate(counts)
        if true != said and rows > 0
    ]
    pairs.sort(key=lambda pair: (-pair.rows, -pair.share, pair.true, pair.said))
    table = tuple(tuple(map(int, row)) for row in counts) if len(classes) <= _MOST_CLASSES else ()
    return Confusions(classes=classes, counts=table, worst=tuple(pairs[:_CONFUSIONS]))


def updates(report: SearchReport) -> tuple[Update, ...]:
    """Return how large the adapter's updates are, layer by layer."""
    if report.predictions is None:
        return ()
    by_layer: dict[str, dict[str, float]] = {}
    for path, norm in report.predictions.updates.items():
        layer, _, module = path.partition(" ")
        by_layer.setdefault(layer, {})[module] = norm
    return tuple(Update(layer=layer, norms=norms) for layer, norms in list(by_layer.items())[:_LAYERS])


def rows_right(found: PredictionsRecord, name: str) -> NDArray[np.bool_]:
    """Return for each test row whether what a candidate says of it is right ``(rows,)``."""
    return np.array([said == true for said, true in zip(found.predicted[name], found.truth, strict=True)], dtype=bool)


def _order(name: str) -> tuple[int, str]:
    known = words.BASELINE_ORDER
    return (known.index(name) if name in known else len(known), name)


def _finalist(report: SearchReport, name: str) -> str:
    candidates = report.confirm.candidates if report.confirm else ()
    return next((words.candidate_name(c) for c in candidates if c.name == name), name)
