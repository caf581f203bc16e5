"""Durations and sizes as people write and read them: ``1h30m``, ``8GB``."""

from __future__ import annotations

import re
from fractions import Fraction

from autolora.errors import RequestError
from autolora.values import shown

_UNITS = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([A-Za-z]{0,3})")
_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)"
_DURATION = re.compile(rf"(?:{_NUMBER}\s*h)?\s*(?:{_NUMBER}\s*m)?\s*(?:{_NUMBER}\s*s)?", re.IGNORECASE)


def parse_duration(text: str) -> float:
    """Return a duration such as ``"15m"``, ``"90s"``, ``"2h"`` or ``"1h30m"`` in minutes.

    Raises:
        RequestError: If it is not spelt like these, or is nothing.
    """
    match = _DURATION.fullmatch(text.strip()) if text.strip() else None
    if match is None:
        raise RequestError(
            f"a duration must be hours, minutes and seconds such as 1h30m, 15m or 90s, but got {shown(text)}",
            f"write {text.strip()}m for minutes" if re.fullmatch(_NUMBER, text.strip()) else "write, for example, 15m",
        )
    hours, minutes, seconds = (Fraction(part or 0) for part in match.groups())
    total = float(hours * 60 + minutes + seconds / 60)
    if total == 0:
        raise RequestError(f"a duration must be longer than nothing, but got {shown(text)}", "write, for example, 15m")
    return total


def parse_size(text: str) -> int:
    """Return a size such as ``"8GB"``, ``"512MB"``, ``"8GiB"`` or ``"8000000000"`` in bytes.

    Raises:
        RequestError: If it is not spelt like these.
    """
    match = _SIZE.fullmatch(text.strip())
    unit = _UNITS.get((match[2] or "B").upper()) if match else None
    if match is None or unit is None:
        raise RequestError(
            f"a size must be a number of bytes, or a number and one of KB, MB, GB, TB, KiB, MiB, GiB, TiB,"
            f" but got {shown(text)}",
            "write, for example, 8GB",
        )
    return int(Fraction(match[1]) * unit)


OUT_OF_TIME = "the budget ended before it was trained"


def in_minutes(seconds: float) -> str:
    """Return a duration as a person reads it: in seconds below a minute and a half, else in minutes."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.2g} min" if seconds < 600 else f"{seconds / 60:.0f} min"


def why_no_time(needed: float, left: float) -> str:
    """Return that something would take more seconds than are left, and how many of either; empty where it fits."""
    if needed <= left:
        return ""
    return f"it would take about {in_minutes(needed)}, and {in_minutes(max(0.0, left))} were left"
