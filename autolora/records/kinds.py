"""Words that records are made of: verdicts, precisions, splits, problems, labels, states of trials."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Verdict = Literal["adopt", "keep_default", "use_simpler", "not_ready"]
Precision = Literal["exact", "fast", "4bit"]
SplitName = Literal["train", "validation", "test"]
ProblemType = Literal["single_label", "multi_label", "regression", "generation"]
"""What a row's label is: one class, any number of classes, a number, or a text that is to be written."""
Label = int | float | tuple[int, ...] | str
"""Of one row: the index of its class, the indices of its classes (ascending), its number, or its text."""
QUANTILES = {"least": 0.0, "5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95, "most": 1.0}
"""Which quantiles records keep of lengths and of numbers, by what tables call them."""


class TrialState(StrEnum):
    """How a trial ended, or that it did not yet."""

    RUNNING = "running"
    COMPLETE = "complete"
    """Trained in full; its last score counts."""
    STOPPED = "stopped"
    """Ended early by a decision: dominated at a rung, or the budget was spent."""
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    FAILED = "failed"
    """Broke; ``cause`` says how."""
    REFUSED = "refused"
    """Never trained: the configuration is over a limit, or was tried before."""

    @property
    def is_failure(self) -> bool:
        """Whether the trial ended for a reason that nobody decided on."""
        return self in (TrialState.DIVERGED, TrialState.OUT_OF_MEMORY, TrialState.TIMED_OUT, TrialState.FAILED)
