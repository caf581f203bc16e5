"""The scores of many tasks in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from autolora.report.management.charts import FAINT, GOOD, LINE, drawn

_ROW_INCHES = 0.24


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One task."""

    name: str
    score: float
    interval: tuple[float, float] | None
    rival: float | None
    asked: float | None


def scores(tasks: Sequence[Scored], *, own: str, rival: str, asked: str) -> Markup:
    """Return each task's score with its interval, beside the best rival's and what was asked for."""
    with drawn("scores", 7.0, 0.7 + _ROW_INCHES * len(tasks)) as (axes, out):
        for at, task in enumerate(reversed(tasks)):
            if task.interval is not None:
                axes.plot(task.interval, [at, at], color=LINE, lw=1.5, alpha=0.5)
            axes.plot([task.score], [at], "o", ms=5, color=LINE, label=own if at == 0 else None)
            if task.rival is not None:
                axes.plot([task.rival], [at], "o", ms=5, mfc="none", color=FAINT)
            if task.asked is not None:
                axes.plot([task.asked], [at], "|", ms=10, mew=1.5, color=GOOD)
        axes.plot([], [], "o", ms=5, mfc="none", color=FAINT, label=rival)
        if any(task.asked is not None for task in tasks):
            axes.plot([], [], "|", ms=10, mew=1.5, color=GOOD, label=asked)
        axes.set_yticks(range(len(tasks)), [task.name for task in reversed(tasks)])
        axes.set_ylim(-0.6, len(tasks) - 0.4)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, frameon=False)
    return out.svg
