"""Whether tasks with equal labels could share one adapter: each one's adapter on the others' test rows.

The test splits have been opened by then, and nothing is chosen by these scores: they say what may be worth a look.
Knows finished run folders and engines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from safetensors.numpy import load_file

from autolora.past import distance
from autolora.portfolio.checking import prepared_of
from autolora.portfolio.folder import BatchFolder
from autolora.portfolio.members import Member
from autolora.portions import Portions
from autolora.prepared import Prepared
from autolora.recommend import is_as_good, margin_of
from autolora.records import AdapterConfig, Candidate, Split
from autolora.records.past import Likeness, PastSearch
from autolora.records.portfolio import CrossScore
from autolora.results import SearchRecord, read
from autolora.search.pool import Pool
from autolora.starting import begun
from autolora.store import RunFolder, bundle_of
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import problem_of

NEAREST = 5
"""Other tasks whose adapters are tried on a task's rows."""
_NAME = "sharing"
"""What engines call the task whose head the adapters share; no task's folder can have it, see ``BatchFolder``."""


@dataclass(frozen=True, kw_only=True)
class Shared:
    """One finished task on a base."""

    prepared: Prepared
    search: SearchRecord
    likeness: Likeness

    @property
    def name(self) -> str:
        """Of the task."""
        return self.prepared.request.name

    @property
    def labels(self) -> tuple[Any, ...]:
        """What two tasks must have in common to be able to share an adapter."""
        data = self.prepared.dataset
        return data.problem, data.classes, self.prepared.max_length, self.prepared.metric.name

    @property
    def chosen(self) -> str:
        """Candidate that is recommended; empty where there is none, or its predictions were not kept."""
        found, kept = self.search.recommendation, self.search.predictions
        if found is None or found.trial is None or kept is None:
            return ""
        name = found.kept or f"finalist_{found.trial}"
        return name if name in kept.predicted else ""

    @property
    def candidate(self) -> Candidate:
        """What was confirmed of it."""
        assert self.search.confirm is not None, "it is not finished"
        return next(each for each in self.search.confirm.candidates if each.name == self.chosen)

    def adapter(self) -> tuple[AdapterConfig, dict[str, Any]]:
        """Return the adapter that was packed for use."""
        config = self.candidate.config
        assert config is not None, "it has no adapter"
        return config, dict(load_file(bundle_of(self.search.path) / "adapter_model.safetensors"))

    def test_rows(self) -> Split:
        """Return the test rows that its own adapter was scored on, in that order."""
        assert self.search.predictions is not None, "they were not kept"
        test = self.prepared.dataset.test
        place = {row: at for at, row in enumerate(test.row_ids)}
        return test.take([place[row] for row in self.search.predictions.row_ids])


def shared_of(member: Member, folder: BatchFolder, searches: Sequence[PastSearch]) -> Shared | None:
    """Return a finished task with what sharing needs of it, None where it is not finished or left nothing in memory.

    Args:
        member: The task.
        folder: Of the batch.
        searches: What its memory holds.

    Raises:
        AutoloraError: If its data or its run folder cannot be read.
    """
    run = RunFolder(folder.run_path(member.name))
    if member.request is None or not run.is_done:
        return None
    prepared = prepared_of(member)
    known = {(each.name, each.data_hash): each.likeness for each in searches}
    likeness = known.get((member.name, prepared.dataset.hash))
    return None if likeness is None else Shared(prepared=prepared, search=read(run.path), likeness=likeness)


def cross_scores(pool: Pool, tasks: Sequence[Shared]) -> Iterator[CrossScore]:
    """Yield how adapters do on the rows of other tasks with the same labels, those of the nearest tasks first.

    Raises:
        AutoloraError: What the engines could not do.
    """
    able = sorted((task for task in tasks if task.chosen and task.labels[1]), key=lambda task: repr(task.labels))
    for _, group in groupby(able, key=lambda task: repr(task.labels)):
        alike = list(group)
        if len(alike) > 1:
            yield from _among(pool, alike)


def _among(pool: Pool, tasks: Sequence[Shared]) -> Iterator[CrossScore]:
    first = tasks[0].prepared
    few = replace(first, request=replace(first.request, prefix_cache=0))
    engines = begun(pool, few, Portions(dataset=first.dataset, seed=first.request.seed, limited=False), task=_NAME)
    try:
        for task in tasks:
            others = sorted((t for t in tasks if t is not task), key=lambda t: distance(task.likeness, t.likeness))
            others = others[:NEAREST]
            rows = task.test_rows()
            (outputs,) = engines.outputs_once([other.adapter() for other in others], [rows])
            for other, found in zip(others, outputs, strict=True):
                yield _score(task, other, rows, found)
    finally:
        engines.end()


def _score(task: Shared, other: Shared, rows: Split, outputs: Any) -> CrossScore:
    problem, metric = problem_of(task.prepared.dataset), task.prepared.metric
    scorer = Scorer.build(metric.name, problem.targets(rows.labels), len(problem.classes))
    assert task.search.predictions is not None, "they were not kept"
    said = problem.predictions(outputs, other.candidate.seeds[0].threshold)
    own = problem.targets(task.search.predictions.predicted[task.chosen])
    difference = scorer.difference95(said, own)
    own_score = scorer.value(own)
    return CrossScore(
        adapter=other.name,
        rows=task.name,
        score=scorer.value(said),
        own=own_score,
        difference=difference,
        as_good=is_as_good(difference, metric, margin_of(metric, task.prepared.request.limits, own_score)),
    )
