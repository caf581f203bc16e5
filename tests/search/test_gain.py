from __future__ import annotations

import numpy as np
import pytest

from autolora.search.gain import expected_gain

pytestmark = pytest.mark.unit

FLOOR, REFERENCE = 0.2, 1.1
QUALITY = np.array([0.5, 0.7, 0.6, 0.4])
PAID = np.array([[0.3, 0.2], [0.8, 0.9], [0.5, 0.1], [0.4, 0.6]])
"""The last is beaten by the first."""


def volume(quality, costs) -> float:
    """Return the hypervolume over the floor, below the reference, by counting the cells of a fine grid."""
    middles = (np.arange(220) + 0.5) * REFERENCE / 220
    best = np.full((220, 220), FLOOR)
    for q, (first, second) in zip(quality, costs, strict=True):
        best = np.where((middles[:, None] > first) & (middles[None, :] > second), np.maximum(best, q), best)
    return float((best - FLOOR).sum() * (REFERENCE / 220) ** 2)


def gain_of(mean, spread, costs, *, quality=QUALITY, paid=PAID):
    arrays = (np.asarray(value, dtype=float) for value in (mean, spread, costs))
    return expected_gain(*arrays, quality=quality, paid=paid, floor=FLOOR, reference=REFERENCE)


@pytest.mark.parametrize("candidate", [(0.65, 0.4, 0.3), (0.9, 0.05, 0.05), (0.55, 0.7, 0.7), (0.95, 1.0, 1.0)])
def test_where_quality_is_certain_the_gain_is_what_the_hypervolume_grows_by(candidate) -> None:
    quality, *costs = candidate
    grown = volume([*QUALITY, quality], [*PAID, costs]) - volume(QUALITY, PAID)

    assert gain_of([quality], [1e-9], [costs]) == pytest.approx([grown], abs=2e-3)


def test_where_quality_is_in_doubt_it_is_the_mean_over_what_it_may_be() -> None:
    draws = np.random.default_rng(0).normal(0.6, 0.15, size=2000)
    each = gain_of(draws, np.full(2000, 1e-9), np.tile([0.45, 0.15], (2000, 1)))

    assert gain_of([0.6], [0.15], [[0.45, 0.15]])[0] == pytest.approx(each.mean(), rel=0.05)


def test_what_is_beaten_beyond_doubt_gains_nothing_and_doubt_is_worth_something() -> None:
    beaten, doubtful, useless = gain_of([0.45, 0.45, 0.1], [1e-9, 0.1, 1e-9], [[0.6, 0.6], [0.6, 0.6], [0.0, 0.0]])

    assert beaten == useless == 0
    assert doubtful > 0


def test_with_no_trial_yet_the_gain_is_all_that_lies_beyond_its_costs() -> None:
    nothing = {"quality": np.zeros(0), "paid": np.zeros((0, 2))}

    assert gain_of([0.7], [1e-9], [[0.1, 0.6]], **nothing) == pytest.approx([0.5 * 1.0 * 0.5])
