from __future__ import annotations

import numpy as np
import pytest

from autolora.domination import Judge
from autolora.races import Race
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import SingleLabel

pytestmark = pytest.mark.unit

LABELS = np.array([0, 1, 2, 0] * 50)


def predictions(share_right: float, *, seed: int = 0) -> np.ndarray:
    wrong = np.random.default_rng(seed).random(len(LABELS)) >= share_right
    return np.where(wrong, (LABELS + 1) % 3, LABELS)


@pytest.fixture
def race() -> Race:
    judge = Judge(SingleLabel(classes=("a", "b", "c")), Scorer.build("accuracy", LABELS, 3))
    return Race(names=["default_lora", "rate_low", "rate_high"], spared=("default_lora",), judge=judge)


def test_a_rate_that_another_beats_beyond_noise_at_the_same_rung_is_out(race) -> None:
    assert race.passed("rate_low", 1, predictions(0.6)) == {}
    assert race.passed("rate_high", 1, predictions(0.9, seed=1)) == {
        "rate_low": "rate_high is better after 33% of training"
    }


def test_rates_within_noise_of_each_other_all_go_on(race) -> None:
    assert race.passed("rate_low", 1, predictions(0.80)) == {}
    assert race.passed("rate_high", 1, predictions(0.82, seed=4)) == {}


def test_results_at_other_rungs_are_not_compared(race) -> None:
    assert race.passed("rate_low", 0, predictions(0.6)) == {}
    assert race.passed("rate_high", 1, predictions(0.9, seed=1)) == {}
    assert race.passed("rate_high", 2, predictions(0.95, seed=1)) == {}
    assert race.passed("rate_low", 1, predictions(0.65)) == {"rate_low": "rate_high is better after 33% of training"}


def test_the_default_at_its_own_rate_is_spared_but_may_put_others_out(race) -> None:
    assert race.passed("rate_low", 1, predictions(0.9, seed=1)) == {}
    assert race.passed("default_lora", 1, predictions(0.6)) == {}
    assert race.passed("default_lora", 2, predictions(0.95)) == {}
    assert race.passed("rate_low", 2, predictions(0.7)) == {"rate_low": "default_lora is better after 100% of training"}


def test_a_rate_that_has_not_left_the_most_frequent_class_goes_on(race) -> None:
    assert race.passed("rate_low", 1, np.zeros_like(LABELS)) == {}
    assert race.passed("rate_high", 1, np.zeros_like(LABELS)) == {}
