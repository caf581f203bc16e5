"""A small search for tests, in one call."""

from __future__ import annotations

import math

from autolora.objectives import metric_named
from autolora.request import Limits
from autolora.search.explore import Exploration, board_of, explore_alone
from autolora.search.study_file import open_ledger
from autolora.tasks.problems import problem_of
from tests.search.conftest import TINY_SPACE


def run_search(
    engines,
    dataset,
    run,
    scratch,
    on_start=lambda trial: None,
    on_rung=lambda trial: None,
    on_end=lambda trial: None,
    **changes,
):
    """Return the trials, and what the listener heard."""
    heard = []

    def listen(event, trial):
        heard.append((event, trial))
        if event == "started":
            on_start(trial)
        if event == "rung":
            on_rung(trial)
        if event == "ended":
            on_end(trial)

    wanted = {
        "space": TINY_SPACE, "problem": problem_of(dataset), "metric": metric_named("accuracy"),
        "limits": Limits(), "trials": 8, "deadline": lambda: math.inf, "seed": 0, "first_suggestions": False,
    }  # fmt: skip
    run.mkdir(exist_ok=True)
    ledger = open_ledger(run, seed=0)
    board = board_of(
        Exploration(**(wanted | changes)),
        ledger=ledger,
        engines=engines,
        validation=dataset.validation,
        run=run,
        listener=listen,
    )
    explore_alone(board, scratch=scratch)
    return ledger.records(), heard
