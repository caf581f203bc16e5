from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from autolora.errors import RunFolderError
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
