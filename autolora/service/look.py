"""What was seen of an uploaded table, as a value: written by the check's process, read by the service."""

from __future__ import annotations

from typing import Any

import msgspec

from autolora.records import DataRecord


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why a search would refuse the table."""

    message: str
    hint: str = ""
    code: str = ""
    """What kind of fault it is, where pages say it in the reader's language."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a table."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    """The first ones; long cells are cut."""
    data: dict[str, Any] = {}
    """Which columns were taken for what, as a task file says it under ``data``."""
    was_guessed: bool = False
    """Whether they were guessed, not said."""
    record: DataRecord | None = None
    """What a search would keep of the table; None where it would refuse it, or no columns are known."""
    trouble: Trouble | None = None

    @property
    def is_ready(self) -> bool:
        """Whether a search can be started with it."""
        return self.record is not None
