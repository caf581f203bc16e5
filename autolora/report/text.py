"""Numbers and names as a person reads them, with their unit. Knows no record and no page."""

from __future__ import annotations

import math
from collections.abc import Sequence

NOTHING = "–"
"""Stands where a record has no value."""

_METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "weighted_f1": "weighted F1",
    "mcc": "Matthews correlation",
    "mae": "mean absolute error (less is better)",
    "r2": "R²",
    "chrf": "chrF",
    "rouge_l": "ROUGE-L",
    "token_f1": "token F1",
    "exact_match": "exact match",
    "completion_loss": "answer loss (less is better)",
}


def metric_name(key: str) -> str:
    """Return a metric's name in words: ``"macro_f1"`` is ``"macro-F1"``."""
    return _METRICS.get(key, key.replace("_", " "))


def number(value: float) -> str:
    """Return a whole number with commas between thousands."""
    return f"{value:,.0f}"


def count(value: int, one: str, many: str = "") -> str:
    """Return a number of things: ``"12,296 parameters"``, ``"1 parameter"``."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def score(value: float | None) -> str:
    """Return a score or a difference of scores to three decimals, to fewer where it is large."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return "not a number"
    decimals = 3 if abs(value) < 10 else 2 if abs(value) < 1000 else 0
    return f"{value:,.{decimals}f}".replace("-", "−")


def signed(value: float) -> str:
    """Return a difference with its sign, also when it is positive."""
    return score(value) if value < 0 else f"+{score(value)}"


def interval(low: float, high: float) -> str:
    """Return an interval of scores."""
    return f"{score(low)} to {score(high)}"


def size(value: float) -> str:
    """Return bytes in decimal units: 1 MB is 1,000,000 bytes."""
    for unit, bytes_in_it in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        # 999,950 bytes would print as 1000 kB: the step to the next unit is where rounding reaches it.
        if value >= bytes_in_it * 0.9995:
            scaled = value / bytes_in_it
            return f"{scaled:.2f} {unit}" if unit == "GB" else f"{scaled:.{0 if scaled >= 99.95 else 1}f} {unit}"
    return f"{value:.0f} B"


def duration(seconds: float) -> str:
    """Return a duration in its two largest units: ``"3 min 20 s"``."""
    if 0 < seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


def percent(share: float) -> str:
    """Return a share in percent, with two digits that count when it is small."""
    value = share * 100
    if value == 0 or value >= 99.95:
        return f"{value:.0f} %"
    if value >= 10:
        return f"{value:.1f} %"
    return f"{plain(value, digits=2)} %"


def rough_percent(share: float) -> str:
    """Return a share that is only an estimate in whole percent: ``"36 %"``, ``"under 1 %"``."""
    return "under 1 %" if 0 < share < 0.005 else f"{share * 100:.0f} %"


def plain(value: float, *, digits: int = 3) -> str:
    """Return a number to so many digits that count, never in powers of ten: ``0.00012``."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{decimals}f}".replace("-", "−")
    return text.rstrip("0").rstrip(".") if "." in text else text


def compact(value: float) -> str:
    """Return a tick of an axis: ``"30k"``, ``"1M"``."""
    for unit, one in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= one:
            return f"{plain(value / one)}{unit}"
    return plain(value)


def ranges(numbers: Sequence[int]) -> str:
    """Return whole numbers with runs joined: ``(0, 1, 2, 5)`` is ``"0–2, 5"``."""
    runs: list[list[int]] = []
    for value in sorted(set(numbers)):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


_VAGUE = frozenset({"dense", "fc", "linear", "proj"})
"""Last parts of module names that say nothing by themselves."""


def short_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return dotted names cut to the shortest ends that still tell them apart; vague ones stay whole."""

    def shortest(name: str) -> str:
        parts = name.split(".")
        if parts[-1] in _VAGUE:
            return name
        for length in range(1, len(parts) + 1):
            end = ".".join(parts[-length:])
            if not any(other != name and f".{other}".endswith(f".{end}") for other in names):
                return end
        return name

    return tuple(shortest(name) for name in names)


def moment(iso: str) -> str:
    """Return an ISO 8601 time in UTC as ``"2025-03-01 12:30 UTC"``; another text as it is."""
    if len(iso) < 16 or iso[10] not in "T ":
        return iso
    return f"{iso[:10]} {iso[11:16]} UTC"
