from __future__ import annotations

import numpy as np
import pytest

from autolora.domination import FLOOR, Costs, Judge
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import MultiLabel, Regression, SingleLabel

pytestmark = pytest.mark.unit

LABELS = np.array([0, 1, 2, 0] * 50)
SMALL, LARGE = Costs(trainable_params=10, peak_memory_bytes=10), Costs(trainable_params=20, peak_memory_bytes=20)


def judge() -> Judge:
    return Judge(SingleLabel(classes=("a", "b", "c")), Scorer.build("accuracy", LABELS, 3))


def predictions(share_right: float, *, seed: int = 0) -> np.ndarray:
    wrong = np.random.default_rng(seed).random(len(LABELS)) >= share_right
    return np.where(wrong, (LABELS + 1) % 3, LABELS)


def test_a_trial_that_is_clearly_worse_and_no_cheaper_is_dominated() -> None:
    it = judge()
    it.enter(0, SMALL), it.enter(1, LARGE)
    it.record(0, 0, predictions(0.9))
    it.record(1, 0, predictions(0.7, seed=1))

    assert it.dominated_by(1) == 0
    assert it.dominated_by(0) is None


def test_a_trial_that_dominates_all_others_is_never_stopped() -> None:
    random = np.random.default_rng(0)
    for repeat in range(40):
        it = judge()
        it.enter(0, SMALL)
        it.record(0, 0, predictions(0.95, seed=repeat))
        for other in range(1, 8):
            it.enter(other, LARGE)
            it.record(other, 0, predictions(float(random.uniform(0.3, 0.85)), seed=100 * repeat + other))

        assert it.dominated_by(0) is None


def test_a_cheaper_trial_is_not_stopped_by_a_better_dearer_one() -> None:
    it = judge()
    it.enter(0, SMALL), it.enter(1, LARGE)
    it.record(0, 0, predictions(0.6))
    it.record(1, 0, predictions(0.95, seed=1))

    assert it.dominated_by(0) is None


def test_a_difference_within_noise_stops_nobody() -> None:
    it = judge()
    it.enter(0, SMALL), it.enter(1, LARGE)
    it.record(0, 0, predictions(0.80))
    it.record(1, 0, predictions(0.80, seed=1))

    assert it.dominated_by(1) is None
    assert it.dominated_by(0) is None


def test_equal_trials_do_not_stop_each_other() -> None:
    it = judge()
    it.enter(0, SMALL), it.enter(1, SMALL)
    for trial in (0, 1):
        it.record(trial, 0, predictions(0.8))

    assert (it.dominated_by(0), it.dominated_by(1)) == (None, None)


def test_of_an_error_less_is_better() -> None:
    numbers = np.random.default_rng(0).normal(size=200)
    it = Judge(Regression(), Scorer.build("mae", numbers, 0))
    it.enter(0, SMALL), it.enter(1, LARGE)
    score = it.record(0, 1, numbers + 0.1)
    it.record(1, 1, numbers + 0.3)

    assert score.value == pytest.approx(0.1)
    assert it.floor == pytest.approx(np.abs(numbers - np.median(numbers)).mean())
    assert (it.dominated_by(1), it.dominated_by(0)) == (0, None)
    it.record(0, 2, np.full(200, 0.01))
    assert it.dominated_by(0) == FLOOR


def test_probabilities_are_judged_at_their_best_threshold() -> None:
    truth = np.random.default_rng(0).random((200, 2)) < 0.3
    it = Judge(MultiLabel(classes=("a", "b")), Scorer.build("macro_f1", truth, 2))
    it.enter(0, SMALL)

    assert it.record(0, 0, np.where(truth, 0.2, 0.1)).value == 1.0


def test_nobody_is_stopped_by_a_trial_that_has_hardly_left_the_same_answer_for_every_row() -> None:
    it = judge()
    it.enter(0, SMALL), it.enter(1, LARGE)
    hardly = np.zeros_like(LABELS)
    hardly[[1, 2, 5, 6, 9]] = LABELS[[1, 2, 5, 6, 9]]
    it.record(0, 0, hardly)
    it.record(1, 0, np.zeros_like(LABELS))
    assert it.scores[0, 0] == pytest.approx(it.floor + 0.025)
    assert it.dominated_by(1) is None

    it.record(0, 0, predictions(0.7))

    assert it.dominated_by(1) == 0


def test_only_results_of_the_same_rung_are_compared() -> None:
    it = judge()
    it.enter(0, SMALL), it.enter(1, LARGE)
    it.record(0, 1, predictions(0.95))
    it.record(1, 0, predictions(0.5, seed=1))
    assert it.dominated_by(1) is None

    it.record(0, 0, predictions(0.9))

    assert it.dominated_by(1) == 0


def test_the_floor_is_the_majority_class_from_the_second_rung_on() -> None:
    it = judge()
    it.enter(0, SMALL)
    it.record(0, 0, np.zeros_like(LABELS))
    assert it.dominated_by(0) is None

    it.record(0, 1, np.zeros_like(LABELS))

    assert it.dominated_by(0) == FLOOR
    assert it.floor == pytest.approx(0.5)
