"""Configurations, and what became of them in a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autolora.errors import SpaceError
from autolora.records.kinds import TrialState


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """One LoRA configuration, resolved against a base model, with how it is trained."""

    rank: int
    alpha: float
    use_rslora: bool = False
    target_modules: tuple[str, ...]
    """Module names inside a layer, e.g. ``("attention.self.query", "attention.self.value")``; none where only the
    head is trained."""
    layers: tuple[int, ...]
    """Indices of the adapted layers, from 0 at the input."""
    learning_rate: float
    dropout: float = 0.0
    warmup_share: float = 0.0
    """Share of all steps over which the rate climbs to ``learning_rate``; it then falls linearly to 0."""
    weight_decay: float = 0.0
    epochs: float = 3.0
    batch_size: int = 16

    def __post_init__(self) -> None:
        """Check every bound.

        Raises:
            SpaceError: If a value is out of its range.
        """
        rules: tuple[tuple[bool, str, object], ...] = (
            (self.rank >= 1, "rank must be at least 1", self.rank),
            (0 < self.alpha < float("inf"), "alpha must be positive", self.alpha),
            (len(self.layers) > 0, "layers must name at least one layer", self.layers),
            (0 < self.learning_rate < float("inf"), "learning_rate must be positive", self.learning_rate),
            (0 <= self.dropout < 1, "dropout must be in [0, 1)", self.dropout),
            (0 <= self.warmup_share < 1, "warmup_share must be in [0, 1)", self.warmup_share),
            (0 <= self.weight_decay < float("inf"), "weight_decay must not be negative", self.weight_decay),
            (0 < self.epochs < float("inf"), "epochs must be positive", self.epochs),
            (self.batch_size >= 1, "batch_size must be at least 1", self.batch_size),
        )
        for holds, rule, value in rules:
            if not holds:
                raise SpaceError(f"{rule}, but got {value!r}")

    @property
    def scaling(self) -> float:
        """What the low-rank product is multiplied by: alpha / r, or alpha / sqrt(r) with rsLoRA (arXiv 2312.03732)."""
        return float(self.alpha / self.rank**0.5 if self.use_rslora else self.alpha / self.rank)


@dataclass(frozen=True, kw_only=True)
class Score:
    """A metric on one split, with its uncertainty over rows."""

    value: float
    standard_error: float
    """Standard deviation over bootstrap resamples of the rows."""


@dataclass(frozen=True, kw_only=True)
class RungRecord:
    """A trial's standing when it reached a rung."""

    rung: int
    """0 is the first."""
    share: float
    """Share of the full training length."""
    steps: int
    score: Score
    train_loss: float | None
    """Mean loss of the steps since the rung before; None where a resumed trial was scored anew without a step."""
    seconds: float
    """Device time the trial has had so far, scoring included."""


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One trial, as its row of ``trials.jsonl``."""

    number: int
    state: TrialState
    params: dict[str, Any]
    """What the search space was asked for, by parameter name."""
    config: AdapterConfig | None
    metric: float | None = None
    """Validation score when it ended; None for a trial that has none."""
    trainable_params: int | None = None
    peak_memory_bytes: int | None = None
    """Predicted peak training memory of this configuration alone."""
    rungs: tuple[RungRecord, ...] = ()
    seconds: float = 0.0
    cause: str = ""
    """Why it was stopped, refused or failed; empty for a complete one."""
    started_at: str = ""
    ended_at: str = ""
