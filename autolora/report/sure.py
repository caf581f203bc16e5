"""Plain records of how sure an adapter is beside how often it is right. Knows records, not plotly."""

from __future__ import annotations

from dataclasses import dataclass

from autolora.intervals import wilson
from autolora.records import Calibration

_BINS = 10
"""Of confidence, each as wide as the others."""


@dataclass(frozen=True, kw_only=True)
class ReliabilityPoint:
    """Test rows of like confidence."""

    middle: float
    """Of the confidences that belong here."""
    confidence: float
    """Mean."""
    right: float
    """Share of the rows."""
    right_ci95: tuple[float, float]
    """Wilson's interval."""
    rows: int
    share: float
    """Of all test rows."""


@dataclass(frozen=True, kw_only=True)
class ReliabilityFigure:
    """Confidence against how often it is right (DeGroot and Fienberg 1983)."""

    points: tuple[ReliabilityPoint, ...]
    """By rising confidence."""
    missing: str = ""


@dataclass(frozen=True, kw_only=True)
class CoveragePlace:
    """The surest rows, as many as are answered."""

    share: float
    right: float
    right_ci95: tuple[float, float]
    confidence: float
    """From which on rows are answered."""


@dataclass(frozen=True, kw_only=True)
class CoverageFigure:
    """How often answers are right against the share of the rows that are answered."""

    points: tuple[CoveragePlace, ...]
    """By rising share."""
    missing: str = ""


def reliability_figure(calibration: Calibration) -> ReliabilityFigure:
    """Return the test rows by confidence; bins without rows are left out."""
    return ReliabilityFigure(
        points=tuple(
            ReliabilityPoint(
                middle=(min(int(each.confidence * _BINS), _BINS - 1) + 0.5) / _BINS,
                confidence=each.confidence,
                right=each.accuracy,
                right_ci95=wilson(round(each.accuracy * each.rows), each.rows),
                rows=each.rows,
                share=each.rows / calibration.rows,
            )
            for each in calibration.bins
        )
    )


def coverage_figure(calibration: Calibration) -> CoverageFigure:
    """Return how often the surest rows are right, by how many they are."""
    return CoverageFigure(
        points=tuple(
            CoveragePlace(
                share=each.share, right=each.accuracy, right_ci95=each.accuracy_ci95, confidence=each.confidence
            )
            for each in calibration.coverage[::-1]
        )
    )
