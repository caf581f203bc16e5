"""What a dataset holds, before anything is searched: read, checked and split as a search would, and counted in tokens.

Trains nothing, loads no model (only a base's tokenizer, where one is named) and writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from autolora import space
from autolora.data import find_in_tokens, prepare, record, subset
from autolora.data_request import DataRequest
from autolora.engine.checkpoint import find
from autolora.prepared import cut_at
from autolora.records import DataRecord, Finding
from autolora.request import usual_space
from autolora.tasks.kinds import task_of
from autolora.tasks.problems import problem_of
from autolora.tasks.task import load_tokenizer

TOKENS_OF_ROWS = 10_000
"""Training texts, drawn to keep the shares of the labels, in which tokens are counted at most."""


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What to look at."""

    data: DataRequest
    base_model: str | None = None
    """A folder or a hub id, whose tokenizer counts the tokens; None leaves them uncounted."""
    space: str = ""
    """The search space whose ``max_length`` cuts the texts; left empty, that which a search would take."""
    seed: int = 0


def examine(wanted: Examination) -> DataRecord:
    """Return the record that a search of the same data would keep.

    Raises:
        DataError: If a search would refuse the data.
        BaseModelError: If the base model or its tokenizer cannot be read.
        SpaceError: If there is no such search space.
    """
    dataset = prepare(wanted.data, seed=wanted.seed)
    searched = space.load(wanted.space or usual_space(dataset.problem))
    if wanted.base_model is None:
        return record(dataset, seed=wanted.seed, max_length=int(searched.fixed["max_length"]))
    folder = find(wanted.base_model).folder
    max_length = cut_at(searched, dataset.problem, folder)
    task = task_of(problem_of(dataset), max_length=max_length, folder=folder)
    counted = subset(dataset.train, TOKENS_OF_ROWS, seed=wanted.seed)
    encoded = task.encode(load_tokenizer(folder), counted)
    return record(
        dataset,
        seed=wanted.seed,
        max_length=max_length,
        token_lengths=encoded.length_quantiles,
        truncated_share=encoded.truncated_share,
        unknown_token_share=encoded.unknown_share,
        extra_findings=(
            *_sampled(len(counted), len(dataset.train)),
            *find_in_tokens(
                encoded.unknown_share,
                encoded.truncated_share,
                max_length,
                writes=dataset.problem == "generation",
                controls=tuple(counted.row_ids[row] for row in encoded.controls),
            ),
        ),
    )


def _sampled(counted: int, rows: int) -> tuple[Finding, ...]:
    if counted == rows:
        return ()
    message = f"Tokens were counted in {counted:,} of the {rows:,} training texts."
    return (Finding(code="tokens_sampled", severity="note", message=message),)
