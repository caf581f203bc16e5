"""How adapters do on test rows with noise, beside the same rows without. Pure: knows records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autolora.margins import bears, rows_for
from autolora.recommend import is_as_good
from autolora.report import words
from autolora.report.source import SearchReport

KINDS = {
    "typos": "Typing slips, one letter in twenty",
    "casing": "Capitals throughout",
    "width": "The other width: full for half, half for full",
    "unicode": "Decomposed characters (NFD)",
    "truncation": "The second half cut off",
}
Standing = Literal["holds", "open", "loses"]
"""Whether the loss is shown to be within the margin, or shown to be beyond it; open is neither."""


@dataclass(frozen=True, kw_only=True)
class NoiseCell:
    """One candidate with one kind of noise."""

    score: float
    difference: tuple[float, float, float]
    """That less its score without: (difference, low, high) at 95 %."""
    standing: Standing


@dataclass(frozen=True, kw_only=True)
class NoiseRow:
    """One kind of noise."""

    name: str
    changed: float
    """Share of the rows."""
    cells: tuple[NoiseCell, ...]
    """In the order of ``candidates``; none where no row is changed."""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Every kind of noise."""

    rows: int
    margin: float
    least_rows: int
    """That it takes to show that a loss is within the margin; 0 where the metric has no such number."""
    candidates: tuple[str, ...]
    """In words, the chosen one first."""
    clean: tuple[float, ...]
    """Their scores without noise."""
    noises: tuple[NoiseRow, ...]
    left_out: str
    """Why nothing was measured."""


def noise(report: SearchReport) -> Noise | None:
    """Return what is known of noise, None where no record has it."""
    found, confirm = report.robustness, report.confirm
    if found is None or confirm is None:
        return None
    of_name = {candidate.name: candidate for candidate in confirm.candidates}
    names = [name for name in found.scores if name in of_name]
    names.sort(key=lambda name: of_name[name].kind == "baseline")
    return Noise(
        rows=found.rows,
        margin=confirm.margin,
        least_rows=0 if bears(confirm.margin, report.metric, 0) else rows_for(confirm.margin),
        candidates=tuple(words.candidate_name(of_name[name]) for name in names),
        clean=tuple(found.scores[name] for name in names),
        noises=tuple(
            NoiseRow(
                name=KINDS.get(each.name, each.name),
                changed=each.changed,
                cells=tuple(
                    NoiseCell(
                        score=each.scores[name],
                        difference=each.differences[name],
                        standing=_standing(report, each.differences[name], confirm.margin, found.rows),
                    )
                    for name in names
                )
                if each.changed
                else (),
            )
            for each in found.noises
        ),
        left_out=found.left_out,
    )


def _standing(report: SearchReport, difference: tuple[float, float, float], margin: float, rows: int) -> Standing:
    metric = report.metric
    if is_as_good(difference, metric, margin):
        return "holds" if bears(margin, metric, rows) else "open"
    _, low, high = difference
    return "loses" if min(metric.loss(low), metric.loss(high)) > margin else "open"
