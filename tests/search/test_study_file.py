from __future__ import annotations

import sqlite3
from pathlib import Path

import optuna
import pytest

from autolora import failpoints
from autolora.errors import RunFolderError
from autolora.records import TrialState
from autolora.search import ledger, study_file
from autolora.search.study_file import open_ledger

pytestmark = pytest.mark.unit


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run folder whose study holds a few trials."""
    study = open_ledger(tmp_path, seed=0).study
    for _ in range(30):
        trial = study.ask()
        trial.set_user_attr("config", "x" * 500)
        study.tell(trial, values=[0.5, 10.0, 20.0])
    (tmp_path / "trials.jsonl").write_text("{}\n")
    return tmp_path


def test_a_whole_study_opens_with_its_trials(run: Path) -> None:
    assert len(open_ledger(run, seed=0).study.trials) == 30


def test_a_folder_without_a_study_gets_one(tmp_path: Path) -> None:
    assert open_ledger(tmp_path, seed=0).study.trials == []


@pytest.mark.parametrize("keep", [0.9, 0.5, 0.1, 0.001, 0.0])
def test_a_truncated_study_is_put_aside_and_none_is_made_in_its_place(keep: float, run: Path) -> None:
    whole = (run / "study.db").read_bytes()
    (run / "study.db").write_bytes(whole[: int(len(whole) * keep)])

    with pytest.raises(
        RunFolderError, match=r"study\.db in the run folder .* is damaged \(.+\) and was put aside"
    ) as caught:
        open_ledger(run, seed=0)

    assert "start a new search in another folder" in caught.value.hint
    assert not (run / "study.db").exists()
    assert (run / "study.db.damaged-1").read_bytes() == whole[: int(len(whole) * keep)]
    with pytest.raises(RunFolderError, match=r"study\.db is missing"):
        open_ledger(run, seed=0)

    (run / "study.db").write_bytes(whole)
    assert len(open_ledger(run, seed=0).study.trials) == 30


def test_a_second_damaged_study_does_not_replace_the_first(run: Path) -> None:
    for number in (1, 2):
        (run / "study.db").write_bytes(b"no database at all")
        with pytest.raises(RunFolderError, match=f"damaged-{number}"):
            open_ledger(run, seed=0)


def test_a_study_that_a_kill_left_half_made_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_bytes(b"")

    assert open_ledger(tmp_path, seed=0).study.directions == [
        optuna.study.StudyDirection.MAXIMIZE,
        optuna.study.StudyDirection.MINIMIZE,
        optuna.study.StudyDirection.MINIMIZE,
    ]


# ----------------------------------------------------------------------------------------- what SQLite cannot do either


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a lock only a moment."""
    for module in (ledger, study_file):
        monkeypatch.setattr(module, "BUSY_SECONDS", 0.2)


def test_a_study_that_another_process_has_locked_is_one_error_and_stays_where_it_is(run: Path, hurry: None) -> None:
    holder = sqlite3.connect(run / "study.db")
    holder.execute("BEGIN EXCLUSIVE")

    with pytest.raises(RunFolderError, match=r"study\.db .* has been locked by another process for 0\.2 s") as caught:
        open_ledger(run, seed=0)
    holder.close()

    assert "then go on with --resume" in caught.value.hint
    assert len(open_ledger(run, seed=0).study.trials) == 30


def test_a_lock_that_comes_later_is_the_same_error_at_the_next_write(run: Path, hurry: None) -> None:
    opened = open_ledger(run, seed=0)
    opened.study.ask()
    holder = sqlite3.connect(run / "study.db")
    holder.execute("BEGIN EXCLUSIVE")

    for write in (lambda: opened.tell(30, TrialState.STOPPED), lambda: opened.enqueue(({"rank": 1},))):
        with pytest.raises(RunFolderError, match="has been locked by another process"):
            write()
    holder.close()

    assert opened.tell(30, TrialState.STOPPED).state == TrialState.STOPPED


def test_a_study_on_a_full_disk_is_one_error_and_keeps_what_was_acknowledged(run: Path) -> None:
    opened = open_ledger(run, seed=0)
    opened.study.ask()
    pages = opened.study._storage._backend.engine.raw_connection()
    (count,) = pages.execute("PRAGMA page_count").fetchone()
    pages.execute(f"PRAGMA max_page_count = {count}")  # SQLite then says what it says of a full disk
    pages.close()

    with pytest.raises(RunFolderError, match=r"study\.db cannot be written .*database or disk is full") as caught:
        opened._set(30, "filler", "x" * 200_000)

    assert caught.value.hint.startswith("free space on that disk, then go on with --resume")
    assert len(open_ledger(run, seed=0).study.trials) == 31


@pytest.mark.parametrize("point", ["study.set", "study.tell", "study.told"])
def test_a_full_disk_at_any_write_of_a_trials_end_leaves_it_running_or_ended(
    point: str, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_ledger(run, seed=0)
    opened.study.ask()
    monkeypatch.setenv(failpoints.VARIABLE, f"{point}=full")
    with pytest.raises(RunFolderError, match=r"study\.db cannot be written in .*No space left on device"):
        opened.tell(30, TrialState.STOPPED)
    monkeypatch.delenv(failpoints.VARIABLE)

    state = open_ledger(run, seed=0).record(30).state
    assert state == (TrialState.STOPPED if point == "study.told" else TrialState.RUNNING)


def test_a_trial_that_a_kill_left_without_configuration_is_none_and_its_suggestion_waits_again(tmp_path: Path) -> None:
    opened = open_ledger(tmp_path, seed=0)
    opened.enqueue(({"rank": 4},))
    opened.study.ask()

    again = open_ledger(tmp_path, seed=0)
    assert again.orphans() == ()
    assert again.count() == 0
    assert again.study.ask().suggest_int("rank", 1, 8) == 4
