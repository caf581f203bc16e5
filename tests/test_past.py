from __future__ import annotations

import math
from dataclasses import replace

import pytest

from autolora.errors import RequestError
from autolora.objectives import metric_named
from autolora.past import Memory, distance, gained, near, trials_of
from autolora.records import RungRecord, Score, TrialRecord, TrialState
from autolora.records.past import Likeness, PastScore, PastSearch, PastTrial

pytestmark = pytest.mark.unit

LIKE = Likeness(problem="single_label", rows=1000, classes=3, tokens=40, largest_share=0.4, linear=0.5)


def past(name: str, *, trials=1, **changes) -> PastSearch:
    one = PastTrial(
        params={"rank": 2},
        scores=(PastScore(share=1 / 3, quality=0.4), PastScore(share=1.0, quality=0.5)),
        complete=True,
        trainable_params=1000,
        peak_memory_bytes=10**6,
        steps=90,
    )
    return PastSearch(
        name=name, at="2026-01-01T00:00:00+00:00", data_hash=f"sha256:{name}", base_id="b", base_hash="sha256:b",
        layers=6, metric="macro_f1", likeness=replace(LIKE, **changes), trials=(one,) * trials,
    )  # fmt: skip


def test_what_is_kept_is_read_back_and_a_later_search_of_the_same_takes_its_place(tmp_path) -> None:
    memory = Memory(folder=tmp_path / "memory")
    assert memory.searches() == ()

    memory.keep(past("mails"))
    memory.keep(past("calls"))
    memory.keep(past("mails", rows=2000))

    assert [(each.name, each.likeness.rows) for each in memory.searches()] == [("calls", 1000), ("mails", 2000)]


def test_a_task_is_forgotten_by_its_name(tmp_path) -> None:
    memory = Memory(folder=tmp_path)
    memory.keep(past("mails"))
    memory.keep(past("calls"))

    assert memory.delete("mails") == 1
    assert [each.name for each in memory.searches()] == ["calls"]
    with pytest.raises(RequestError, match="holds no search 'call'") as refusal:
        memory.delete("call")
    assert refusal.value.hint == "did you mean calls?"


def test_a_damaged_file_is_named(tmp_path) -> None:
    memory = Memory(folder=tmp_path)
    memory.keep(past("mails"))
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text()[:-9])

    with pytest.raises(RequestError, match=path.name):
        memory.searches()


def test_a_memory_that_is_a_file_is_refused(tmp_path) -> None:
    (tmp_path / "memory").write_text("no folder")

    with pytest.raises(RequestError, match="it is a file"):
        Memory(folder=tmp_path / "memory").searches()


def test_trials_are_kept_with_what_they_gained_at_each_rung_stopped_ones_too_and_failures_not() -> None:
    rungs = tuple(
        RungRecord(
            rung=at, share=share, steps=90, score=Score(value=value, standard_error=0.01), train_loss=0.1, seconds=1
        )
        for at, (share, value) in enumerate(((1 / 3, 0.7), (1.0, 0.8)))
    )
    whole = TrialRecord(
        number=0, state=TrialState.COMPLETE, params={"rank": 4}, config=None, metric=0.8, trainable_params=5,
        peak_memory_bytes=7, rungs=rungs,
    )  # fmt: skip
    stopped = replace(whole, number=1, state=TrialState.STOPPED, rungs=rungs[:1])
    failed = replace(whole, number=2, state=TrialState.DIVERGED)

    kept = trials_of([whole, stopped, failed], metric_named("accuracy"), 0.6)

    assert [each.complete for each in kept] == [True, False]
    assert [[score.quality for score in each.scores] for each in kept] == [
        [pytest.approx(0.25), pytest.approx(0.5)], [pytest.approx(0.25)],
    ]  # fmt: skip
    assert (kept[0].params, kept[0].trainable_params, kept[0].peak_memory_bytes) == ({"rank": 4}, 5, 7)


@pytest.mark.parametrize(
    ("metric", "value", "floor", "expected"),
    [
        ("accuracy", 0.9, 0.6, 0.75),
        ("accuracy", 0.5, 0.6, -0.25),
        ("mae", 5.0, 20.0, 0.75),
        ("accuracy", 1.0, 1.0, 0.0),
    ],
)
def test_a_gain_is_a_share_of_what_can_be_gained(metric, value, floor, expected) -> None:
    assert gained(value, metric_named(metric), floor) == pytest.approx(expected)


def test_like_tasks_are_near_and_other_problems_never() -> None:
    assert distance(LIKE, LIKE) == 0
    assert distance(LIKE, replace(LIKE, rows=10_000)) == pytest.approx(1)
    assert distance(LIKE, replace(LIKE, linear=None)) == 0, "what is not known of one sets nobody apart"
    assert math.isinf(distance(LIKE, replace(LIKE, problem="regression")))


def test_the_nearest_come_first_and_what_holds_no_trials_is_left_out() -> None:
    searches = [
        past("far", rows=10**6),
        past("near", rows=1100),
        past("empty", trials=0),
        past("r", problem="regression"),
    ]

    assert [each.name for each, _ in near(LIKE, searches, 3)] == ["near", "far"]
    assert [each.name for each, _ in near(LIKE, searches, 1)] == ["near"]
