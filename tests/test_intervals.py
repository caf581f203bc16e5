"""Intervals of shares."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from autolora.intervals import wilson

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(("right", "rows"), [(0, 5), (3, 9), (90, 100), (7, 7)])
def test_intervals_are_wilsons(right: int, rows: int) -> None:
    theirs = binomtest(right, rows).proportion_ci(method="wilson")

    assert wilson(right, rows) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_where_all_rows_are_alike_an_end_is_exact() -> None:
    assert all(wilson(rows, rows)[1] == 1.0 and wilson(0, rows)[0] == 0.0 for rows in range(1, 200))
