"""What is known of a piece of work, with how sure it is and where it comes from; and as terms of the formulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from autolora.economics.model import Terms
from autolora.records.economics import Assumption

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Quantity(Assumption):
    """One number, named as a field of ``Terms``."""

    counted: tuple[float, float] | None = None
    """Of a share that was measured on rows: how many there were of it, and of how many."""

    @property
    def is_range(self) -> bool:
        """Whether it is not known for sure."""
        return self.low < self.high

    def drawn(self, random: np.random.Generator, count: int) -> Array:
        """Return draws ``(count,)``: of a measured share from its beta distribution, else from a triangle.

        A share of which k among n rows were counted has the distribution of Jeffreys' prior after them,
        Beta(k + 1/2, n - k + 1/2) (Brown, Cai and DasGupta 2001). Of what a person entered as least, most likely and
        most the triangular distribution is taken (Johnson 1997).
        """
        if self.counted is not None:
            hits, rows = self.counted
            return random.beta(hits + 0.5, rows - hits + 0.5, count)
        if not self.is_range:
            return np.full(count, float(self.likely))
        return random.triangular(float(self.low), float(self.likely), float(self.high), count)


def likely(known: Sequence[Quantity]) -> Terms[Decimal]:
    """Return what is most likely, in decimals."""
    return Terms(**{each.name: each.likely for each in known})


def as_arrays(known: Sequence[Quantity], **changed: float) -> Terms[Array]:
    """Return what is most likely as arrays of one number, some of them changed."""
    values = {each.name: np.array([float(each.likely)]) for each in known}
    return Terms(**(values | {name: np.array([value]) for name, value in changed.items()}))


def drawn(known: Sequence[Quantity], *, seed: int, count: int) -> Terms[Array]:
    """Return draws of everything, each independent of the others.

    A quantity's draws depend on the seed and its name, so that another one beside it changes none of them.
    """
    return Terms(
        **{
            each.name: each.drawn(np.random.default_rng([seed, *each.name.encode()]), count)
            for each in sorted(known, key=lambda one: one.name)
        }
    )
