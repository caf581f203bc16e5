"""Rates of one configuration that meet on the rows of one seed: the worse ones are stopped as trials are.

Knows what adapters say at rungs; trains nothing. Only the best of the rates is a candidate, and at the same size the
rule for trials (``domination``) says which can no longer be it. What is free stops none: a rival must not be lost
because all rates are slow to begin.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from autolora.domination import RUNGS, Costs, Judge

_ALIKE = Costs(trainable_params=0, peak_memory_bytes=0)


@dataclass(frozen=True, kw_only=True)
class Race:
    """One grid on one seed."""

    names: list[str]
    """Of its trainings; more may come."""
    spared: Collection[str]
    """Those that are trained in full whatever is better: a candidate by themselves."""
    judge: Judge
    """Of the seed's validation rows."""

    def __post_init__(self) -> None:
        """Enter all rates."""
        names, self.names[:] = list(self.names), []
        for name in names:
            self.enter(name)

    def enter(self, name: str) -> None:
        """Make a rate known; all cost the same."""
        self.judge.enter(len(self.names), _ALIKE)
        self.names.append(name)

    def passed(self, name: str, rung: int, outputs: NDArray[Any]) -> dict[str, str]:
        """Keep what a rate's adapter says at a rung, and return the rates that are out, with the reason.

        Args:
            name: Of its training.
            rung: Number in ``RUNGS``.
            outputs: On the seed's validation rows; see ``Problem.outputs``.
        """
        self.judge.record(self.names.index(name), rung, outputs)
        out = {}
        for number, other in enumerate(self.names):
            better = None if other in self.spared else self.judge.dominated_by(number, floor=False)
            if better is not None:
                share = RUNGS[self.judge.latest[number]]
                out[other] = f"{self.names[better]} is better after {share:.0%} of training"
        return out
