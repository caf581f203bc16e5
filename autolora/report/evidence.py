"""Looks up the record field that a reason rests on. Knows paths, not what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autolora.report import text
from autolora.report.source import SearchReport

_UNKNOWN = object()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A record field and what it holds."""

    path: str
    """As the recommendation names it, e.g. ``"confirm.candidates.tfidf.test"``."""
    value: str
    """In words; empty when the records have no such field, or it holds nothing."""


def evidence(report: SearchReport, path: str) -> Evidence:
    """Return the field at a dotted path, sought in the report first and then in its recommendation."""
    value = _follow(report, path)
    if value is _UNKNOWN and report.recommendation is not None:
        value = _follow(report.recommendation, path.removeprefix("recommendation."))
    return Evidence(path=path, value=_words(value))


def _follow(start: object, path: str) -> object:
    value: Any = start
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(part, _UNKNOWN)
        elif isinstance(value, tuple):
            value = _member(value, part)
        else:
            value = getattr(value, part, _UNKNOWN)
        if value is _UNKNOWN:
            return _UNKNOWN
    return value


def _member(values: tuple[Any, ...], part: str) -> object:
    """Return a member of a tuple by its name, its trial's number, or its place."""
    for value in values:
        names = (getattr(value, key, None) for key in ("name", "number", "trial"))
        if any(name is not None and str(name) == part for name in names):
            return value
    if part.isdecimal() and int(part) < len(values):
        found: object = values[int(part)]
        return found
    return _UNKNOWN


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return text.number(value)
    if isinstance(value, float):
        return text.plain(value)
    if isinstance(value, str):
        return value
    if isinstance(value, tuple) and value and all(isinstance(part, int | float) for part in value):
        return ", ".join(_words(part) for part in value)
    if isinstance(value, tuple):
        return text.count(len(value), "entry", "entries")
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(inner)}" for key, inner in value.items() if _words(inner))
    return ""
