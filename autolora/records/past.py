"""What a search leaves to later ones: settings and scores, and what its task was like. No text of any row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autolora.records.kinds import ProblemType


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """What a task is like, in numbers by which another one may be found to be near it."""

    problem: ProblemType
    rows: int
    """To train on."""
    classes: int
    """0 where labels are none."""
    tokens: float
    """Median length of a training text."""
    largest_share: float
    """Of the most frequent class among training rows; 0 where labels are no classes."""
    linear: float | None
    """What TF-IDF with a linear model gains of what can be gained over the same answer for every row, on some of the
    rows; None where that says nothing."""


@dataclass(frozen=True, kw_only=True)
class PastScore:
    """How a trial stood at a rung."""

    share: float
    """Of the full training length."""
    quality: float
    """Share of what can be gained over the same answer for every row, or over the base that answers; may be below 0."""


@dataclass(frozen=True, kw_only=True)
class PastTrial:
    """One trial that was scored at least once."""

    params: dict[str, Any]
    """Settings, as the search space names them."""
    scores: tuple[PastScore, ...]
    """At each rung that it came to."""
    complete: bool
    """Whether it was trained in full."""
    trainable_params: int
    peak_memory_bytes: int
    steps: int
    """Optimiser steps it was trained."""

    @property
    def quality(self) -> float:
        """The last score."""
        return self.scores[-1].quality


@dataclass(frozen=True, kw_only=True)
class PastSearch:
    """One search that has ended exploring."""

    version: int = 1
    name: str
    """Of the task."""
    at: str
    """When it was kept; ISO 8601, UTC."""
    data_hash: str
    base_id: str
    base_hash: str
    layers: int
    """Of the base."""
    metric: str
    """That trials were compared by."""
    likeness: Likeness
    trials: tuple[PastTrial, ...]
    """Those that were scored at least once, whether trained in full or stopped."""
