"""Intervals of shares, on plain numbers."""

from __future__ import annotations

Z95 = 1.959963984540054
"""Two-sided 95 % of a normal distribution."""


def wilson(right: float, rows: float) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927); numbers of rows may be effective ones."""
    share, z = right / rows, Z95
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    reach = z * ((share * (1 - share) + z**2 / (4 * rows)) / rows) ** 0.5 / (1 + z**2 / rows)
    # Where all rows are alike an end is 0 or 1 exactly, which rounding would miss.
    return (middle - reach if right else 0.0), (middle + reach if right < rows else 1.0)
