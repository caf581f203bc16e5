"""One exploration: Ray Tune over leases, with the board behind it."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autolora.domination import Judge
from autolora.durable import unwritable
from autolora.objectives import Objective
from autolora.records import Split, TrialRecord
from autolora.request import Limits
from autolora.search.board import Board, Listener
from autolora.search.engines import Engines
from autolora.search.ledger import Ledger
from autolora.space import Space
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import Problem

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
    seed: int
    first_suggestions: bool = True
    early_stopping: bool = True
    splits: tuple[str, str] = ("train", "validation")
    """Names of the engines' splits that trials train on and are scored on."""


def explore(
    what: Exploration,
    *,
    ledger: Ledger,
    engines: Engines,
    validation: Split,
    run: Path,
    scratch: Path,
    listener: Listener,
    note: Callable[[str], None] = lambda text: None,
) -> tuple[TrialRecord, ...]:
    """Run trials until the budget is spent, and return all records; resumes what the ledger holds.

    Args:
        what: The search space, limits and budget.
        ledger: The run's study.
        engines: Where trials train.
        validation: Rows that trials are scored on, as the engines have them.
        run: The run folder.
        scratch: A folder for Tune's own files, of no value afterwards.
        listener: Is told of every start, rung and end.
        note: Is told what the user should know.

    Raises:
        AutoloraError: What the run folder or the engines could not do; everything acknowledged before is kept.
    """
    from ray import tune

    # What a lost lease raised is no news to the user: Tune starts another, and what it cannot mend we say ourselves.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    from autolora.search.lease import Lease
    from autolora.search.tune_parts import BoardSearcher, DominatedStop

    facts = engines.facts
    targets = what.problem.targets(validation.labels)
    slots = run / "slots"
    try:
        slots.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(slots, error) from error
    if what.first_suggestions:
        ledger.enqueue(what.space.start)
    board = Board(
        ledger=ledger,
        judge=Judge(
            what.problem,
            Scorer.build(what.metric.name, targets, len(what.problem.classes)),
            # An adapter that writes begins as the base that writes.
            free=engines.outputs([None], what.splits[1])[0] if what.problem.name == "generation" else None,
        ),
        space=what.space,
        costs=facts.costs,
        limits=what.limits,
        seed=what.seed,
        trials=what.trials,
        deadline=what.deadline,
        last_moment=what.last_moment,
        slots_dir=slots,
        slots_per_engine=facts.slots,
        crew=engines,
        listener=listener,
        note=note,
        early_stopping=what.early_stopping,
        splits=what.splits,
    )
    if not board.finished:
        tuner = tune.Tuner(
            tune.with_resources(Lease, {"cpu": 0.01}),
            tune_config=tune.TuneConfig(
                search_alg=BoardSearcher(board), scheduler=DominatedStop(board), num_samples=-1, reuse_actors=True
            ),
            run_config=tune.RunConfig(
                storage_path=str(scratch),
                name=f"t{time.time_ns()}",
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=_LEASE_RETRIES),
            ),
        )
        try:
            tuner.fit()
        except Exception:
            if board.fault is None:
                raise
    if board.fault is not None:
        raise board.fault
    board.close()
    return ledger.records()
