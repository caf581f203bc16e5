"""How sure an adapter is beside how often it is right, as plotly figures. Computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from autolora.report import text
from autolora.report.canvas import BEATEN, CHOSEN, MUTED, Figure, base_layout
from autolora.report.sure import CoverageFigure, ReliabilityFigure

_ALL = [-2, 102]
"""Percent, with air for what lies on an end."""


def draw_reliability(figure: ReliabilityFigure) -> Figure:
    """Return the chart of confidence against how often it is right, with the line on which both are equal."""
    points = figure.points
    bars = {
        "type": "bar",
        "name": "share of the rows",
        "x": [100 * point.middle for point in points],
        "y": [100 * point.share for point in points],
        "width": [9.0] * len(points),
        "hovertext": [f"{text.count(point.rows, 'row')}, {text.percent(point.share)} of all" for point in points],
        "hoverinfo": "text",
        "opacity": 0.35,
        "marker": {"color": BEATEN},
    }
    diagonal = {
        "type": "scatter",
        "mode": "lines",
        "name": "as sure as right",
        "x": [0, 100],
        "y": [0, 100],
        "hoverinfo": "skip",
        "line": {"color": MUTED, "width": 1.2, "dash": "dash"},
    }
    right = _right(
        "right, 95 %",
        [100 * point.confidence for point in points],
        [(point.right, point.right_ci95) for point in points],
        [f"sure at {text.percent(point.confidence)}" for point in points],
    )
    layout = base_layout(
        {"title": {"text": "Confidence (%)"}, "range": _ALL}, {"title": {"text": "Test rows (%)"}, "range": _ALL}
    )
    return {"data": [bars, diagonal, right], "layout": layout}


def draw_coverage(figure: CoverageFigure) -> Figure:
    """Return the chart of how often answers are right against the share of the rows that are answered."""
    points = figure.points
    right = _right(
        "right among those answered, 95 %",
        [100 * point.share for point in points],
        [(point.right, point.right_ci95) for point in points],
        [f"confidence from {point.confidence:.2f} on, {text.percent(point.share)} answered" for point in points],
    )
    right |= {"mode": "lines+markers", "line": {"color": CHOSEN, "width": 1.2}}
    layout = base_layout(
        {"title": {"text": "Rows answered (%), the surest first"}, "range": _ALL},
        {"title": {"text": "Right among those answered (%)"}},
    )
    return {"data": [right], "layout": layout}


def _right(
    name: str, places: list[float], shares: Sequence[tuple[float, tuple[float, float]]], notes: list[str]
) -> Figure:
    """Return markers at shares of right rows, in percent, with their intervals."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": places,
        "y": [100 * right for right, _ in shares],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [100 * (high - right) for right, (_, high) in shares],
            "arrayminus": [100 * (right - low) for right, (low, _) in shares],
            "color": CHOSEN,
            "thickness": 1.8,
            "width": 4,
        },
        "hovertext": [
            f"{text.percent(right)} right ({text.percent(low)} to {text.percent(high)}); {note}"
            for (right, (low, high)), note in zip(shares, notes, strict=True)
        ],
        "hoverinfo": "text",
        "marker": {"symbol": "diamond", "size": 9, "color": CHOSEN},
    }
