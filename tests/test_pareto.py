from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.errors import RequestError
from autolora.objectives import PEAK_MEMORY, Objective, losses
from autolora.pareto import hypervolume, on_front

pytestmark = pytest.mark.unit

ACCURACY = Objective(name="accuracy", direction="maximize", unit="share")
points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20)


def test_ties_stay_together() -> None:
    values = np.array([[0.9, 3e9], [0.9, 3e9]])

    assert on_front(losses(values, (ACCURACY, PEAK_MEMORY))).tolist() == [True, True]


def test_a_row_worse_in_one_column_and_equal_in_the_others_is_dominated() -> None:
    values = np.array([[0.9, 3e9], [0.9, 2e9], [0.8, 2e9], [0.95, 9e9]])

    assert on_front(losses(values, (ACCURACY, PEAK_MEMORY))).tolist() == [False, True, False, True]


@given(points)
def test_the_front_is_what_pairwise_comparison_says(rows) -> None:
    array = np.array(rows, dtype=float)
    expected = [not any((other <= row).all() and (other < row).any() for other in array) for row in array]

    assert on_front(array).tolist() == expected


def test_hypervolume_of_hand_computed_cases() -> None:
    assert hypervolume([0.5], [1e3], floor=0.0) == pytest.approx(0.5)
    assert hypervolume([0.5], [1e6], floor=0.0) == 0.0
    assert hypervolume([1.0], [1e3], floor=0.5) == pytest.approx(1.0)
    # Two steps: quality 0.5 at full size, a further 0.3 at a third of it.
    assert hypervolume([0.5, 0.8], [1e3, 1e5], floor=0.0) == pytest.approx(0.5 + 0.3 / 3)
    assert hypervolume([], [], floor=0.4) == 0.0
    assert hypervolume([0.3], [1e2], floor=0.4) == 0.0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(1e2, 1e7)), min_size=1, max_size=15), st.floats(0, 0.9))
def test_another_trial_never_lowers_the_hypervolume(trials, floor) -> None:
    metric, params = zip(*trials, strict=True)

    assert hypervolume(metric, params, floor=floor) >= hypervolume(metric[1:], params[1:], floor=floor) - 1e-12


def test_impossible_reference_points_are_refused() -> None:
    with pytest.raises(RequestError, match="finite"):
        hypervolume([0.5], [1e4], floor=float("nan"))
    with pytest.raises(RequestError, match="best_params must be below"):
        hypervolume([0.5], [1e4], floor=0.1, best_params=1e6, worst_params=1e3)


def test_where_less_is_better_quality_is_measured_from_the_floor_down_to_the_best() -> None:
    lower = hypervolume([12.0, 3.0], [1e3, 1e5], floor=15.0, best=0.0)

    assert lower == pytest.approx(hypervolume([3 / 15, 12 / 15], [1e3, 1e5], floor=0.0))


def test_where_the_floor_is_the_best_already_nothing_is_gained() -> None:
    assert hypervolume([1.0], [1e3], floor=1.0) == 0.0
