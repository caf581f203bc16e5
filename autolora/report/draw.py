"""Turns figure records into plotly figures: plain dictionaries of JSON. Computes nothing and knows no page.

Colours are the light ones of ``PALETTE``; the page's script swaps them for the dark ones. Each kind of point has
a symbol of its own as well, so that no reading depends on colour. Plotly reads a little HTML in texts, so every
text from outside passes through ``plain``.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from typing import Any

from autolora.report import text
from autolora.report.figures import ConfirmedFigure, ParetoFigure, ParetoPoint, PointKind, RungFigure
from autolora.report.importance import Importance

Figure = dict[str, Any]

INK, MUTED, GRID, BARE = "#1b1f24", "#59616b", "#e1e5ea", "#fdfdfc"
CHOSEN, FRONT, BEATEN, STOPPED = "#d55e00", "#0072b2", "#6b7684", "#a87400"
FAILED, REFUSED, BASELINE = "#a3336f", "#5b5f67", "#00785a"

PALETTE: tuple[tuple[str, str], ...] = (
    (INK, "#e7e9ec"),
    (MUTED, "#a3abb5"),
    (GRID, "#30363e"),
    (BARE, "#15181c"),
    (CHOSEN, "#ff8f45"),
    (FRONT, "#5cb3e8"),
    (BEATEN, "#98a3b1"),
    (STOPPED, "#e0b040"),
    (FAILED, "#e583b6"),
    (REFUSED, "#8d939c"),
    (BASELINE, "#45c79b"),
)
"""Each colour on light ground with its partner on dark ground; Okabe and Ito's hues, told apart by the colour-blind."""

# Name in the legend, symbol, size and colour; drawn in this order, so the chosen point lies on top.
_KINDS: tuple[tuple[PointKind, str, str, int, str], ...] = (
    ("beaten", "complete, beaten on both axes", "circle-open", 9, BEATEN),
    ("stopped", "stopped at a rung", "triangle-down-open", 9, STOPPED),
    ("unfinished", "unfinished", "hexagon-open", 9, REFUSED),
    ("failed", "failed", "x-thin-open", 9, FAILED),
    ("refused", "refused", "square-open", 8, REFUSED),
    ("baseline", "baseline", "diamond", 11, BASELINE),
    ("front", "complete, on the front", "circle", 10, FRONT),
    ("chosen", "chosen", "star", 17, CHOSEN),
)


def plain(words: str) -> str:
    """Return a text that plotly shows letter by letter."""
    return html.escape(words, quote=False)


def draw_pareto(figure: ParetoFigure) -> Figure:
    """Return the chart of the metric against a cost; trials without a score stand on a strip of their own."""
    is_params = figure.cost == "trainable_params"
    scale: Callable[[float], float] = (lambda cost: cost) if is_params else (lambda cost: cost / 1e6)
    traces: list[Figure] = []
    if figure.line:
        traces.append(_front_trace(figure, scale))
    for kind, name, symbol, size, colour in _KINDS:
        for scored in (True, False):
            points = [point for point in figure.points if point.kind == kind and (point.score is not None) == scored]
            if points:
                # One entry a kind in the legend, whichever of its two traces comes first.
                first = not any(trace.get("legendgroup") == kind for trace in traces)
                traces.append(_point_trace(points, name, symbol, size, colour, scale, scored=scored, legend=first))
    axis: Figure = {"title": {"text": "Peak training memory, estimated (MB)"}, "rangemode": "tozero"}
    if is_params:
        costs = [point.cost for point in figure.points if point.cost > 0]
        axis = {"title": {"text": "Trainable parameters (log scale)"}, "type": "log", **_log_ticks(costs)}
    has_strip = any(point.score is None for point in figure.points)
    score_axis = {"title": {"text": plain(f"{figure.metric} ({figure.split})")}, "domain": [0.17 if has_strip else 0, 1]}
    layout = _layout(axis, score_axis)
    layout["shapes"] = [_level_line(level.score) for level in figure.levels]
    layout["annotations"] = [_level_label(level.label, level.score) for level in figure.levels]
    if has_strip:
        layout["xaxis"]["anchor"] = "y2"
        layout["yaxis2"] = {
            **_axis({"domain": [0, 0.1], "range": [-0.6, 0.6], "showgrid": False, "fixedrange": True}),
            "tickvals": [0],
            "ticktext": ["no score"],
        }
    if figure.levels:
        # A shape does not stretch an axis: an unseen point at each level does.
        traces.append(_unseen([scale(figure.points[0].cost)], [level.score for level in figure.levels]))
    return {"data": traces, "layout": layout}


