"""A request whose parts were found and checked: rows, search space, base. Starts nothing and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from autolora import space
from autolora.data import MOST_ANSWERS, prepare
from autolora.engine.checkpoint import Checkpoint, find
from autolora.errors import DataError
from autolora.margins import check_margin, find_margin
from autolora.objectives import BY_LIKELIHOOD, Objective, guide_of, metric_named
from autolora.records import Dataset, ProblemType
from autolora.request import Request
from autolora.space import Space
from autolora.store import RunFolder
from autolora.tasks.kinds import readable_tokens


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A request whose parts were found and checked."""

    request: Request
    space: Space
    metric: Objective
    checkpoint: Checkpoint
    dataset: Dataset

    @property
    def max_length(self) -> int:
        """Tokens that a row is cut to: those that the space names, or fewer where the base can read no more."""
        return cut_at(self.space, self.dataset.problem, self.checkpoint.folder)

    @property
    def closed(self) -> tuple[str, ...]:
        """The answers to choose from by likelihood, where that is asked for."""
        return self.dataset.answers if self.metric.name in BY_LIKELIHOOD else ()

    @property
    def guide(self) -> Objective:
        """What trials are compared by."""
        return guide_of(self.metric, self.dataset.problem)

    @property
    def minutes(self) -> float | None:
        """Of the whole search, None without a limit."""
        return self.request.minutes


def cut_at(space: Space, problem: ProblemType, base: Path) -> int:
    """Return how many tokens of a row are read.

    Args:
        space: That names a number.
        problem: Of the rows; where answers are written, prompts and answers find room in the base's context themselves.
        base: Folder of the base model.
    """
    wanted = int(space.fixed["max_length"])
    most = None if problem == "generation" else readable_tokens(base)
    return wanted if most is None else min(wanted, most)


def checked(wanted: Request) -> Prepared:
    """Return a request with its rows, space and base, all of which are there and fit each other.

    Raises:
        InputError: If one is not, or does not.
    """
    dataset = prepare(wanted.data, seed=wanted.seed)
    if dataset.problem == "generation" and wanted.metric in BY_LIKELIHOOD and not dataset.answers:
        raise DataError(
            f"metric {wanted.metric} needs a closed set of answers in column {dataset.label_column!r}: at most"
            f" {MOST_ANSWERS} different ones, each to several prompts",
            "search with chrf, rouge_l, token_f1 or exact_match",
        )
    metric = metric_named(wanted.metric)
    dataset = replace(dataset, findings=(*dataset.findings, *find_margin(wanted.limits, metric, dataset)))
    return Prepared(
        request=wanted,
        metric=metric,
        space=space.load(wanted.space),
        checkpoint=find(wanted.base_model, base_id=wanted.base_id),
        dataset=dataset,
    )


def startable(wanted: Request) -> Prepared:
    """Return the same of a request whose rows can bear the margin that is asked for, too: a search of it may start.

    Raises:
        InputError: If something is not there, does not fit, or cannot bear it.
    """
    prepared = checked(wanted)
    check_margin(wanted.limits, prepared.metric, prepared.dataset)
    return prepared


def check_unchanged(prepared: Prepared, run: RunFolder, *, otherwise: str) -> None:
    """Check that the data are those that the search in a run folder began with.

    Args:
        prepared: The request, as it is now.
        run: The folder.
        otherwise: What to do where the old data cannot be had.

    Raises:
        DataError: If not.
    """
    known = run.data()
    if known is not None and known.hash != prepared.dataset.hash:
        raise DataError(
            f"the data have changed since the search began: {prepared.dataset.hash[:19]}… is not {known.hash[:19]}…",
            f"bring back the file as it was, or {otherwise}",
        )
