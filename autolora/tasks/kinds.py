"""Which task a problem is: one answer for every text, or an answer that is written."""

from __future__ import annotations

from pathlib import Path

from autolora.tasks.generation import GenerationTask, configuration, decoder_start
from autolora.tasks.problems import Generation, HeadProblem
from autolora.tasks.sequence import SequenceTask
from autolora.tasks.task import Task

_PLACED_BEHIND_PADDING = ("camembert", "ibert", "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta")
"""Kinds of models whose first position is the one behind that of the padding token."""


def readable_tokens(folder: Path) -> int | None:
    """Return how many tokens a base has positions for, None where its configuration names no end.

    Args:
        folder: Of the base.
    """
    config = configuration(folder)
    positions = config.get("max_position_embeddings") or config.get("n_positions")
    if positions is None or config.get("model_type") not in _PLACED_BEHIND_PADDING:
        return None if positions is None else int(positions)
    padding = config.get("pad_token_id")
    return int(positions) - (1 if padding is None else int(padding)) - 1


def task_of(problem: HeadProblem | Generation, *, max_length: int, folder: Path) -> Task:
    """Return the task of a problem.

    Args:
        problem: What is learned from a row.
        max_length: Tokens that a row is cut to.
        folder: Of the base.
    """
    if isinstance(problem, Generation):
        config = configuration(folder)
        context = config.get("max_position_embeddings") or config.get("n_positions") or GenerationTask.context
        return GenerationTask(
            problem=problem, max_length=max_length, context=context, decoder_start=decoder_start(config)
        )
    return SequenceTask(problem=problem, max_length=max_length)
