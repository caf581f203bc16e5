"""How long a batch has been worked on, also by a process that was killed."""

from __future__ import annotations

import json

import pytest

from autolora.portfolio.clock import seconds_worked
from autolora.portfolio.folder import BatchFolder

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
