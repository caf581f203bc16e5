from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autolora import results
from autolora.errors import RunFolderError
from autolora.records import TrialState
from autolora.results import SearchRecord
from autolora.store import RunFolder
from tests.report import made_up

pytestmark = pytest.mark.unit


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "reviews", "version: 1\nname: reviews\n")


def finished(run: RunFolder) -> SearchRecord:
    run.write_data(made_up.data())
    run.write_trials(made_up.trials())
    run.write_confirm(made_up.confirm())
    run.write_robustness(made_up.robustness())
    run.write_recommendation(made_up.recommendation())
    run.event("done", verdict="adopt")
    return results.read(run.path)


def test_a_finished_search_is_read_whole(run: RunFolder) -> None:
    record = finished(run)

    assert record.path == run.path
    assert record.request == {"version": 1, "name": "reviews"}
    assert record.data == made_up.data()
    assert record.trials == made_up.trials()
    assert record.confirm == made_up.confirm()
    assert record.recommendation == made_up.recommendation()
    assert record.robustness == made_up.robustness()
    assert [event["event"] for event in record.events] == ["done"]
    assert results.read(str(run.path)) == record


def test_a_search_that_goes_on_has_neither_confirmation_nor_recommendation(run: RunFolder) -> None:
    run.write_data(made_up.data())

    record = results.read(run.path)

    assert record.confirm is None
    assert record.recommendation is None
    assert record.leaderboard() == []


def test_a_search_that_has_not_read_its_data_is_one_error_with_the_way_out(run: RunFolder) -> None:
    with pytest.raises(RunFolderError, match="ended before it had read its data") as caught:
        results.read(run.path)

    assert "--resume" in caught.value.hint


def test_what_is_no_run_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is not a run folder"):
        results.read(tmp_path)


def test_the_leaderboard_holds_every_trial_best_score_first_and_those_without_one_last(run: RunFolder) -> None:
    rows = finished(run).leaderboard()

    metrics = [row["metric"] for row in rows]
    scored = [metric for metric in metrics if metric is not None]
    assert sorted(row["trial"] for row in rows) == list(range(24))
    assert scored == sorted(scored, reverse=True)
    assert metrics == scored + [None] * 5
    assert {row["state"] for row in rows[-5:]} == {"diverged", "out_of_memory", "refused", "timed_out", "failed"}


def test_of_equal_scores_the_smaller_adapter_stands_first(run: RunFolder) -> None:
    run.write_data(made_up.data())
    one = replace(made_up.trials()[0], metric=0.8)
    run.write_trials(
        [replace(one, number=0, trainable_params=900), replace(one, number=1, trainable_params=100)],
    )

    assert [row["trial"] for row in results.read(run.path).leaderboard()] == [1, 0]


def test_a_row_has_every_column_in_order_for_every_kind_of_trial() -> None:
    bare = replace(made_up.trials()[0], config=None, params={}, rungs=(), metric=None, state=TrialState.REFUSED)

    for trial in (*made_up.trials(), bare):
        assert tuple(results.row(trial)) == results.COLUMNS
    assert results.row(bare)["rank"] is None
    assert results.row(bare)["trained_share"] == 0.0


def test_a_row_names_modules_and_layers_as_the_space_did_else_as_they_were_resolved() -> None:
    trial = made_up.trials()[made_up.CHOSEN]
    unnamed = replace(trial, params={})

    assert (results.row(trial)["target_modules"], results.row(trial)["layers"]) == ("attention", "last_quarter")
    assert results.row(unnamed)["layers"] == [4, 5]
    assert results.row(unnamed)["target_modules"] == list(made_up.MODULES["attention"])


def test_the_package_offers_a_function_although_a_room_has_its_name() -> None:
    import autolora
    from autolora.search import board as room

    assert callable(autolora.search)
    assert autolora.search.__module__ == "autolora.api"
    assert room.__name__ == "autolora.search.board"
