"""What a job says: numbered lines that survive a kill, read on from where a reader was."""

from __future__ import annotations

import pytest

from autolora.progress import TaskProgress
from autolora.service import journal
from autolora.service.journal import BEGUN, Journal
from tests.report import made_up

pytestmark = pytest.mark.unit


def test_lines_are_numbered_on_by_the_next_process(tmp_path) -> None:
    path = tmp_path / "progress.jsonl"
    Journal(path).stage("Reading the data")
    Journal(path).note("one column was guessed")

    lines, _ = journal.read(path)
    assert [(line["id"], line["event"], line["text"]) for line in lines] == [
        (1, "stage", "Reading the data"), (2, "note", "one column was guessed"),
    ]  # fmt: skip


def test_a_reader_goes_on_from_where_it_was_and_leaves_half_a_line_for_later(tmp_path) -> None:
    path = tmp_path / "progress.jsonl"
    Journal(path).stage("a")
    first, place = journal.read(path)
    with open(path, "ab") as file:
        file.write(b'{"id": 2, "event"')
    half, same = journal.read(path, place)
    with open(path, "ab") as file:
        file.write(b': "stage", "text": "b"}\n')
    second, _ = journal.read(path, same)

    assert (len(first), half, same) == (1, [], place)
    assert [line["text"] for line in second] == ["b"]


def test_half_a_line_that_a_kill_left_is_cut_off_by_the_next_process(tmp_path) -> None:
    path = tmp_path / "progress.jsonl"
    Journal(path).stage("a")
    with open(path, "ab") as file:
        file.write(b'{"id": 2, "ev')
    Journal(path).stage("b")

    assert [(line["id"], line["text"]) for line in journal.read(path)[0]] == [(1, "a"), (2, "b")]


def test_only_trials_and_trainings_mean_that_a_process_came_further(tmp_path) -> None:
    path = tmp_path / "progress.jsonl"
    said = Journal(path)
    said.say(BEGUN)
    said.confirming(1, 3)
    further = journal.has_moved(path)
    said.say(BEGUN)
    said.stage("Reading the data")

    assert further
    assert not journal.has_moved(path)
    assert not journal.has_moved(tmp_path / "none")


def test_a_batch_came_further_too_when_a_trial_or_training_of_any_task_ended(tmp_path) -> None:
    path = tmp_path / "progress.jsonl"
    said = Journal(path)
    task = TaskProgress(said, "reviews")
    said.say(BEGUN)
    task.stage("Searching")
    task.trial("started", made_up.trials()[0], 24)
    waited = journal.has_moved(path)
    task.trial("ended", made_up.trials()[0], 24)
    explored = journal.has_moved(path)
    said.say(BEGUN)
    task.confirming(1, 3)

    assert not waited
    assert explored
    assert journal.has_moved(path)
    assert [line["text"] for line in journal.read(path)[0] if line["event"] == "step"][-1] == (
        "reviews: trained 1 of up to 3"
    )


def test_what_is_left_of_a_budget_stands_in_every_line(tmp_path) -> None:
    path = tmp_path / "progress.jsonl"
    said = Journal(path)
    said.stage("a")
    said.budget(lambda: "5 min")
    said.stage("b")

    assert [line.get("left") for line in journal.read(path)[0]] == [None, "5 min"]
