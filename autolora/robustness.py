"""Finished adapters on test rows with noise: how much of their score is left when texts are not as clean as these.

Knows rows, predictions and engines that score; trains nothing and chooses nothing. No verdict rests on it: which noise
a task meets, only its owner knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from autolora.data.subsets import part_of
from autolora.engine.jobs import Finished
from autolora.errors import TrialError, TrialOutOfMemory
from autolora.perturbing import PERTURBATIONS, perturbed
from autolora.records import Dataset, Split
from autolora.records.robustness import NoiseRecord, RobustnessRecord
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import problem_of

Array = NDArray[Any]

MOST_ROWS = 1_000
"""Test rows that are put noise to, drawn to keep the shares of the classes; all, where there are no more."""
CANDIDATES = 2
"""The recommended adapter and the default."""


class Passing(Protocol):
    """What this needs of the engines."""

    def outputs_once(self, adapters: Sequence[Finished | None], parts: Sequence[Split]) -> list[list[Any]]:
        """Return, of each part, what the problem keeps of each adapter's scores on its rows, which come only once."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A finished adapter, and what it says of the test rows as they are."""

    name: str
    adapter: Finished
    threshold: float | None
    """Probability from which it gives a label, where a row may have several."""
    predictions: Array


def rows_passed(test_rows: int) -> int:
    """Return how many rows are scored at most, all noises and candidates together."""
    return len(PERTURBATIONS) * CANDIDATES * min(MOST_ROWS, test_rows)


def why_not(problem: str, *, planned: bool) -> str:
    """Return why nothing is measured; empty where it is.

    Args:
        problem: What is learned from a row.
        planned: Whether the plan has time for it.
    """
    if problem == "generation":
        return "Answers are written here; noise is put to rows that are labelled."
    return "" if planned else "Time was short: test rows were scored as they are, and not with noise too."


def under_noise(
    dataset: Dataset, metric: str, candidates: Sequence[Subject], engines: Passing, *, seed: int
) -> RobustnessRecord:
    """Return how candidates do on the test rows with every kind of noise.

    Args:
        dataset: Its test rows are those that predictions are of.
        metric: That decides.
        candidates: Scored in the same passes.
        engines: That hold the base.
        seed: Of the rows that are drawn, where there are many, and of the slips.
    """
    drawn = np.array(part_of(dataset.test, MOST_ROWS, seed=seed))
    part = dataset.test.take(drawn.tolist())
    problem = problem_of(dataset)
    scorer = Scorer.build(metric, problem.targets(part.labels), len(problem.classes))
    clean = {each.name: each.predictions[drawn] for each in candidates}
    changed, noisy = {}, {}
    for kind in PERTURBATIONS:
        texts = [perturbed(text, kind, seed=seed) for text in part.texts]
        changed[kind] = [at for at, (text, was) in enumerate(zip(texts, part.texts, strict=True)) if text != was]
        noisy[kind] = replace(part.take(changed[kind]), texts=tuple(texts[at] for at in changed[kind]))
    wanted = [kind for kind in PERTURBATIONS if changed[kind]]
    try:
        found = engines.outputs_once([each.adapter for each in candidates], [noisy[kind] for kind in wanted])
    except TrialError as error:  # what is no part of the verdict must not end the search
        full = isinstance(error, TrialOutOfMemory)
        why = "they do not fit on the device" if full else "their scores are not finite numbers"
        return RobustnessRecord(left_out=f"Rows with noise could not be scored: {why}.")
    outputs = dict(zip(wanted, found, strict=True))

    def said(kind: str, at: int) -> Array:
        """Return a candidate's predictions with the noise; of rows that it does not change those without."""
        predictions: Array = clean[candidates[at].name].copy()
        if kind in outputs:
            predictions[changed[kind]] = problem.predictions(outputs[kind][at], candidates[at].threshold)
        return predictions

    noises = []
    for kind in PERTURBATIONS:
        own = {each.name: said(kind, at) for at, each in enumerate(candidates)}
        noises.append(
            NoiseRecord(
                name=kind,
                changed=len(changed[kind]) / len(part),
                scores={name: scorer.value(predictions) for name, predictions in own.items()},
                differences={name: scorer.difference95(own[name], clean[name]) for name in own},
            )
        )
    return RobustnessRecord(
        rows=len(part),
        scores={name: scorer.value(predictions) for name, predictions in clean.items()},
        noises=tuple(noises),
    )
