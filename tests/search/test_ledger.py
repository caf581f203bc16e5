from __future__ import annotations

import pytest
from sqlalchemy import event

from autolora.engine.costs import CostModel, Kind, key
from autolora.objectives import metric_named
from autolora.records import RungRecord, Score, TrialState
from autolora.search.ledger import Ledger
from autolora.space import Choice, Float, Space

pytestmark = pytest.mark.unit

SPACE = Space(
    name="s",
    parameters={
        "rank": Choice(values=(1, 2)),
        "target_modules": Choice(values=("attention_qv", ("query",))),
        "learning_rate": Float(low=1e-3, high=1e-2, log=True),
    },
    fixed={"layers": "all"},
)
COSTS = CostModel(
    kinds={
        key(choice, "all"): Kind(
            modules=("query",), layers=(0, 1), params_per_rank=100, pass_bytes_per_row=1000.0, tokens_per_row=20.0
        )
        for choice in ("attention_qv", ("query",))
    },
    weight_bytes=5000, base_params=2500, head_params=10, width=4, num_labels=2, length=8,
)  # fmt: skip


def open_ledger(tmp_path, space=SPACE, **options) -> Ledger:
    ledger = Ledger(tmp_path / "study.db", seed=0)
    ledger.explore(space, COSTS, metric=metric_named("accuracy"), floor=0.3, **options)
    return ledger


def rung(number: int, value: float = 0.5) -> RungRecord:
    return RungRecord(
        rung=number, share=(number + 1) / 3, steps=number + 1, score=Score(value=value, standard_error=0.1),
        train_loss=1.0, seconds=1.0 + number,
    )  # fmt: skip


def test_what_was_told_is_there_after_reopening(tmp_path) -> None:
    first = open_ledger(tmp_path)
    trial = first.ask()
    for at in range(3):
        first.add_rung(trial.number, rung(at, 0.5 + at / 10), b"\x01\x00")
    told = first.tell(trial.number, TrialState.COMPLETE, seconds=4.0)
    reopened = open_ledger(tmp_path)

    assert reopened.records() == (told,)
    assert told.metric == pytest.approx(0.7)
    assert told.state == TrialState.COMPLETE
    assert told.trainable_params == 100 * told.config.rank + 10
    assert reopened.study.trials[0].values == [told.metric, told.trainable_params, told.peak_memory_bytes]
    assert list(reopened.outputs()) == [(0, at, b"\x01\x00") for at in range(3)]


def test_rung_scores_of_a_stopped_trial_are_no_final_values(tmp_path) -> None:
    ledger = open_ledger(tmp_path)
    trial = ledger.ask()
    ledger.add_rung(trial.number, rung(0), b"")
    record = ledger.tell(trial.number, TrialState.STOPPED, cause="dominated")

    assert ledger.study.trials[0].values is None
    assert ledger.study.best_trials == []
    assert (record.state, record.cause, record.metric) == (TrialState.STOPPED, "dominated", 0.5)


def test_a_rung_that_is_reported_twice_counts_once(tmp_path) -> None:
    ledger = open_ledger(tmp_path)
    trial = ledger.ask()
    ledger.add_rung(trial.number, rung(0, 0.5), b"")
    ledger.add_rung(trial.number, rung(0, 0.9), b"")

    assert [r.score.value for r in ledger.rungs(trial.number)] == [0.5]


def test_trials_that_were_running_are_orphans_of_the_next_owner(tmp_path) -> None:
    first = open_ledger(tmp_path)
    running, ended = first.ask(), first.ask()
    first.add_rung(running.number, rung(0), b"\x00\x00")
    first.tell(ended.number, TrialState.DIVERGED, cause="nan")
    half_asked = first.study.ask()
    second = open_ledger(tmp_path)

    (orphan,) = second.orphans()
    assert orphan.number == running.number
    assert orphan.config == running.config
    assert len(orphan.rungs) == 1
    second.add_rung(orphan.number, rung(1), b"")
    second.add_rung(orphan.number, rung(2, 0.8), b"")
    assert second.tell(orphan.number, TrialState.COMPLETE).metric == 0.8
    assert second.study.trials[half_asked.number].state.is_finished()


def test_refused_configurations_are_kept_with_their_reason_and_never_returned(tmp_path) -> None:
    ledger = open_ledger(tmp_path, refuse=lambda config: "too large" if config.rank > 1 else "")
    ledger.enqueue(({"rank": 2, "target_modules": "attention_qv", "learning_rate": 5e-3},))
    trials = [ledger.ask() for _ in range(3)]
    refused = [r for r in ledger.records() if r.state == TrialState.REFUSED]

    assert [trial.config.rank for trial in trials] == [1, 1, 1]
    assert [(r.cause, r.config.rank) for r in refused] == [("too large", 2)]
    ledger.explore(SPACE, COSTS, metric=metric_named("accuracy"), floor=0.3, refuse=lambda config: "never")
    assert ledger.ask() is None


def test_first_suggestions_come_first_and_only_into_an_empty_study(tmp_path) -> None:
    ledger = open_ledger(tmp_path)
    wanted = {"rank": 2, "target_modules": ("query",), "learning_rate": 5e-3}
    ledger.enqueue((wanted,))
    first = ledger.ask()
    ledger.enqueue((wanted,))

    assert first.params == {"rank": 2, "target_modules": ["query"], "learning_rate": 5e-3}
    assert ledger.ask().params != first.params


def test_the_same_configuration_is_not_trained_twice(tmp_path) -> None:
    choices = Space(
        name="s",
        parameters={"rank": Choice(values=(1, 2))},
        fixed={"layers": "all", "target_modules": "attention_qv", "learning_rate": 1e-3},
    )
    ledger = open_ledger(tmp_path, choices)
    ranks = []
    while (trial := ledger.ask()) is not None:
        ranks.append(trial.config.rank)

    assert sorted(ranks) == [1, 2]


def test_the_sampler_is_told_which_way_the_metric_is_better(tmp_path) -> None:
    made = Ledger(tmp_path / "study.db", seed=0, direction="minimize")
    reader = Ledger(tmp_path / "study.db", seed=0)

    for ledger in (made, reader):
        assert [each.name for each in ledger.study.directions] == ["MINIMIZE"] * 3


def test_first_suggestions_that_came_half_way_are_made_whole(tmp_path) -> None:
    wanted = tuple({"rank": 2, "target_modules": "attention_qv", "learning_rate": rate} for rate in (2e-3, 5e-3, 8e-3))
    first = open_ledger(tmp_path)
    first.enqueue(wanted[:1])
    ledger = open_ledger(tmp_path)
    ledger.enqueue(wanted)

    assert [ledger.ask().config.learning_rate for _ in wanted] == [2e-3, 5e-3, 8e-3]


def test_how_many_trials_there_are_is_asked_of_the_study_once_between_changes(tmp_path) -> None:
    ledger = open_ledger(tmp_path)
    statements: list[str] = []
    event.listen(ledger._storage.engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    running = ledger.ask()
    statements.clear()
    before = [(ledger.count(), ledger.count(TrialState.RUNNING)) for _ in range(50)]
    asked = len(statements)
    ledger.tell(running.number, TrialState.FAILED)

    assert before == [(1, 1)] * 50
    assert 0 < asked < 10
    assert (ledger.count(), ledger.count(TrialState.RUNNING), ledger.count(TrialState.FAILED)) == (1, 0, 1)
