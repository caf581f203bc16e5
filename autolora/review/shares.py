"""Shares of all test rows from those that were judged, with intervals. Pure, on plain arrays.

A share is the mean of each stratum weighted by the stratum's size (Cochran 1977, section 5.3). Its interval is the hull
of two: the percentile bootstrap over items within strata (Efron 1979), and one that holds where few items were judged
or all alike, for which a bootstrap has no spread: Wilson's for a share, Bonett and Price's (2012) for a paired
difference. The latter two take the effective number of items: as many drawn at random would have the same variance
(Kish 1965). Intervals are over items; that these reviewers stand for others, no interval can say.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autolora.intervals import Z95, wilson
from autolora.review.records import StratumName

_RESAMPLES = 4000
_MOST_MORE = 1_000_000
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Strata:
    """To which stratum each judged item belongs, and how much each stratum weighs."""

    of_items: tuple[StratumName, ...]
    rows: Mapping[StratumName, int]
    """All test rows of each stratum."""

    @property
    def weights(self) -> Floats:
        """What each item weighs, together 1: strata of which nothing was judged count for nothing."""
        judged = {name: self.of_items.count(name) for name in self.rows}
        total = sum(rows for name, rows in self.rows.items() if judged[name])
        return np.array([self.rows[name] / total / judged[name] for name in self.of_items])

    @property
    def effective(self) -> float:
        """How many items drawn at random would say as much."""
        return float(1 / (self.weights**2).sum())

    def means(self, values: Floats) -> Floats:
        """Return weighted means over resamples of the items, each drawn within its stratum.

        Args:
            values: ``(items,)``.
        """
        random = np.random.default_rng(0)
        weighted = values * self.weights
        found = np.zeros(_RESAMPLES)
        for name in dict.fromkeys(self.of_items):
            own = weighted[[at for at, stratum in enumerate(self.of_items) if stratum == name]]
            found += own[random.integers(len(own), size=(_RESAMPLES, len(own)))].sum(axis=1)
        return found


def estimate(values: Sequence[float], strata: Strata) -> float:
    """Return the mean over all test rows of values between 0 and 1, estimated from those of the items."""
    return _clipped(float(np.array(values, dtype=np.float64) @ strata.weights))


def share(values: Sequence[float], strata: Strata) -> tuple[float, tuple[float, float]]:
    """Return the mean of values between 0 and 1 with its 95 % interval.

    Args:
        values: Of each item, means over reviewers.
        strata: Of the items.
    """
    of_items, mean = np.array(values, dtype=np.float64), estimate(values, strata)
    low, high = wilson(mean * strata.effective, strata.effective)
    return mean, _hull(strata.means(of_items), low, high)


def difference(ones: Sequence[float], others: Sequence[float], strata: Strata) -> tuple[float, float, float]:
    """Return the mean of the first values less that of the second on the same items: (difference, low, high) at 95 %.

    Args:
        ones: Of each item, between 0 and 1.
        others: Of the same items.
        strata: Of the items.
    """
    apart = np.array(ones, dtype=np.float64) - np.array(others, dtype=np.float64)
    mean, square, n = float(apart @ strata.weights), float(apart**2 @ strata.weights), strata.effective
    # One item more that one wins and one that it loses.
    middle, spread = n * mean / (n + 2), (n * square + 2) / (n + 2)
    reach = Z95 * ((spread - middle**2) / (n + 2)) ** 0.5
    low, high = _hull(strata.means(apart), max(-1.0, middle - reach), min(1.0, middle + reach))
    return _clipped(mean), low, high


def items_to_reach(share: float, wanted: float, effective: float, items: int) -> int | None:
    """Return about how many more items, judged alike, would put the lower end of a share's interval at what is wanted.

    Args:
        share: Accepted so far.
        wanted: What the lower end is to reach.
        effective: Number of items now.
        items: That were judged: more of them are worth as much a piece.

    Returns:
        None where none would do: the share itself is below.
    """
    if share <= wanted:
        return None

    def reaches(more: int) -> bool:
        n = effective * (items + more) / items
        return wilson(share * n, n)[0] >= wanted

    found = bisect_left(range(_MOST_MORE), True, key=reaches)
    return found if found < _MOST_MORE else None


def _hull(means: Floats, low: float, high: float) -> tuple[float, float]:
    first, last = np.quantile(means, [0.025, 0.975])
    return _clipped(min(low, float(first))), _clipped(max(high, float(last)))


def _clipped(value: float) -> float:
    """Return a share or a difference of shares inside its bounds, from which rounding may have taken it."""
    return min(1.0, max(-1.0, value))
