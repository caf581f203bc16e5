"""How far reviewers agree. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import permutations


def alpha(units: Sequence[Sequence[Hashable]]) -> float | None:
    """Return Krippendorff's alpha for nominal values: 1 is full agreement, 0 what chance would give.

    From the coincidence matrix, as in Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", part C: every
    ordered pair of values within a unit of m values counts 1 / (m - 1).

    Args:
        units: Of each thing that was judged, the values that it was given, in any order; those with fewer than two
            are left out.

    Returns:
        Alpha; None where all values are the same, or nothing was judged twice: then it is not defined.
    """
    totals: Counter[Hashable] = Counter()
    same = 0.0
    for values in units:
        if len(values) > 1:
            totals.update(values)
            same += sum(one == other for one, other in permutations(values, 2)) / (len(values) - 1)
    n = totals.total()
    expected = sum(count * (count - 1) for count in totals.values())
    if n * (n - 1) == expected:  # also where there is nothing
        return None
    return ((n - 1) * same - expected) / (n * (n - 1) - expected)


def observed(units: Sequence[Sequence[Hashable]]) -> float | None:
    """Return the share of pairs of values of one unit that are the same; None where nothing was judged twice."""
    shares = [
        sum(one == other for one, other in permutations(values, 2)) / (len(values) * (len(values) - 1))
        for values in units
        if len(values) > 1
    ]
    return sum(shares) / len(shares) if shares else None
