"""Several tasks' boards as one: turns, owners, and failing alone."""

from __future__ import annotations

import pytest

from autolora.engine.jobs import Report
from autolora.errors import EngineError, RunFolderError
from autolora.search.boards import Boards

pytestmark = pytest.mark.unit


class Crew:
    def __init__(self) -> None:
        self.room = 1

    def free(self) -> str | None:
        if self.room < 0:
            raise EngineError("engines were lost one after the other")
        return "engine" if self.room else None


class Board:
    """What is asked of a board, with a number of trials left to start."""

    def __init__(self, crew: Crew, left: int = 2) -> None:
        self.crew, self.left, self.fault = crew, left, None
        self.open: dict[str, object] = {}
        self.heard: list[tuple[str, object]] = []
        self.closed = False
        self.breaks_at = ""
        self.asked = 0

    @property
    def finished(self) -> bool:
        self.asked += 1
        return self.left == 0

    def next(self, tune_id):
        self._break("next")
        self.left -= 1
        self.open[tune_id] = object()
        return {"slot": tune_id}

    def hear(self, tune_id, report):
        self._break("hear")
        self.heard.append((tune_id, report))
        return report.last

    def lose(self, tune_id, lost):
        self.heard.append((tune_id, lost))

    def end(self, tune_id, *, error):
        self._break("end")
        self.open.pop(tune_id, None)

    def close(self):
        self.closed = True

    def _break(self, where):
        if self.breaks_at == where:
            raise RunFolderError(f"the disk is full at {where}")


REPORT = {"report": Report(steps=1, total_steps=2, seconds=1.0)}


@pytest.fixture
def crew() -> Crew:
    return Crew()


def test_leases_come_from_whoever_has_the_turn_and_belong_to_it(crew) -> None:
    a, b = Board(crew), Board(crew)
    boards = Boards({"a": a, "b": b}, turns=lambda tasks: list(reversed(tasks)))

    assert boards.next("1") == {"slot": "1"}
    assert boards.hear("1", REPORT) is False
    assert (len(a.heard), len(b.heard)) == (0, 1)


def test_while_every_slot_is_taken_nobodys_turn_is_worked_out(crew) -> None:
    asked = []
    boards = Boards({"a": Board(crew), "b": Board(crew)}, turns=lambda tasks: asked.append(tasks) or tasks)
    crew.room = 0

    assert boards.next("1") is None
    assert asked == []
    assert not boards.over


def test_while_every_slot_is_taken_no_board_is_asked_whether_it_is_finished(crew) -> None:
    board = Board(crew)
    boards = Boards({"a": board})
    boards.next("1")
    crew.room, board.asked = 0, 0

    assert [boards.next("2") for _ in range(5)] == [None] * 5
    assert not boards.over
    assert board.asked == 0  # it may have to read its study for that, and Tune asks many times a second


def test_a_board_is_made_when_its_turn_first_comes(crew) -> None:
    made = []

    def make() -> Board:
        made.append("b")
        return Board(crew)

    boards = Boards({"a": Board(crew, left=1)}, to_come={"b": make})
    assert boards.next("1")
    assert made == []
    assert boards.next("2")
    assert made == ["b"]
    assert boards.of["b"].open.keys() == {"2"}


@pytest.mark.parametrize("where", ["next", "hear", "end"])
def test_a_task_whose_board_breaks_ends_alone(crew, where) -> None:
    a, b = Board(crew), Board(crew)
    boards = Boards({"a": a, "b": b})
    a.breaks_at = where
    for tune_id in ("1", "2", "3", "4"):
        boards.next(tune_id)
        boards.hear(tune_id, REPORT)
        boards.end(tune_id, REPORT, error=False)

    assert list(boards.faults) == ["a"]
    assert f"at {where}" in str(boards.faults["a"])
    assert b.left == 0
    assert boards.over
    boards.close()
    assert (a.closed, b.closed) == (False, True)


def test_a_board_that_cannot_be_made_is_a_fault_of_its_task(crew) -> None:
    def fail() -> Board:
        raise RunFolderError("its study is damaged")

    boards = Boards({"a": Board(crew, left=1)}, to_come={"b": fail})
    assert boards.next("1")
    assert boards.next("2") is None
    boards.end("1", None, error=False)

    assert list(boards.faults) == ["b"]
    assert boards.over


def test_a_fault_that_a_board_kept_itself_counts(crew) -> None:
    a = Board(crew)
    boards = Boards({"a": a})
    boards.next("1")
    a.fault = RunFolderError("said in passing")
    boards.hear("1", REPORT)

    assert boards.faults == {"a": a.fault}
    assert boards.hear("1", REPORT) is True, "its trials are to stop"


def test_what_is_heard_of_a_lease_that_nobody_owns_stops_it(crew) -> None:
    assert Boards({"a": Board(crew)}).hear("stranger", REPORT) is True


def test_a_batch_of_trials_is_over_only_when_nothing_runs_any_more(crew) -> None:
    boards = Boards({"a": Board(crew, left=1)})
    assert not boards.over
    boards.next("1")
    assert not boards.over
    boards.end("1", REPORT, error=False)
    assert boards.over


def test_engines_that_are_lost_one_after_the_other_end_every_task(crew) -> None:
    boards = Boards({"a": Board(crew), "b": Board(crew)})
    boards.next("1")
    crew.room = -1

    assert boards.next("2") is None
    assert set(boards.faults) == {"a", "b"}
    assert boards.over
