"""How candidates score on each seed's validation rows and on the test rows. Knows rows and outputs; trains nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autolora.engine.baselines import Fitted
from autolora.records import Candidate, Dataset, SeedResult
from autolora.seed_splits import SeedScores, SeedSplit
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import Problem, problem_of

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class CandidateScores:
    """One dataset, one metric, and the fresh seeds with their rows."""

    problem: Problem
    splits: dict[int, SeedSplit]
    """By seed, in the order of the seeds."""
    test: Scorer

    @classmethod
    def of(cls, dataset: Dataset, metric: str, seeds: Sequence[int]) -> CandidateScores:
        """Draw every seed's rows, and the resamples of the test rows."""
        problem = problem_of(dataset)
        return cls(
            problem=problem,
            splits={seed: SeedSplit.drawn(dataset, metric, seed) for seed in seeds},
            test=Scorer.build(metric, problem.targets(dataset.test.labels), len(problem.classes)),
        )

    def decided(self, seed: int, outputs: Array) -> tuple[Array, float | None]:
        """Return what outputs on a seed's validation rows predict, and the threshold that these rows chose."""
        threshold = self.problem.threshold(outputs, self.splits[seed].scorer)
        return self.problem.predictions(outputs, threshold), threshold

    def loss(self, seed: int, outputs: Array) -> float:
        """Return the metric of outputs on a seed's validation rows; the smaller, the better."""
        scorer = self.splits[seed].scorer
        return scorer.objective.loss(scorer.value(self.decided(seed, outputs)[0]))

    def on_validation(self, predictions: dict[int, Array]) -> SeedScores:
        """Return how predictions on each seed's validation rows score."""
        found = {seed: self.splits[seed].scorer.score_and_replicates(own) for seed, own in predictions.items()}
        return SeedScores(
            scores={seed: score for seed, (score, _) in found.items()},
            replicates={seed: replicates for seed, (_, replicates) in found.items()},
            same_rows=len({split.rows for split in self.splits.values()}) == 1,
        )

    def by_metric(self, metric: str, predictions: dict[int, Array]) -> float:
        """Return another metric of predictions on each seed's validation rows, mean over seeds."""
        scorers = {seed: replace(self.splits[seed].scorer, metric=metric) for seed in predictions}
        return float(np.mean([scorers[seed].value(own) for seed, own in predictions.items()]))

    def with_test(self, candidate: Candidate, found: dict[tuple[str, int], Array]) -> Candidate:
        """Return a candidate with its test scores, given predictions on the test rows by candidate and seed."""
        seeds = tuple(
            replace(s, test=self.test.score(found[candidate.name, s.seed])) if (candidate.name, s.seed) in found else s
            for s in candidate.seeds
        )
        first = found.get((candidate.name, candidate.seeds[0].seed))
        if first is None:
            return replace(candidate, seeds=seeds)
        return replace(candidate, seeds=seeds, test=self.test.value(first), test_ci95=self.test.interval95(first))

    def rival(self, fitted: dict[int, Fitted]) -> tuple[Candidate, Array]:
        """Return a rival without an adapter as a candidate, and the first seed's predictions on the test rows.

        Args:
            fitted: By the seeds whose rows it was fitted on.
        """
        decided = {seed: self.decided(seed, own.validation) for seed, own in fitted.items()}
        tested = {seed: self.problem.predictions(own.test, decided[seed][1]) for seed, own in fitted.items()}
        scores = self.on_validation({seed: predictions for seed, (predictions, _) in decided.items()})
        first, test = next(iter(fitted.values())), next(iter(tested.values()))
        candidate = Candidate(
            name=first.name,
            kind="baseline",
            description=first.description,
            seeds=tuple(
                SeedResult(
                    seed=seed,
                    validation=scores.scores[seed],
                    threshold=decided[seed][1],
                    test=self.test.score(tested[seed]),
                    seconds=own.seconds,
                )
                for seed, own in fitted.items()
            ),
            validation=scores.mean,
            validation_standard_error=scores.standard_error,
            test=self.test.value(test),
            test_ci95=self.test.interval95(test),
            trainable_params=first.parameters,
            adapter_bytes=first.bytes,
            peak_memory_bytes=first.peak_memory_bytes,
            seconds_a_thousand=None if first.seconds_a_row is None else 1000 * first.seconds_a_row,
            seconds=sum(own.seconds for own in fitted.values()),
        )
        return candidate, test
