"""Candidates compared over seeds that have rows of their own."""

from __future__ import annotations

import numpy as np
import pytest

from autolora.records import Score
from autolora.seed_splits import SeedScores, SeedSplit
from autolora.tasks.metrics import Scorer

pytestmark = pytest.mark.unit

SEEDS = (1, 2, 3)


def scores(values, spread=0.02, *, seed=0, same_rows=False) -> SeedScores:
    random = np.random.default_rng(seed)
    return SeedScores(
        scores={at: Score(value=value, standard_error=spread) for at, value in zip(SEEDS, values, strict=False)},
        replicates={at: random.normal(value, spread, 2000) for at, value in zip(SEEDS, values, strict=False)},
        same_rows=same_rows,
    )


def test_a_seeds_rows_are_its_own_and_engines_know_them_by_its_number(tiny_dataset) -> None:
    first, second = (SeedSplit.drawn(tiny_dataset, "accuracy", seed) for seed in (6, 7))

    assert (first.train, first.validation) == ("train-6", "validation-6")
    assert len(first.scorer.targets) == len(first.rows.validation)
    split = first.of(tiny_dataset)
    assert split.test == tiny_dataset.test
    assert len(split.train) + len(split.validation) == len(tiny_dataset.train) + len(tiny_dataset.validation)
    assert split.validation.labels == tuple(first.scorer.targets)
    assert first.rows != second.rows


def test_a_candidate_is_no_better_than_itself() -> None:
    one = scores([0.8, 0.7, 0.9])

    assert one.less(one) == (0.0, 0.0, 0.0)


def test_the_noise_of_rows_shrinks_with_seeds_that_have_rows_of_their_own() -> None:
    assert scores([0.8] * 3).standard_error == pytest.approx(0.02 / 3**0.5, rel=0.05)
    assert scores([0.8]).standard_error == pytest.approx(0.02, rel=0.05)


def test_what_differs_between_seeds_counts_where_it_is_more_than_the_rows_noise() -> None:
    values = [0.7, 0.8, 0.9]

    assert scores(values).standard_error == pytest.approx(0.1 / 3**0.5)
    assert scores(values, same_rows=True).standard_error > 0.1 / 3**0.5, "the rows' noise comes on top"


def test_more_comparisons_make_wider_intervals() -> None:
    one, other = scores([0.8] * 3, seed=1), scores([0.78] * 3, seed=2)

    narrow, wide = one.less(other), one.less(other, comparisons=2)

    assert narrow[0] == wide[0] == pytest.approx(0.02)
    assert wide[1] < narrow[1] < narrow[2] < wide[2]
    assert one.less(other)[1] == pytest.approx(0.02 - 1.96 * 0.02 * (2 / 3) ** 0.5, rel=0.1)


def test_only_seeds_that_both_have_are_compared() -> None:
    one, other = scores([0.8, 0.6, 0.9]), scores([0.7])

    assert one.less(other)[0] == pytest.approx(0.1)
    with pytest.raises(ValueError, match="no seed in common"):
        one.less(scores([]))


def test_the_interval_holds_the_true_difference_about_as_often_as_it_says() -> None:
    """Two candidates that are equally good, on rows that both get right or wrong by chance."""
    random = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        found = [{}, {}]
        for seed in SEEDS:
            truth = random.integers(0, 2, 60)
            scorer = Scorer.build("accuracy", truth, 2, seed=seed)
            for each in found:
                guess = np.where(random.random(60) < 0.8, truth, 1 - truth)
                each[seed] = scorer.score_and_replicates(guess)
        one, other = (
            SeedScores(
                scores={seed: score for seed, (score, _) in each.items()},
                replicates={seed: replicates for seed, (_, replicates) in each.items()},
            )
            for each in found
        )
        _, low, high = one.less(other)
        held += low <= 0 <= high
    assert 0.93 <= held / 300 <= 1.0