def _front_trace(figure: ParetoFigure, scale: Callable[[float], float]) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "front",
        "x": [scale(cost) for cost, _ in figure.line],
        "y": [score for _, score in figure.line],
        "line": {"shape": "hv", "color": FRONT, "width": 1.5},
        "hoverinfo": "skip",
    }


def _point_trace(
    points: Sequence[ParetoPoint],
    name: str,
    symbol: str,
    size: int,
    colour: str,
    scale: Callable[[float], float],
    *,
    scored: bool,
    legend: bool,
) -> Figure:
    trace: Figure = {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "legendgroup": points[0].kind,
        "showlegend": legend,
        "x": [scale(point.cost) for point in points],
        "y": [point.score if scored else 0 for point in points],
        "hovertext": [plain(point.note) for point in points],
        "hoverinfo": "text",
        "marker": {"symbol": symbol, "size": size, "color": colour, "line": {"width": 1.6, "color": colour}},
    }
    if points[0].kind == "chosen":
        trace["marker"]["line"] = {"width": 1, "color": INK}
    if points[0].kind == "baseline":
        trace |= {
            "mode": "markers+text",
            "text": [plain(point.label) for point in points],
            "textposition": "bottom left",
            "textfont": {"color": BASELINE, "size": 12},
            "cliponaxis": False,
        }
    if not scored:
        trace["yaxis"] = "y2"
    return trace


def _level_line(score: float) -> Figure:
    line = {"color": BASELINE, "width": 1.3, "dash": "dash"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": score, "y1": score, "line": line}


def _level_label(label: str, score: float) -> Figure:
    return {
        "text": plain(f"{label} {text.score(score)}"),
        "xref": "paper",
        "x": 0,
        "xanchor": "left",
        "yref": "y",
        "y": score,
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"color": BASELINE, "size": 12},
    }


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
                    "marker": {"symbol": symbol, "size": size, "color": colour, "line": {"width": 1.4, "color": colour}},
                }
            )
    ticks = {"tickvals": list(figure.shares), "ticktext": [text.percent(share) for share in figure.shares]}
    axis = {"title": {"text": "Share of the full training length (log scale)"}, "type": "log", **ticks}
    return {"data": traces, "layout": _layout(axis, {"title": {"text": plain(f"{figure.metric} ({figure.split})")}})}


def draw_importance(figure: Importance) -> Figure:
    """Return bars of the share of variance that each parameter explains, the largest on top."""
    shares = figure.shares[::-1]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": [share * 100 for _, share in shares],
        "y": [plain(name.replace("_", " ")) for name, _ in shares],
        "text": [text.percent(share) for _, share in shares],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
        "marker": {"color": FRONT},
    }
    layout = _layout(
        {"title": {"text": "Share of the variance explained (%)"}, "rangemode": "tozero"},
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
            [(place + 0.16, point.validation, point.validation_ci95) for place, point in zip(places, points, strict=True)],
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
    names = [f"<b>{plain(point.label)}</b>" if point.chosen else plain(point.label) for point in points]
    layout = _layout(
        {"title": {"text": plain(figure.metric)}},
        {"tickvals": list(places), "ticktext": names, "automargin": True, "range": [-0.6, len(points) - 0.4]},
    )
    layout["yaxis"] |= {"showgrid": False, "zeroline": False}
    return {"data": traces, "layout": {**layout, "height": 150 + 58 * len(points)}}


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
        "hovertext": [f"{text.score(value)} ({text.interval(*ends)})" if ends else text.score(value) for _, value, ends in rows],
        "hoverinfo": "text",
        "marker": {"symbol": symbol, "size": 10, "color": colour, "line": {"width": 1.8, "color": colour}},
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


def _axis(own: Figure) -> Figure:
    title = own.get("title")
    given = {**own, "title": {**title, "font": {"size": 13}, "standoff": 14}} if title else own
    return {"gridcolor": GRID, "linecolor": MUTED, "tickcolor": MUTED, "zeroline": False, "automargin": True, **given}


def _layout(xaxis: Figure, yaxis: Figure) -> Figure:
    return {
        "height": 460,
        "margin": {"l": 56, "r": 18, "t": 16, "b": 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif", "size": 13, "color": INK},
        "hoverlabel": {"bgcolor": BARE, "bordercolor": MUTED, "font": {"color": INK}},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "xaxis": _axis(xaxis),
        "yaxis": _axis(yaxis),
    }
