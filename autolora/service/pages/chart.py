"""The front of a search as it grows: computed as a record, then drawn as SVG by a template. Knows records only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autolora.objectives import Objective
from autolora.recommend import front
from autolora.records import TrialRecord, TrialState

WIDTH, HEIGHT, LEFT, BOTTOM, MARGIN = 640, 320, 64, 44, 36
"""Of the drawing, in units of its view box."""


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A trial in the drawing."""

    x: float
    y: float
    number: int
    says: str
    on_front: bool


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What is drawn."""

    dots: tuple[Dot, ...]
    line: str
    """Points of the front's line, as SVG takes them."""
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    metric: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - MARGIN
    top: int = MARGIN
    floor: int = HEIGHT - BOTTOM


def chart_of(trials: Sequence[TrialRecord], metric: Objective) -> Chart | None:
    """Return the chart of trials in full, None before there is one.

    Args:
        trials: All of a search.
        metric: What they are compared by.
    """
    done = [t for t in trials if t.state == TrialState.COMPLETE and t.metric is not None and t.trainable_params]
    if not done:
        return None
    sizes = [math.log10(t.trainable_params or 1) for t in done]
    scores = [t.metric or 0.0 for t in done]
    low, high = math.floor(min(sizes)), max(math.ceil(max(sizes)), math.floor(min(sizes)) + 1)
    bottom, top = _rounded(min(scores), max(scores))

    def x_of(size: float) -> float:
        return round(LEFT + (WIDTH - LEFT - MARGIN) * (size - low) / (high - low), 1)

    def y_of(score: float) -> float:
        return round(MARGIN + (HEIGHT - BOTTOM - MARGIN) * (top - score) / (top - bottom), 1)

    best = {trial.number for trial in front(tuple(done), metric)}
    dots = [
        Dot(
            x=x_of(size),
            y=y_of(score),
            number=trial.number,
            says=f"{score:.3f}, {trial.trainable_params:,}",
            on_front=trial.number in best,
        )
        for trial, size, score in zip(done, sizes, scores, strict=True)
    ]
    line = sorted((dot for dot in dots if dot.on_front), key=lambda dot: dot.x)
    step = (top - bottom) / 4
    return Chart(
        dots=tuple(dots),
        line=" ".join(f"{dot.x},{dot.y}" for dot in line),
        x_ticks=tuple((x_of(power), f"{10**power:,}") for power in range(low, high + 1)),
        y_ticks=tuple((y_of(bottom + at * step), f"{bottom + at * step:.3g}") for at in range(5)),
        metric=metric.name,
    )


def _rounded(low: float, high: float) -> tuple[float, float]:
    """Return round ends that hold a range, some room around it."""
    span = max(high - low, 1e-3)
    step = 10 ** math.floor(math.log10(span))
    return math.floor((low - span / 10) / step) * step, math.ceil((high + span / 10) / step) * step
