"""Each confirming seed's own split into training and validation rows, and how two candidates compare over all of them.

Knows rows, metrics and numbers; trains nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from autolora.data.redrawing import Redrawn, redrawn, rows_of
from autolora.records import Dataset, Score
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import problem_of

LEVEL = 0.95
"""Of all intervals."""


@dataclass(frozen=True, kw_only=True)
class SeedSplit:
    """The rows of one seed."""

    seed: int
    rows: Redrawn
    scorer: Scorer
    """On its validation rows."""
    train: str
    """What engines call its training rows."""
    validation: str

    @classmethod
    def drawn(cls, dataset: Dataset, metric: str, seed: int) -> SeedSplit:
        """Draw the rows of a seed from a dataset's training and validation rows."""
        rows, problem = redrawn(dataset.train, dataset.validation, seed=seed), problem_of(dataset)
        labels = (*dataset.train.labels, *dataset.validation.labels)
        targets = problem.targets([labels[row] for row in rows.validation])
        return cls(
            seed=seed,
            rows=rows,
            scorer=Scorer.build(metric, targets, len(problem.classes), seed=seed),
            train=f"train-{seed}",
            validation=f"validation-{seed}",
        )

    def of(self, dataset: Dataset) -> Dataset:
        """Return the dataset split as this seed has it."""
        train, validation = (
            rows_of(dataset.train, dataset.validation, rows) for rows in (self.rows.train, self.rows.validation)
        )
        return replace(dataset, train=train, validation=validation)


@dataclass(frozen=True, kw_only=True)
class SeedScores:
    """One candidate's scores on the validation rows of its seeds."""

    scores: dict[int, Score]
    """By seed."""
    replicates: dict[int, NDArray[np.float64]]
    """By seed, the metric on every resample of its rows ``(resamples,)``."""
    same_rows: bool = False
    """Whether all seeds are validated on the same rows."""

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return float(np.mean([score.value for score in self.scores.values()]))

    @property
    def standard_error(self) -> float:
        """Of the mean; see ``_standard_error``."""
        values = [score.value for score in self.scores.values()]
        return _standard_error(values, list(self.replicates.values()), same_rows=self.same_rows)

    def less(self, other: SeedScores, *, comparisons: int = 1) -> tuple[float, float, float]:
        """Return how much higher this candidate's metric is than another's: (difference, low, high).

        The difference is paired: both are trained on the rows of one seed and scored on the rows of one seed, and the
        same resamples of these. The interval holds at 95 % for all of so many comparisons together (Bonferroni).

        Args:
            other: Of a candidate with a seed in common.
            comparisons: How many are made.

        Raises:
            ValueError: If they have no seed in common.
        """
        seeds = self.scores.keys() & other.scores.keys()
        if not seeds:
            raise ValueError("they have no seed in common")
        values = [self.scores[seed].value - other.scores[seed].value for seed in sorted(seeds)]
        replicates = [self.replicates[seed] - other.replicates[seed] for seed in sorted(seeds)]
        reach = float(norm.ppf(1 - (1 - LEVEL) / 2 / comparisons)) * _standard_error(
            values, replicates, same_rows=self.same_rows
        )
        middle = float(np.mean(values))
        return middle, middle - reach, middle + reach


def _standard_error(values: Sequence[float], replicates: Sequence[NDArray[np.float64]], *, same_rows: bool) -> float:
    """Return the standard error of a mean over seeds.

    It has noise of the rows, which resamples show, and noise of seeds and splits, which the spread over seeds shows.
    Where every seed has rows of its own the spread has the rows' noise in it already, and the larger of the two counts;
    where all have the same rows, both do.
    """
    rows = float(np.mean(replicates, axis=0).std())
    if len(values) < 2:
        return rows
    seeds = float(np.std(values, ddof=1) / len(values) ** 0.5)
    return float(np.hypot(rows, seeds)) if same_rows else max(rows, seeds)
