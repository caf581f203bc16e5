"""What becomes of a job whose engine or lease is lost: it goes on, alone if it may be the cause, and not for ever."""

from __future__ import annotations

from dataclasses import dataclass

from autolora.errors import EngineLost
from autolora.records import TrialState

MOST_LOSSES = 3
"""Engines in a row that may be lost without a rung in between, by a search; by one job, engines and leases."""


@dataclass
class Setbacks:
    """What a job has been through since its last rung."""

    losses: int = 0
    alone: bool = False
    """Whether it is to share no step with others from now on."""

    def suffer(self, slot: str, lost: EngineLost) -> tuple[TrialState, str] | None:
        """Note a lost engine; return how the job ends for it, with the cause, or None if it is to go on elsewhere."""
        self.losses += 1
        if lost.hanging == (slot,):
            return TrialState.TIMED_OUT, f"{lost.message} in a step of this trial"
        self.alone = self.alone or slot in lost.hanging
        return self._end("engine")

    def lose_lease(self) -> tuple[TrialState, str] | None:
        """Note a lost lease, and return the same."""
        self.losses += 1
        return self._end("lease")

    def _end(self, what: str) -> tuple[TrialState, str] | None:
        if self.losses < MOST_LOSSES:
            return None
        return (
            TrialState.FAILED,
            f"engines or leases were lost {self.losses} times before it reached another rung, its {what} last",
        )
