"""What a task is like, in numbers by which a near one is found: counted, and one linear model fitted to some rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from autolora.data import subset
from autolora.engine.baselines import tfidf
from autolora.objectives import metric_named
from autolora.past import gained
from autolora.records import Dataset
from autolora.records.past import Likeness
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import problem_of

_FITTED_ROWS, _SCORED_ROWS = 1_000, 500
_SEED = 0
_MIDDLE = 3
"""Which of the quantiles of lengths is the median."""


def likeness_of(dataset: Dataset, metric: str, token_lengths: Sequence[int]) -> Likeness:
    """Return what a task is like.

    Args:
        dataset: Its rows; the test split is not looked at.
        metric: That decides.
        token_lengths: Quantiles of its training texts' lengths; see ``DataRecord.token_lengths``.
    """
    labels = dataset.train.labels
    counts = Counter(each for label in labels for each in (label if isinstance(label, tuple) else (label,)))
    has_classes = dataset.problem in ("single_label", "multi_label")
    return Likeness(
        problem=dataset.problem,
        rows=len(dataset.train),
        classes=len(dataset.classes),
        tokens=float(token_lengths[_MIDDLE]) if token_lengths else 0.0,
        largest_share=max(counts.values(), default=0) / max(1, len(labels)) if has_classes else 0.0,
        linear=None if dataset.problem == "generation" else _linear(dataset, metric),
    )


def _linear(dataset: Dataset, metric: str) -> float | None:
    """Return what a linear model gains on some validation rows, None where too few words are shared to fit one."""
    train = subset(dataset.train, min(len(dataset.train), _FITTED_ROWS), seed=_SEED)
    validation = subset(dataset.validation, min(len(dataset.validation), _SCORED_ROWS), seed=_SEED)
    problem = problem_of(dataset)
    targets = problem.targets(validation.labels)
    scorer = Scorer.build(metric, targets, len(dataset.classes))
    free = problem.constant(metric, problem.targets(train.labels)).repeat(len(validation), axis=0)
    try:
        fitted = tfidf(problem, metric, train, validation, validation)
    except ValueError:  # scikit-learn's, where no word is left
        return None
    value, floor = (scorer.value(problem.decided(outputs, scorer)) for outputs in (fitted.validation, free))
    return gained(value, metric_named(metric), floor)
