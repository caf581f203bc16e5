"""Which task a problem is: one answer for every text, or an answer that is written."""

from __future__ import annotations

from pathlib import Path

from autolora.tasks.generation import GenerationTask, configuration, decoder_start
from autolora.tasks.problems import Generation, HeadProblem
from autolora.tasks.sequence import SequenceTask
from autolora.tasks.task import Task


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
