from __future__ import annotations

import math

import numpy as np
import pytest

from autolora.domination import Judge
from autolora.engine.jobs import bytes_of
from autolora.objectives import metric_named
from autolora.records import TrialState
from autolora.request import Limits
from autolora.search.board import Board
from autolora.search.ledger import Ledger
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import SingleLabel
from tests.search.test_ledger import COSTS, SPACE, open_ledger, rung

pytestmark = pytest.mark.unit


class NoEngines:
    """A crew of none: what is tested here happens before and after any training."""

    def free(self) -> None:
        return None


def board_of(ledger: Ledger, slots) -> Board:
    problem = SingleLabel(classes=("a", "b"))
    scorer = Scorer.build(metric_named("accuracy").name, problem.targets((0, 1)), 2)
    return Board(
        ledger=ledger, judge=Judge(problem, scorer), space=SPACE, costs=COSTS, limits=Limits(), seed=0, trials=9,
        deadline=lambda: math.inf, slots_dir=slots, crew=NoEngines(),
    )  # fmt: skip


@pytest.fixture
def slots(tmp_path):
    folder = tmp_path / "slots"
    folder.mkdir()
    return folder


def names(slots) -> list[str]:
    return sorted(path.name for path in slots.iterdir())


def test_a_kill_between_a_trials_end_and_the_removal_of_its_state_leaves_no_state_behind(tmp_path, slots) -> None:
    ledger = open_ledger(tmp_path)
    ended, running = ledger.ask(), ledger.ask()
    ledger.add_rung(ended.number, rung(0), bytes_of(np.zeros((2, 2))))
    ledger.tell(ended.number, TrialState.STOPPED, cause="dominated")
    for trial in (ended, running):
        (slots / f"{trial.number:05d}.safetensors").touch()

    board = board_of(ledger, slots)

    assert names(slots) == [board.state_file(running.number).name]


def test_a_state_that_an_engine_still_wrote_after_its_trial_had_ended_is_removed_with_the_last(tmp_path, slots) -> None:
    ledger = open_ledger(tmp_path)
    trial = ledger.ask()
    board = board_of(ledger, slots)
    ledger.tell(trial.number, TrialState.STOPPED, cause="dominated")
    board._backlog.clear()
    board.state_file(trial.number).touch()

    board.close()

    assert names(slots) == []
