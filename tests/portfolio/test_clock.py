"""How long a batch has been worked on, and what is left for whom."""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from autolora import plan
from autolora.budget import Stopwatch
from autolora.portfolio.auction import Lot
from autolora.portfolio.clock import BatchClock, seconds_worked
from autolora.portfolio.folder import BatchFolder
from autolora.portfolio.members import Member
from autolora.portfolio.task import Task

pytestmark = pytest.mark.unit


def noted(path, *spent: float) -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / "task.yaml").write_text("version: 1\n")
    lines = (json.dumps({"at": "2026-01-01T00:00:00+00:00", "event": "trial", "spent": each}) for each in spent)
    (path / "events.jsonl").write_text("".join(f"{line}\n" for line in lines))


def test_a_batch_that_noted_nothing_itself_was_worked_on_as_long_as_its_tasks(tmp_path) -> None:
    noted(tmp_path, 21.0, 24.5)
    noted(tmp_path / "complaints", 100.0, 420.0)
    noted(tmp_path / "reviews", 190.5)
    (tmp_path / "memory").mkdir()

    assert seconds_worked(BatchFolder(tmp_path)) == 610.5


def test_what_a_batch_noted_itself_counts_where_it_is_more(tmp_path) -> None:
    noted(tmp_path, 700.0)
    noted(tmp_path / "reviews", 190.5)

    assert seconds_worked(BatchFolder(tmp_path)) == 700.0


def task(name: str) -> Task:
    """Return a task whose plan was made without measuring anything, as where there is no limit of time."""
    way: Any = SimpleNamespace(planned=plan.everything(plan.Sizes(train=100, validation=20, test=30)))
    member = Member(name=name, source=name, request=None)
    run: Any = None
    return Task(member=member, way=way, run=run, holding=ExitStack(), lot=Lot(), is_confirming=False)


def test_without_a_limit_every_task_has_time_without_end(tmp_path) -> None:
    clock = BatchClock(watch=Stopwatch(), budget=math.inf)
    first, *later = map(task, ("mails", "calls", "notes"))

    assert clock.exploring_ends([first, *later], lambda name: False) == math.inf
    assert clock.left_for(first, later, lambda name: False) == math.inf
    assert clock.left_for(later[-1], [], lambda name: False) == math.inf


def test_a_task_that_was_planned_without_measuring_takes_nothing_from_a_budget(tmp_path) -> None:
    clock = BatchClock(watch=Stopwatch(before=40.0), budget=100.0)

    assert clock.left_for(task("mails"), [task("calls")], lambda name: False) == pytest.approx(60, abs=1)
