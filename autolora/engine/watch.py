"""How long a thread has been at the thing at hand, held against how long such things took so far. Knows only time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PATIENCE_SECONDS = 120.0
"""What anything may take before it counts as hanging, however quick all others were."""
_TIMES_THE_SLOWEST = 20.0
_UNHURRIED = 10.0
"""How many times as long something may take that reads or encodes a whole split."""


@dataclass(frozen=True)
class _AtHand:
    since: float
    slots: tuple[str, ...]
    unhurried: bool


class Watch:
    """Is written by the thread that works and read by any other."""

    def __init__(self, patience_s: float = PATIENCE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience_s
        self._clock = clock
        self._slowest = 0.0
        self._at_hand: _AtHand | None = None

    @contextmanager
    def over(self, *slots: str, unhurried: bool = False) -> Iterator[None]:
        """Watch what is done within, for these slots."""
        self._at_hand = _AtHand(self._clock(), slots, unhurried)
        try:
            yield
        finally:
            self.beat()
            self._at_hand = None

    def beat(self) -> None:
        """Note that a part of it is done, and another begins."""
        at_hand, now = self._at_hand, self._clock()
        if at_hand is not None:
            self._slowest = max(self._slowest, 0.0 if at_hand.unhurried else now - at_hand.since)
            self._at_hand = _AtHand(now, at_hand.slots, at_hand.unhurried)

    def overdue(self) -> tuple[float, tuple[str, ...]] | None:
        """Return for how long, and for which slots, something has been hanging; None while all is well."""
        at_hand = self._at_hand
        if at_hand is None:
            return None
        waited = self._clock() - at_hand.since
        allowed = max(self._patience, _TIMES_THE_SLOWEST * self._slowest)
        return (waited, at_hand.slots) if waited > allowed * (_UNHURRIED if at_hand.unhurried else 1.0) else None
