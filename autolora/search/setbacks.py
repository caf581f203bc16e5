"""What becomes of a job whose engine is lost: it goes on elsewhere, alone if it may be the cause, and not for ever."""

from __future__ import annotations

from dataclasses import dataclass

from autolora.errors import EngineLost
from autolora.records import TrialState

MOST_LOSSES = 3
"""Engines in a row that may be lost without a rung in between: by a search, and by one job."""


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
        if self.losses >= MOST_LOSSES:
            return TrialState.FAILED, f"its engine was lost {self.losses} times before it reached another rung"
        return None
