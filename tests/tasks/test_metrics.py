from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error, r2_score

from autolora.tasks.metrics import Scorer

pytestmark = pytest.mark.unit


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_values_are_those_of_scikit_learn(pairs) -> None:
    labels, predictions = (np.array(side) for side in zip(*pairs, strict=True))

    assert Scorer.build("accuracy", labels, 4).value(predictions) == pytest.approx(accuracy_score(labels, predictions))
    assert Scorer.build("macro_f1", labels, 4).value(predictions) == pytest.approx(
        f1_score(labels, predictions, average="macro", zero_division=0)
    )


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_a_replicate_is_the_metric_on_the_resampled_rows(metric) -> None:
    random = np.random.default_rng(1)
    labels, predictions = random.integers(0, 4, 80), random.integers(0, 4, 80)
    scorer = Scorer.build(metric, labels, 4)
    replicates = scorer.replicates(predictions)
    for at in (0, 7, 399):
        rows = np.repeat(np.arange(80), scorer.weights[at].astype(int))
        resampled = Scorer.build(metric, labels[rows], 4)

        assert replicates[at] == pytest.approx(resampled.value(predictions[rows]))


several = st.lists(st.tuples(*[st.booleans()] * 6), min_size=1, max_size=40).map(lambda rows: np.array(rows))


@given(several)
def test_values_for_several_classes_are_those_of_scikit_learn(rows) -> None:
    true, predicted = rows[:, :3], rows[:, 3:]
    there = np.flatnonzero(true.any(axis=0) | predicted.any(axis=0))

    def value(metric: str) -> float:
        return Scorer.build(metric, true, 3).value(predicted)

    expected = f1_score(true, predicted, labels=there, average="macro", zero_division=0) if len(there) else 0.0
    assert value("macro_f1") == pytest.approx(expected)
    assert value("micro_f1") == pytest.approx(f1_score(true, predicted, average="micro", zero_division=0))
    assert value("accuracy") == pytest.approx(accuracy_score(true, predicted))


numbers = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=40))
def test_values_for_numbers_are_those_of_scikit_learn(pairs) -> None:
    true, predicted = (np.array(side) for side in zip(*pairs, strict=True))

    assert Scorer.build("mae", true, 0).value(predicted) == pytest.approx(mean_absolute_error(true, predicted))
    if true.std() > 1e-3 * np.abs(true).max():
        assert Scorer.build("r2", true, 0).value(predicted) == pytest.approx(r2_score(true, predicted), rel=1e-6)


def test_where_all_numbers_are_equal_r2_is_as_in_scikit_learn() -> None:
    scorer = Scorer.build("r2", np.array([2.0, 2.0]), 0)

    assert scorer.value(np.array([2.0, 2.0])) == r2_score([2.0, 2.0], [2.0, 2.0]) == 1.0
    assert scorer.value(np.array([2.0, 3.0])) == r2_score([2.0, 2.0], [2.0, 3.0]) == 0.0


def test_large_numbers_lose_no_digits() -> None:
    true = 1e9 + np.arange(50.0)
    predicted = true + np.where(np.arange(50) % 2, 1.0, -1.0)

    assert Scorer.build("r2", true, 0).value(predicted) == pytest.approx(r2_score(np.arange(50.0), predicted - 1e9))


@pytest.mark.parametrize("metric", ["macro_f1", "micro_f1", "accuracy", "mae", "r2"])
def test_a_replicate_of_other_labels_is_the_metric_on_the_resampled_rows(metric) -> None:
    random = np.random.default_rng(1)
    shape = (60,) if metric in ("mae", "r2") else (60, 4)
    true, predicted = random.normal(size=shape), random.normal(size=shape)
    classes = 0 if metric in ("mae", "r2") else 4
    if classes:
        true, predicted = true > 0.5, predicted > 0.5
    scorer = Scorer.build(metric, true, classes)
    replicates = scorer.replicates(predicted)
    for at in (0, 7, 399):
        rows = np.repeat(np.arange(60), scorer.weights[at].astype(int))

        assert replicates[at] == pytest.approx(Scorer.build(metric, true[rows], classes).value(predicted[rows]))


def test_the_standard_error_of_accuracy_is_the_binomial_one() -> None:
    labels = np.zeros(500, dtype=int)
    predictions = np.where(np.arange(500) < 350, 0, 1)
    score = Scorer.build("accuracy", labels, 2).score(predictions)

    assert score.value == 0.7
    assert score.standard_error == pytest.approx((0.7 * 0.3 / 500) ** 0.5, rel=0.15)


def test_a_paired_difference_is_less_noisy_than_its_parts() -> None:
    random = np.random.default_rng(2)
    labels = random.integers(0, 3, 300)
    first = np.where(random.random(300) < 0.7, labels, (labels + 1) % 3)
    second = np.where(random.random(300) < 0.03, (first + 1) % 3, first)
    scorer = Scorer.build("accuracy", labels, 3)
    difference, low, high = scorer.difference95(first, second)
    own_low, own_high = scorer.interval95(first)

    assert low <= difference <= high
    assert high - low < (own_high - own_low) / 2
