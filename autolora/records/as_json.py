"""Records as JSON, and back."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def to_json(value: object, *, indent: int = 0) -> str:
    """Return a record as JSON text (not-a-number becomes null)."""
    raw = msgspec.json.encode(value)
    return (msgspec.json.format(raw, indent=indent) if indent else raw).decode()


def from_json(text: str | bytes, kind: type[T]) -> T:
    """Return the record of type ``kind`` that ``to_json`` wrote.

    Raises:
        msgspec.ValidationError: If the text is JSON of another shape.
        msgspec.DecodeError: If it is no JSON.
    """
    return msgspec.json.decode(text, type=kind)
