"""Opaque names of what the service keeps: nothing about the user, the machine or the order can be read from them."""

from __future__ import annotations

import re
import secrets
from enum import StrEnum

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: nothing to be mixed up when read aloud
_LENGTH = 20
"""Characters after the prefix: 100 bits of chance."""
_ID = re.compile(rf"(search|batch|plan|check|review|data)_[{_ALPHABET}]{{{_LENGTH}}}")


class Prefix(StrEnum):
    """What an id begins with: the kind of thing that it names."""

    SEARCH = "search"
    BATCH = "batch"
    PLAN = "plan"
    CHECK = "check"
    REVIEW = "review"
    DATA = "data"


def new_id(prefix: Prefix) -> str:
    """Return an id that nobody can guess."""
    return f"{prefix.value}_{''.join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))}"


def is_id(text: str, *prefixes: Prefix) -> bool:
    """Return whether a text is an id, of one of the kinds where any are named; only such become parts of paths."""
    found = _ID.fullmatch(text)
    return found is not None and (not prefixes or found[1] in prefixes)
