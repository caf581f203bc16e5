"""How far jobs have come: read on from where a reader was, however many watch."""

from __future__ import annotations

import pytest

from autolora.progress import TaskProgress
from autolora.service.following import Following
from autolora.service.journal import Journal
from tests.report import made_up

pytestmark = pytest.mark.unit


def test_a_search_stands_where_its_last_line_says(tmp_path) -> None:
    path, following = tmp_path / "progress.jsonl", Following()
    said, trial = Journal(path), made_up.trials()[0]
    said.stage("Searching")
    before = following.standing(path)
    said.trial("ended", trial, 8)
    said.trial("ended", trial, 8)

    after = following.standing(path)
    assert (before.stage, before.trials_done, before.last_event) == ("Searching", 0, 1)
    assert (after.trials_done, after.trials_total, after.last_event) == (1, 8, 3)
    assert after.best == trial.metric


def test_a_batch_counts_the_trials_of_all_its_tasks(tmp_path) -> None:
    path = tmp_path / "progress.jsonl"
    said = Journal(path)
    for name in ("reviews", "snippets"):
        task = TaskProgress(said, name)
        for trial in made_up.trials()[:2]:
            task.trial("started", trial, 8)
            task.trial("ended", trial, 8)
        task.confirming(1, 3)

    standing = Following().standing(path)
    assert (standing.trials_done, standing.trials_total) == (4, None)


def test_a_job_that_has_said_nothing_stands_at_its_beginning(tmp_path) -> None:
    assert Following().standing(tmp_path / "none").last_event == 0
    assert Following().lines(tmp_path / "none", 0) == []
