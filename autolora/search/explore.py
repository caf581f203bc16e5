"""Explorations: Ray Tune over leases, with each task's board behind it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autolora.domination import Judge
from autolora.durable import unwritable
from autolora.objectives import Objective
from autolora.records import Split
from autolora.request import Limits
from autolora.search.board import Board, Listener
from autolora.search.boards import Boards
from autolora.search.engines import Engines
from autolora.search.ledger import Ledger
from autolora.space import Space
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import Problem

if TYPE_CHECKING:
    from autolora.search.elsewhere import Elsewhere

_LEASE_RETRIES = 2


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """What to explore, and for how long."""

    space: Space
    problem: Problem
    metric: Objective
    limits: Limits
    trials: int
    deadline: Callable[[], float]
    """``time.monotonic()`` at which it ends, ``inf`` for no limit; asked again and again."""
    last_moment: Callable[[], float] = lambda: math.inf
    """``time.monotonic()`` until which the most promising trial goes on where none is complete yet."""
    enough: Callable[[], bool] = lambda: False
    """Whether no further trial is worth starting."""
    seed: int
    suggestions: tuple[dict[str, Any], ...] = ()
    """Settings to try first, members of the space."""
    first_suggestions: bool = True
    """Whether the space's own follow."""
    elsewhere: Elsewhere | None = None
    """What earlier searches let one expect."""
    early_stopping: bool = True
    splits: tuple[str, str] = ("train", "validation")
    """Names of the engines' splits that trials train on and are scored on."""


def board_of(
    what: Exploration,
    *,
    ledger: Ledger,
    engines: Engines,
    validation: Split,
    run: Path,
    listener: Listener,
    note: Callable[[str], None] = lambda text: None,
) -> Board:
    """Return the board of an exploration, which has taken up what the ledger holds.

    Args:
        what: The search space, limits and budget.
        ledger: The run's study.
        engines: Where trials train.
        validation: Rows that trials are scored on, as the engines have them.
        run: The run folder.
        listener: Is told of every start, rung and end.
        note: Is told what the user should know.

    Raises:
        AutoloraError: What the run folder or the engines could not do.
    """
    targets = what.problem.targets(validation.labels)
    slots = run / "slots"
    try:
        slots.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(slots, error) from error
    ledger.enqueue((*what.suggestions, *(what.space.start if what.first_suggestions else ())))
    return Board(
        ledger=ledger,
        judge=Judge(
            what.problem,
            Scorer.build(what.metric.name, targets, len(what.problem.classes)),
            # An adapter that writes begins as the base that writes.
            free=engines.outputs([None], what.splits[1])[0] if what.problem.name == "generation" else None,
        ),
        space=what.space,
        costs=engines.facts.costs,
        limits=what.limits,
        seed=what.seed,
        trials=what.trials,
        deadline=what.deadline,
        last_moment=what.last_moment,
        enough=what.enough,
        slots_dir=slots,
        crew=engines,
        listener=listener,
        note=note,
        early_stopping=what.early_stopping,
        elsewhere=what.elsewhere,
        splits=what.splits,
    )


def explore(boards: Boards, *, scratch: Path) -> None:
    """Run trials until the budgets are spent; what goes wrong with a task stands in ``boards.faults``.

    Args:
        boards: Of the tasks, all on the same engines.
        scratch: A folder for Tune's own files, of no value afterwards.
    """
    from ray import tune

    # What a lost lease raised is no news to the user: Tune starts another, and what it cannot mend we say ourselves.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    from autolora.search.lease import Lease
    from autolora.search.tune_parts import BoardSearcher, DominatedStop

    if not boards.over:
        tuner = tune.Tuner(
            tune.with_resources(Lease, {"cpu": 0.01}),
            tune_config=tune.TuneConfig(
                search_alg=BoardSearcher(boards), scheduler=DominatedStop(boards), num_samples=-1, reuse_actors=True
            ),
            run_config=tune.RunConfig(
                storage_path=str(scratch),
                name=f"t{time.time_ns()}",
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=_LEASE_RETRIES),
            ),
        )
        tuner.fit()
    boards.close()


def explore_alone(board: Board, *, scratch: Path) -> None:
    """Run the trials of one task.

    Raises:
        Exception: Why it could not go on; everything acknowledged before is kept.
    """
    boards = Boards({"": board})
    explore(boards, scratch=scratch)
    for fault in boards.faults.values():
        raise fault
