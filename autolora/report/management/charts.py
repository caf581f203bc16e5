"""The page's pictures as SVG whose text stays text. Knows plain numbers and labels."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

INK, FAINT, LINE, GOOD, BAD = "#1c2733", "#8a97a5", "#1f5fa8", "#2f7d4f", "#b4472f"
_WIDE, _HALF = 7.0, 3.6
"""Inches; the page scales pictures to its columns."""
_FONTS = ["Noto Sans CJK JP", "IPAexGothic", "IPAGothic", "Hiragino Sans", "Yu Gothic", "Meiryo", "DejaVu Sans"]
Shape = Callable[[float], str]
_ROOM = 0.15
"""Of a name's width, beyond it."""
_PLACES = (
    ((0, 9), "center"), ((0, -9), "center"), ((7, 0), "left"), ((-7, 0), "right"),
    ((5, 9), "left"), ((-5, 9), "right"), ((5, -9), "left"), ((-5, -9), "right"),
    ((0, 18), "center"), ((0, -18), "center"),
)  # fmt: skip
"""Of a point's name beside the point, in points of print, the best first."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """How far one number moves the balance."""

    name: str
    low: float
    high: float
    low_label: str
    high_label: str


@dataclass(frozen=True, kw_only=True)
class Point:
    """One way to train."""

    name: str
    size: float
    score: float
    recommended: bool


def cash(
    likely: Sequence[float], band: Sequence[tuple[float, float, float]], *, month: str, band_name: str, shape: Shape
) -> Markup:
    """Return the balance of all cash up to each month, with its band."""
    months = list(range(len(likely)))
    with drawn("cash", _WIDE, 1.8) as (axes, out):
        axes.fill_between(
            months,
            [each[0] for each in band],
            [each[2] for each in band],
            color=LINE,
            alpha=0.16,
            lw=0,
            label=band_name,
        )
        axes.plot(months, likely, color=LINE, lw=2)
        axes.axhline(0, color=INK, lw=0.8)
        axes.set_xlabel(month)
        axes.set_xlim(0, max(months))
        axes.yaxis.set_major_formatter(lambda value, _: shape(value))
        axes.legend(loc="upper left", frameon=False)
    return out.svg


def swings(bars: Sequence[Bar], *, likely: float, shape: Shape) -> Markup:
    """Return how far each number moves the balance, the one that moves it most on top."""
    with drawn("swings", _HALF, 2.4) as (axes, out):
        for at, bar in enumerate(reversed(bars)):
            for value, label, side in ((bar.low, bar.low_label, "low"), (bar.high, bar.high_label, "high")):
                color, alpha = GOOD if value >= likely else BAD, 0.75 if side == "high" else 0.45
                axes.barh(at, value - likely, left=likely, height=0.6, color=color, alpha=alpha)
                place = "left" if value >= likely else "right"
                axes.annotate(
                    label, (value, at), xytext=(3 if place == "left" else -3, 0), textcoords="offset points",
                    ha=place, va="center", fontsize=6, color=FAINT,
                )  # fmt: skip
        axes.axvline(likely, color=INK, lw=0.8)
        axes.set_yticks(range(len(bars)), [bar.name for bar in reversed(bars)])
        axes.xaxis.set_major_formatter(lambda value, _: shape(value))
        axes.margins(x=0.28)
        low, high = axes.get_xlim()
        inside = [tick for tick in axes.get_xticks() if low <= tick <= high]
        axes.set_xticks(inside[:: max(1, len(inside) - 1)])  # amounts are long: the outermost two
        axes.spines["left"].set_visible(False)  # a label at the low end may stand where it would be
        axes.tick_params(axis="y", length=0, pad=6)
    return out.svg


def front(points: Sequence[Point], *, size: str, score: str) -> Markup:
    """Return quality against trained numbers."""
    with drawn("front", _HALF, 2.4) as (axes, out):
        for point in points:
            color = LINE if point.recommended else FAINT
            axes.plot([point.size], [point.score], "o", ms=7 if point.recommended else 5, color=color)
        axes.set_xscale("log")
        axes.set_xlabel(size)
        axes.set_ylabel(score)
        axes.margins(x=0.25, y=0.2)
        _name(axes, sorted(points, key=lambda each: (not each.recommended, each.size)))
    return out.svg


def _name(axes: Any, points: Sequence[Point]) -> None:
    """Write each point's name beside it, at the first place where it covers no other name and no point."""
    from matplotlib.transforms import Bbox

    axes.figure.draw_without_rendering()  # settles the scales
    taken = [
        Bbox.from_extents(x - 4, y - 4, x + 4, y + 4)
        for x, y in axes.transData.transform([(p.size, p.score) for p in points])
    ]
    for point in points:
        text = axes.annotate(
            point.name, (point.size, point.score), xytext=_PLACES[0][0], textcoords="offset points", va="center",
            fontsize=6.5, color=INK if point.recommended else FAINT,
        )  # fmt: skip
        text.set_in_layout(False)  # else the layout would make room for it by narrowing the picture
        for away, side in _PLACES:
            text.set(position=away, ha=side)
            box = text.get_window_extent()
            room = _ROOM * box.width  # the reader's letters may be wider than those that are measured here
            inside = axes.figure.bbox.x0 <= box.x0 - room and box.x1 + room <= axes.figure.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)


@dataclass
class _Out:
    svg: Markup = field(default_factory=Markup)


@contextmanager
def drawn(name: str, width: float, height: float) -> Iterator[tuple[Any, _Out]]:
    """Open a picture, and hand it over as SVG when the caller has drawn."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.font_manager import get_font_names

    out, known = _Out(), set(get_font_names())
    style: Any = {
        "svg.fonttype": "none",  # text stays text: it can be read, searched and shown in the reader's fonts
        "svg.hashsalt": name,  # the same numbers give the same file
        "font.family": [name for name in _FONTS if name in known],  # measures; the page shows texts in its own
        "font.size": 7,
        "text.color": INK,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": INK,
        "ytick.color": INK,
    }
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure.subplots(), out
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    # Trusted: matplotlib escapes every text in it.
    out.svg = Markup(text[text.index("<svg") :])
