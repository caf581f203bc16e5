"""What ``robustness.json`` keeps: how adapters do on test rows with noise. Plain values."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class NoiseRecord:
    """Test rows with one kind of noise."""

    name: str
    """Of the noise; see ``perturbing.PERTURBATIONS``."""
    changed: float
    """Share of the rows that it changes at all; the others count as they are."""
    scores: dict[str, float]
    """Candidate → its metric with the noise."""
    differences: dict[str, tuple[float, float, float]]
    """Candidate → that less its metric without, on the same rows: (difference, low, high) at 95 %."""


@dataclass(frozen=True, kw_only=True)
class RobustnessRecord:
    """The recommended adapter and the default LoRA, each one's first seed, with noise and without."""

    rows: int = 0
    """Test rows that were put noise to."""
    scores: dict[str, float] = field(default_factory=dict)
    """Candidate → its metric on them without noise."""
    noises: tuple[NoiseRecord, ...] = ()
    left_out: str = ""
    """Why nothing was measured; empty where it was."""
