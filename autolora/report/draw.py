"""Turns figure records into plotly figures: plain dictionaries of JSON. Computes nothing and knows no page."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from autolora.report import text
from autolora.report.canvas import (
    BASELINE,
    BEATEN,
    CHOSEN,
    FAILED,
    FRONT,
    REFUSED,
    STOPPED,
    Figure,
    base_layout,
    plain,
)
from autolora.report.draw_pareto import draw_pareto
from autolora.report.draw_sure import draw_coverage, draw_reliability
from autolora.report.figures import ConfirmedFigure, ConfirmedPoint, ParetoFigure, RungFigure
from autolora.report.importance import Importance
from autolora.report.sure import CoverageFigure, ReliabilityFigure

Record = ParetoFigure | RungFigure | ConfirmedFigure | Importance | ReliabilityFigure | CoverageFigure


def draw(record: Record) -> Figure:
    """Return the plotly figure of a record that has something to show."""
    if isinstance(record, ParetoFigure):
        return draw_pareto(record)
    if isinstance(record, RungFigure):
        return draw_rungs(record)
    if isinstance(record, ConfirmedFigure):
        return draw_confirmed(record)
    if isinstance(record, ReliabilityFigure):
        return draw_reliability(record)
    if isinstance(record, CoverageFigure):
        return draw_coverage(record)
    return draw_importance(record)


def draw_rungs(figure: RungFigure) -> Figure:
    """Return the chart of scores over the share of the training, a line a trial."""
    styles: tuple[tuple[str, str, str, float, str], ...] = (
        ("stopped", "stopped at a rung", STOPPED, 1.2, "triangle-down-open"),
        ("failed", "failed", FAILED, 1.2, "x-thin-open"),
        ("unfinished", "unfinished", REFUSED, 1.2, "hexagon-open"),
        ("complete", "complete", FRONT, 1.2, "circle"),
        ("chosen", "chosen", CHOSEN, 3, "star"),
    )
    traces: list[Figure] = []
    for kind, name, colour, width, symbol in styles:
        xs: list[float | None] = []
        ys: list[float | None] = []
        notes: list[str] = []
        # One trace a kind, with a gap between trials: hundreds of traces would make the page slow.
        for curve in (curve for curve in figure.curves if curve.kind == kind):
            for share, score in curve.points:
                xs.append(share)
                ys.append(score)
                notes.append(f"Trial {curve.trial}, {text.score(score)} at {text.percent(share)} of the training")
            xs.append(None)
            ys.append(None)
            notes.append("")
        if xs:
            size = 15 if kind == "chosen" else 7
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": name,
                    "x": xs,
                    "y": ys,
                    "hovertext": notes,
                    "hoverinfo": "text",
                    "opacity": 1 if kind == "chosen" else 0.75,
                    "line": {"color": colour, "width": width},
                    "marker": {
                        "symbol": symbol,
                        "size": size,
                        "color": colour,
                        "line": {"width": 1.4, "color": colour},
                    },
                }
            )
    ticks = {"tickvals": list(figure.shares), "ticktext": [text.percent(share) for share in figure.shares]}
    axis = {"title": {"text": "Share of full training (log scale)"}, "type": "log", **ticks}
    return {
        "data": traces,
        "layout": base_layout(axis, {"title": {"text": plain(f"{figure.metric} ({figure.split})")}}),
    }


def draw_importance(figure: Importance) -> Figure:
    """Return bars of the share of variance that each parameter explains, the largest on top."""
    shares = figure.shares[::-1]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": [share * 100 for _, share in shares],
        "y": [plain(name.replace("_", " ")) for name, _ in shares],
        "text": [text.rough_percent(share) for _, share in shares],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
        "marker": {"color": FRONT},
    }
    layout = base_layout(
        # Room on the right for the number beside the longest bar.
        {"title": {"text": "Variance explained (%)"}, "range": [0, max(1.0, 120 * figure.shares[0][1])]},
        {"automargin": True, "type": "category", "showgrid": False, "zeroline": False},
    )
    return {"data": [trace], "layout": {**layout, "height": 120 + 44 * len(shares), "bargap": 0.45}}


def draw_confirmed(figure: ConfirmedFigure) -> Figure:
    """Return a row for each candidate: its seeds, its validation and its test score with their intervals."""
    points = figure.points[::-1]
    places = range(len(points))
    tested = [(place, point) for place, point in zip(places, points, strict=True) if point.test is not None]
    traces: list[Figure] = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "validation, one seed",
            "x": [value for point in points for value in point.seeds],
            "y": [place + 0.16 for place, point in zip(places, points, strict=True) for _ in point.seeds],
            "marker": {"symbol": "line-ns-open", "size": 11, "color": BEATEN, "line": {"width": 1.6, "color": BEATEN}},
            "hoverinfo": "x",
        },
        _interval_trace(
            "validation, mean of seeds, 95 %",
            [
                (place + 0.16, point.validation, point.validation_ci95)
                for place, point in zip(places, points, strict=True)
            ],
            "circle-open",
            FRONT,
        ),
    ]
    if tested:
        traces.append(
            _interval_trace(
                "test, first seed, 95 %",
                [(place - 0.16, point.test or 0.0, point.test_ci95) for place, point in tested],
                "diamond",
                CHOSEN,
            )
        )
    axis: Figure = {"title": {"text": plain(figure.metric)}}
    if far := _far_place(points, less_is_better=figure.less_is_better):
        # Found off the axis, so that one useless baseline does not squeeze the rows that matter.
        axis["range"] = _reach([point for point in points if point is not points[far.place]])
    names = [
        "<br>".join(plain(line) for line in textwrap.wrap(point.label, 18, max_lines=2, placeholder="…"))
        for point in points
    ]
    names = [f"<b>{name}</b>" if point.chosen else name for name, point in zip(names, points, strict=True)]
    layout = base_layout(
        axis,
        {"tickvals": list(places), "ticktext": names, "automargin": True, "range": [-0.6, len(points) - 0.4]},
    )
    layout["yaxis"] |= {"showgrid": False, "zeroline": False}
    layout["annotations"] = [_off_axis(far, right=figure.less_is_better)] if far else []
    return {"data": traces, "layout": {**layout, "height": 150 + 58 * len(points)}}


class _Far(NamedTuple):
    """A row that is far worse than all others."""

    place: int
    score: float


def _far_place(points: Sequence[ConfirmedPoint], *, less_is_better: bool) -> _Far | None:
    """Return the row that is worse than the others by more than they lie apart, if there is one."""
    if len(points) < 3:
        return None
    worst, *others = sorted(points, key=lambda point: point.validation, reverse=less_is_better)
    span = abs(others[-1].validation - others[0].validation)
    least = 0.0 if less_is_better else 0.1  # of a score without a unit, a tenth is seen beside the others
    if abs(others[0].validation - worst.validation) <= max(span, least):
        return None
    return _Far(place=list(points).index(worst), score=worst.validation)


def _reach(points: Sequence[ConfirmedPoint]) -> list[float]:
    """Return the axis that holds all intervals, seeds and test scores, with some air."""
    values = [value for point in points for value in (*point.validation_ci95, *point.seeds, *(point.test_ci95 or ()))]
    values += [point.test for point in points if point.test is not None]
    air = 0.05 * (max(values) - min(values)) or 0.01
    return [min(values) - air, max(values) + air]


def _off_axis(far: _Far, *, right: bool) -> Figure:
    words = f"{text.score(far.score)}, off this chart"
    return {
        "text": f"{words} →" if right else f"← {words}",
        "xref": "paper",
        "x": 0.99 if right else 0.01,
        "xanchor": "right" if right else "left",
        "yref": "y",
        "y": far.place,
        "showarrow": False,
        "font": {"color": BASELINE, "size": 12},
    }


def _interval_trace(
    name: str, rows: Sequence[tuple[float, float, tuple[float, float] | None]], symbol: str, colour: str
) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [value for _, value, _ in rows],
        "y": [place for place, _, _ in rows],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [ends[1] - value if ends else 0 for _, value, ends in rows],
            "arrayminus": [value - ends[0] if ends else 0 for _, value, ends in rows],
            "color": colour,
            "thickness": 1.8,
            "width": 4,
        },
        "hovertext": [
            f"{text.score(value)} ({text.interval(*ends)})" if ends else text.score(value) for _, value, ends in rows
        ],
        "hoverinfo": "text",
        "marker": {"symbol": symbol, "size": 10, "color": colour, "line": {"width": 1.8, "color": colour}},
    }
