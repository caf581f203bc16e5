"""What the page shows of a review by those who do the work. Computes no new number."""

from __future__ import annotations

from dataclasses import dataclass

from autolora.records.review import CitedReason, Edit, ReviewedCandidate, ReviewRecord
from autolora.report import words
from autolora.report.source import SearchReport

_SHOWN = 12
"""Reasons, and edits."""


@dataclass(frozen=True, kw_only=True)
class ReviewedRow:
    """One candidate, as its answers were judged."""

    name: str
    judged: ReviewedCandidate
    chosen: bool
    difference: tuple[float, float, float] | None
    """Chosen less this one: (difference, low, high) at 95 %."""


@dataclass(frozen=True, kw_only=True)
class Review:
    """The section."""

    record: ReviewRecord
    rows: tuple[ReviewedRow, ...]
    reasons: tuple[tuple[CitedReason, str], ...]
    """Each with whose answers it was said of."""
    edits: tuple[tuple[Edit, str], ...]
    """Likewise."""


def shown(report: SearchReport) -> Review | None:
    """Return the section on the review, None where none was read."""
    record = report.review
    if record is None:
        return None
    return Review(
        record=record,
        rows=tuple(
            ReviewedRow(
                name=_name(report, one.name),
                judged=one,
                chosen=one.name == record.chosen,
                difference=record.differences.get(one.name),
            )
            for one in record.candidates
        ),
        reasons=tuple((reason, _names(report, reason.candidates)) for reason in record.reasons[:_SHOWN]),
        edits=tuple((edit, _names(report, edit.candidates)) for edit in record.edits[:_SHOWN]),
    )


def _names(report: SearchReport, candidates: tuple[str, ...]) -> str:
    return ", ".join(_name(report, name) for name in candidates)


def _name(report: SearchReport, candidate: str) -> str:
    chosen = report.chosen_candidate
    if chosen is not None and chosen.name == candidate:
        return words.candidate_name(chosen)
    return words.baseline_name(candidate)
