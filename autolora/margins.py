"""Whether rows can bear a margin, or it is finer than anything that they could show. Knows counts, limits and metrics.

Where two adapters say the same of every one of n rows, they may still differ on 3/n of all there are: the upper end of
the 95 % interval of a share of which nothing was seen (the rule of three, Hanley and Lippman-Hand 1983, "If nothing
goes wrong, is everything all right?"). No result on n rows can show a margin below that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from autolora.errors import RequestError
from autolora.objectives import Objective
from autolora.recommend import margin_of
from autolora.records import Dataset, Finding
from autolora.request import Limits

_RULE_OF_THREE = 3


def check_margin(limits: Limits, metric: Objective, dataset: Dataset) -> None:
    """Refuse a margin that was asked for and that the validation or test rows cannot bear.

    Raises:
        RequestError: Naming the split, its rows, how many it takes, and the finest margin that these rows bear.
    """
    if limits.margin is None or (found := _too_fine(limits.margin, metric, _rows(dataset))) is None:
        return
    split, rows = found
    least = _finest_in_words(rows)
    raise RequestError(
        f"limits.margin is {limits.margin:g}, but {rows:,} {split} rows bear none below {least}: two adapters that say"
        f" the same of all of them may still differ on 3 rows in {rows:,} (at 95 %)",
        f"give at least {rows_for(limits.margin):,} {split} rows"
        + (f", or ask for a margin of {least} or more" if _finest(rows) <= 1 else ""),
    )


def find_margin(limits: Limits, metric: Objective, dataset: Dataset) -> tuple[Finding, ...]:
    """Return what a person should know where nobody asked for a margin, and the usual one is too fine for the rows."""
    if limits.margin is not None:
        return ()
    message = _told(limits, metric, _rows(dataset))
    hint = "bring more rows, or name a margin that these bear (--margin)"
    return (Finding(code="margin", severity="note", message=message, hint=hint),) if message else ()


def planned_margin(limits: Limits, metric: Objective, dataset: Dataset, *, validation: int, test: int) -> str:
    """Return what is to be said where the rows would bear the margin, but those that there is time for do not.

    Args:
        limits: As asked for.
        metric: That decides.
        dataset: All rows.
        validation: Rows that there is time to choose on.
        test: Rows that there is time to test on.
    """
    whole = _rows(dataset)
    if _told(limits, metric, whole):
        return ""
    part = {split: min(rows, whole[split]) for split, rows in (("validation", validation), ("test", test))}
    message = _told(limits, metric, part)
    return f"{message} There is no time for more." if message else ""


def bears(margin: float, metric: Objective, rows: int) -> bool:
    """Return whether so many rows bear a margin; those of a metric that is no share of them bear any."""
    # Else it is no mean over rows of something between 0 and 1.
    return (metric.worst, metric.best) != (0.0, 1.0) or rows >= rows_for(margin)


def rows_for(margin: float) -> int:
    """Return the rows that a split must have to bear a margin."""
    return math.ceil(_RULE_OF_THREE / margin - 1e-9)


def _told(limits: Limits, metric: Objective, rows: Mapping[str, int]) -> str:
    margin = margin_of(metric, limits, 1.0)
    found = _too_fine(margin, metric, rows)
    if found is None:
        return ""
    split, count = found
    return (
        f"The margin is {margin:g}, but {count:,} {split} rows bear none below {_finest_in_words(count)}: adapters may"
        f" be told to be as good as each other that differ by more. It takes {rows_for(margin):,} {split} rows."
    )


def _too_fine(margin: float, metric: Objective, rows: Mapping[str, int]) -> tuple[str, int] | None:
    """Return the split with fewest rows and their number, if these do not bear the margin."""
    split = min(rows, key=lambda name: rows[name])
    return None if bears(margin, metric, rows[split]) else (split, rows[split])


def _rows(dataset: Dataset) -> dict[str, int]:
    return {"validation": len(dataset.validation), "test": len(dataset.test)}


def _finest(rows: int) -> float:
    return _RULE_OF_THREE / rows


def _finest_in_words(rows: int) -> str:
    """Return the finest margin that rows bear, to three digits that count, rounded up so that they do bear it."""
    finest = _finest(rows)
    digits = max(0, 2 - math.floor(math.log10(finest)))
    return f"{math.ceil(finest * 10**digits - 1e-9) / 10**digits:.{digits}f}".rstrip("0").rstrip(".")
