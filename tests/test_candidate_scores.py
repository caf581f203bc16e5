"""Scores of candidates on each seed's validation rows and on the test rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from autolora.candidate_scores import CandidateScores
from autolora.engine.baselines import Fitted
from autolora.records import Score, SeedResult
from tests.candidates import candidate

pytestmark = pytest.mark.unit

SEEDS = (6, 7, 8)


@pytest.fixture
def scores(tiny_dataset) -> CandidateScores:
    return CandidateScores.of(tiny_dataset, "accuracy", SEEDS)


def half_wrong(truth: np.ndarray) -> np.ndarray:
    return (truth + np.arange(len(truth)) % 2) % 3


def test_each_seed_is_scored_on_rows_of_its_own(scores) -> None:
    truths = {seed: scores.splits[seed].scorer.targets for seed in SEEDS}
    assert len({truth.tobytes() for truth in truths.values()}) == 3, "else this test shows nothing"

    found = scores.on_validation({seed: half_wrong(truth) for seed, truth in truths.items()})

    assert found.mean == pytest.approx(0.5)
    assert all(score.value == pytest.approx(0.5) for score in found.scores.values())
    assert not found.same_rows
    assert scores.loss(6, half_wrong(truths[6])) == pytest.approx(-0.5)


def test_another_metric_is_that_of_the_same_predictions(scores) -> None:
    predicted = {seed: half_wrong(scores.splits[seed].scorer.targets) for seed in SEEDS}

    expected = [f1_score(scores.splits[seed].scorer.targets, own, average="macro") for seed, own in predicted.items()]
    assert scores.by_metric("macro_f1", predicted) == pytest.approx(np.mean(expected))


def test_a_rival_is_judged_by_its_first_seed_on_the_test_rows(scores, tiny_dataset) -> None:
    def fitted(seed: int, test: np.ndarray) -> Fitted:
        return Fitted(
            name="tfidf",
            description="words",
            validation=scores.splits[seed].scorer.targets,
            test=test,
            parameters=7,
            bytes=56,
            seconds=2.0,
            seconds_a_row=0.001,
        )

    truth = scores.test.targets
    found, predictions = scores.rival({6: fitted(6, half_wrong(truth)), 7: fitted(7, truth)})

    assert found.test == accuracy_score(tiny_dataset.test.labels, predictions) == pytest.approx(0.5)
    assert [seed.test.value for seed in found.seeds if seed.test] == pytest.approx([0.5, 1.0])
    assert found.test_ci95[0] < 0.5 < found.test_ci95[1]
    assert (found.validation, found.seconds, found.trainable_params) == (1.0, 4.0, 7)
    assert found.seconds_a_thousand == pytest.approx(1.0)


def test_a_candidate_gets_test_scores_for_the_seeds_that_have_predictions(scores) -> None:
    seeds = tuple(SeedResult(seed=seed, validation=Score(value=0.5, standard_error=0.1), seconds=1.0) for seed in SEEDS)
    one = candidate("finalist_1", 0.5, 10, seeds=seeds, test=None, test_ci95=None)

    both = scores.with_test(one, {("finalist_1", 6): scores.test.targets, ("finalist_1", 8): scores.test.targets})
    later = scores.with_test(one, {("finalist_1", 8): scores.test.targets})

    assert both.test == 1.0
    assert [seed.test is not None for seed in both.seeds] == [True, False, True]
    assert later.test is None, "the first seed is the one that ships"
