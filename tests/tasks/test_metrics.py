from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from autolora.errors import RequestError
from autolora.tasks.metrics import Scorer, objective

pytestmark = pytest.mark.unit


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_values_are_those_of_scikit_learn(pairs) -> None:
    labels, predictions = (np.array(side) for side in zip(*pairs, strict=True))

    assert Scorer.build("accuracy", labels, 4).value(predictions) == accuracy_score(labels, predictions)
    assert Scorer.build("macro_f1", labels, 4).value(predictions) == f1_score(
        labels, predictions, average="macro", zero_division=0
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


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RequestError, match="macro_f1, accuracy, but got 'f2'"):
        objective("f2")
