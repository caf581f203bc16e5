"""Draws the metric against a cost as plotly JSON. Computes nothing but places on the canvas."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from autolora.report import text
from autolora.report.canvas import (
    BASELINE,
    BEATEN,
    CHOSEN,
    FAILED,
    FRONT,
    INK,
    REFUSED,
    STOPPED,
    Figure,
    base_axis,
    base_layout,
    plain,
)
from autolora.report.figures import Level, ParetoFigure, ParetoPoint, PointKind

# Name in the legend, symbol, size and colour; drawn in this order, so the chosen point lies on top.
_KINDS: tuple[tuple[PointKind, str, str, int, str], ...] = (
    ("beaten", "complete, beaten on both axes", "circle-open", 9, BEATEN),
    ("stopped", "stopped at a rung", "triangle-down-open", 9, STOPPED),
    ("unfinished", "unfinished", "hexagon-open", 9, REFUSED),
    ("failed", "failed", "x-thin-open", 9, FAILED),
    ("refused", "refused", "square-open", 8, REFUSED),
    ("front", "complete, on the front", "circle", 10, FRONT),
    ("chosen", "chosen", "star", 17, CHOSEN),
)

_BASELINE_SYMBOLS = ("diamond", "pentagon", "hourglass", "hexagram")


def draw_pareto(figure: ParetoFigure) -> Figure:
    """Return the chart of the metric against a cost; trials without a score stand on a strip of their own."""
    is_params = figure.cost == "trainable_params"
    scale: Callable[[float], float] = (lambda cost: cost) if is_params else (lambda cost: cost / 1e6)
    axis: Figure = {"title": {"text": "Peak training memory, estimated (MB)"}, "rangemode": "tozero"}
    if is_params:
        costs = [point.cost for point in figure.points if point.cost > 0]
        axis = {"title": {"text": "Trainable parameters (log scale)"}, "type": "log", **_log_ticks(costs)}
    has_strip = any(point.score is None for point in figure.points)
    floor = 0.17 if has_strip else 0.0
    score_axis: Figure = {"title": {"text": plain(f"{figure.metric} ({figure.split})")}, "domain": [floor, 1]}
    near, far = _levels_by_distance(figure)
    layout = base_layout(axis, score_axis)
    layout["legend"]["traceorder"] = "reversed"
    layout["shapes"] = [_level_line(level.score) for level in near]
    layout["annotations"] = [_level_label(level) for level in near] + [
        _far_label(level, height=floor + 0.06 * place) for place, level in enumerate(far)
    ]
    if has_strip:
        layout["xaxis"]["anchor"] = "y2"
        layout["yaxis2"] = {
            **base_axis({"domain": [0, 0.1], "range": [-0.6, 0.6], "showgrid": False, "fixedrange": True}),
            "tickvals": [0],
            "ticktext": ["no score"],
        }
    traces = [_front_trace(figure, scale)] if figure.line else []
    traces += _trial_traces(figure, scale) + _baseline_traces(figure, scale)
    if near:
        # A shape does not stretch an axis: an unseen point at each level does.
        traces.append(_unseen([scale(figure.points[0].cost)], [level.score for level in near]))
    return {"data": traces, "layout": layout}


def _levels_by_distance(figure: ParetoFigure) -> tuple[list[Level], list[Level]]:
    """Return the levels that belong on the chart, and those so far off that showing them would flatten all else."""
    scores = [point.score for point in figure.points if point.score is not None]
    reach = max(0.5 * (max(scores) - min(scores)), 0.02)
    near = [level for level in figure.levels if min(scores) - reach <= level.score <= max(scores) + reach]
    return near, [level for level in figure.levels if level not in near]


def _trial_traces(figure: ParetoFigure, scale: Callable[[float], float]) -> list[Figure]:
    traces: list[Figure] = []
    for kind, name, symbol, size, colour in _KINDS:
        for scored in (True, False):
            points = [point for point in figure.points if point.kind == kind and (point.score is not None) == scored]
            if points:
                trace = _point_trace(points, name, symbol, size, colour, scale)
                # One entry a kind in the legend, whichever of its two traces comes first.
                trace["showlegend"] = not any(other["legendgroup"] == kind for other in traces)
                traces.append(trace)
    return traces


def _baseline_traces(figure: ParetoFigure, scale: Callable[[float], float]) -> list[Figure]:
    baselines = [point for point in figure.points if point.kind == "baseline"]
    return [
        _point_trace(
            [point], plain(point.label), _BASELINE_SYMBOLS[place % len(_BASELINE_SYMBOLS)], 11, BASELINE, scale
        )
        for place, point in enumerate(baselines)
    ]


def _front_trace(figure: ParetoFigure, scale: Callable[[float], float]) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "showlegend": False,
        "x": [scale(cost) for cost, _ in figure.line],
        "y": [score for _, score in figure.line],
        "line": {"shape": "hv", "color": FRONT, "width": 1.5},
        "hoverinfo": "skip",
    }


def _point_trace(
    points: Sequence[ParetoPoint], name: str, symbol: str, size: int, colour: str, scale: Callable[[float], float]
) -> Figure:
    """Return markers for points that all have a score, or for points that all have none."""
    is_scored = points[0].score is not None
    outline = {"width": 1, "color": INK} if points[0].kind == "chosen" else {"width": 1.6, "color": colour}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "legendgroup": plain(points[0].label) if points[0].kind == "baseline" else points[0].kind,
        "x": [scale(point.cost) for point in points],
        "y": [point.score if is_scored else 0 for point in points],
        "yaxis": "y" if is_scored else "y2",
        "hovertext": [plain(point.note) for point in points],
        "hoverinfo": "text",
        "cliponaxis": False,
        "marker": {"symbol": symbol, "size": size, "color": colour, "line": outline},
    }


def _level_line(score: float) -> Figure:
    line = {"color": BASELINE, "width": 1.3, "dash": "dash"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": score, "y1": score, "line": line}


def _level_label(level: Level) -> Figure:
    return {
        "text": plain(f"{level.label} {text.score(level.score)}"),
        "xref": "paper",
        "x": 1,
        "xanchor": "right",
        "yref": "y",
        "y": level.score,
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"color": BASELINE, "size": 12},
    }


def _far_label(level: Level, *, height: float) -> Figure:
    words = plain(f"{level.label} {text.score(level.score)}, off this chart")
    return {**_level_label(level), "text": words, "yref": "paper", "y": height}


def _unseen(xs: Sequence[float], ys: Sequence[float]) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(xs) * len(ys),
        "y": list(ys),
        "marker": {"opacity": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _log_ticks(values: Sequence[float]) -> Figure:
    """Return ticks at 1 and 3 times powers of ten, with the range that holds all values and some air."""
    if not values:
        return {}
    low, high = math.log10(min(values)), math.log10(max(values))
    steps = [factor * 10.0**power for power in range(math.floor(low) - 1, math.ceil(high) + 1) for factor in (1, 3)]
    air = 0.06 * max(high - low, 1)
    return {
        "range": [low - air, high + air],
        "tickvals": steps,
        "ticktext": [text.compact(step) for step in steps],
    }
