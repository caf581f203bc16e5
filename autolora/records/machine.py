"""What a machine offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that was looked at."""

    topic: Literal["software", "device", "machine", "network"]
    name: str
    value: str
    state: Literal["ok", "note", "problem"] = "ok"
    hint: str = ""
    """The way out of a problem."""
