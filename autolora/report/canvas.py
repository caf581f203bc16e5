"""What every chart shares: colours, escaping, axes and layout. Knows plotly's JSON, no record.

Colours are the light ones of ``PALETTE``; the page's script swaps them for the dark ones. Each kind of point has
a symbol of its own as well, so that no reading depends on colour. Plotly reads a little HTML in texts, so every
text from outside passes through ``plain``.
"""

from __future__ import annotations

import html
from typing import Any

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


def plain(words: str) -> str:
    """Return a text that plotly shows letter by letter."""
    return html.escape(words, quote=False)


def base_axis(own: Figure) -> Figure:
    """Return an axis with the house's looks under its own settings."""
    title = own.get("title")
    given = {**own, "title": {**title, "font": {"size": 13}, "standoff": 14}} if title else own
    return {"gridcolor": GRID, "linecolor": MUTED, "tickcolor": MUTED, "zeroline": False, "automargin": True, **given}


def base_layout(xaxis: Figure, yaxis: Figure) -> Figure:
    """Return a layout on clear ground with the legend above the plot."""
    return {
        "height": 460,
        "margin": {"l": 56, "r": 18, "t": 16, "b": 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif", "size": 13, "color": INK},
        "hoverlabel": {"bgcolor": BARE, "bordercolor": MUTED, "font": {"color": INK}},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "xaxis": base_axis(xaxis),
        "yaxis": base_axis(yaxis),
    }
