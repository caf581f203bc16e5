"""What the judgements of those who do the work came to: the frozen value that ``review.json`` keeps. Knows no page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Judged = Literal["accept", "edit", "reject"]
"""What is said of an answer: good as it is, good after a change, or of no use."""
JUDGEMENTS: tuple[Judged, ...] = get_args(Judged)


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """Test rows of one kind: on which the candidates that are shown differ, or agree."""

    rows: int
    """In the test split."""
    judged: int
    """Of these."""


@dataclass(frozen=True, kw_only=True)
class ReviewedCandidate:
    """How one candidate's answers were judged: shares of all test rows, estimated from those that were judged."""

    name: str
    accepted: float
    """As they are."""
    accepted_ci95: tuple[float, float]
    edited: float
    """Accepted after a change."""
    rejected: float


@dataclass(frozen=True, kw_only=True)
class CitedReason:
    """A reason that reviewers gave, with how often."""

    text: str
    judgement: Judged
    times: int
    candidates: tuple[str, ...]
    """Whose answers it was said of."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """An answer, and what it should have been."""

    row_id: str
    candidates: tuple[str, ...]
    """Who gave it."""
    written: str
    edited: str


@dataclass(frozen=True, kw_only=True)
class ReviewRecord:
    """What ``review.json`` keeps, schema 1."""

    schema: int = 1
    id: str
    """Of the sample that was judged."""
    run: str
    """Of the search whose answers these are."""
    read_at: str
    reviewers: tuple[str, ...]
    items: int
    """Test rows that were judged."""
    effective_items: float
    """As many rows, drawn at random, would say as much: see ``review.shares``."""
    strata: dict[str, Stratum]
    """``"differ"`` and ``"agree"``."""
    chosen: str
    """The candidate that is recommended."""
    candidates: tuple[ReviewedCandidate, ...]
    differences: dict[str, tuple[float, float, float]]
    """For each other candidate: share accepted as is of the recommended one less its own on the same rows, as
    (difference, low, high) at 95 %."""
    alpha: float | None = None
    """Krippendorff's alpha of the reviewers; None with one reviewer, and where all judgements are the same."""
    agreement: float | None = None
    """Share of pairs of judgements of one answer that are the same; None with one reviewer."""
    min_accepted: float | None = None
    """Share accepted as is that was asked for."""
    reasons: tuple[CitedReason, ...] = ()
    """The most frequent ones first."""
    edits: tuple[Edit, ...] = ()
