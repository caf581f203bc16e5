"""What a value that a person gave is, how messages show it, what was probably meant. Knows no files and no keys."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, TypeGuard

SHOWN_LENGTH = 80
"""Characters of a value that a message shows."""
LARGEST_WHOLE = 2**53
"""Whole numbers up to here are exact as floats too."""

_NUMBER_AS_TEXT = re.compile(r"([-+]?[0-9]+)(\.[0-9]*)?(?:[eE]([-+]?)([0-9]+))?")


def plain(value: Any) -> Any:
    """Return ``value`` with lists as tuples and numbers (NumPy's too) as Python's own, so that equal means equal."""
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return value


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether ``value`` is a whole number of usable size; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_WHOLE


def is_number(value: object) -> TypeGuard[float]:
    """Return whether ``value`` is a finite number; True and False are none."""
    return is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def is_text(value: object) -> TypeGuard[str]:
    """Return whether ``value`` is text that is not blank."""
    return isinstance(value, str) and bool(value.strip())


def shown(value: object) -> str:
    """Return ``value`` as a message shows it: on one line, and not longer than is useful."""
    try:
        text = repr(list(value)) if isinstance(value, tuple) else repr(value)
    except ValueError:  # Python refuses to spell whole numbers of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."


def listed(names: Iterable[str]) -> str:
    """Return names as a message lists them."""
    return ", ".join(names)


def folded(text: str) -> str:
    """Return ``text`` without differences of case, spacing or character width."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def nearest(wanted: object, names: Iterable[str]) -> str | None:
    """Return the one of ``names`` that reads most like ``wanted``, or None when none comes close."""
    by_fold: dict[str, str] = {}
    for name in names:
        by_fold.setdefault(folded(name), name)
    close = difflib.get_close_matches(folded(str(wanted)[:SHOWN_LENGTH]), list(by_fold), n=1)
    return by_fold[close[0]] if close else None


def number_hint(*values: object) -> str:
    """Return the way out when one of ``values`` is a number given as text, else nothing."""
    for value in values:
        match = _NUMBER_AS_TEXT.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            continue
        whole, fraction, sign, exponent = match.groups()
        if exponent is None:
            return f"{value} is text here; write it without quotes"
        fraction = fraction if fraction and len(fraction) > 1 else ".0"
        return f"YAML reads {value} as text; write {whole}{fraction}e{sign or '+'}{exponent}"
    return ""
