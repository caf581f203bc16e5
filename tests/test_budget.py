from __future__ import annotations

import json
import math
import time
from dataclasses import replace

import pytest

from autolora.budget import Clock, Stopwatch, as_event, confirming_of, plan_of, seconds_used, settled_of
from autolora.business import Business, Machine
from autolora.data_request import DataRequest
from autolora.plan import DEPTHS, Confirming, Plan, Sizes, Work, everything, make
from autolora.records import RungRecord, Score, TrialRecord, TrialState
from autolora.request import Budget, Request
from autolora.store import RunFolder

pytestmark = pytest.mark.unit

SIZES = Sizes(train=1_000, validation=250, test=300)
LARGE = Sizes(train=320_000, validation=80_000, test=300)
WORK = Work(per_row=0.01, per_default_row=0.01, per_score=0.001, per_word_row=0.0, epochs=1.0, trials=24, rungs=3)


def trial(full_seconds: float, *, share: float = 1 / 3) -> TrialRecord:
    """Return a trial that has trained a share of its length at a rate of ``full_seconds`` for all of it."""
    rung = RungRecord(
        rung=1, share=share, steps=10, score=Score(value=0.5, standard_error=0.1), train_loss=1.0,
        seconds=full_seconds * share,
    )  # fmt: skip
    return TrialRecord(number=0, state=TrialState.RUNNING, params={}, config=None, rungs=(rung,))


def clock(minutes: float, *, pace: float | None = None, spent: float = 0.0, sizes: Sizes = SIZES) -> tuple[Clock, Plan]:
    made = Clock(watch=Stopwatch(before=spent), budget_seconds=minutes * 60)
    plan = make(minutes * 60, sizes, WORK, begun=10)
    made.follow(plan, WORK)
    if pace is not None:
        made.learn(trial(pace * WORK.exploring(plan.explore_train, plan.explore_validation)))
    return made, plan


def explore_seconds(it: Clock) -> float:
    return it.exploring_ends() - time.monotonic() + it.spent()


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", "version: 1\n")


def test_without_a_budget_exploring_never_ends_and_everything_is_confirmed() -> None:
    endless = Clock(watch=Stopwatch(), budget_seconds=math.inf)
    endless.follow(everything(SIZES), None)
    endless.learn(trial(1e6))

    assert endless.exploring_ends() == math.inf
    assert endless.confirming() == everything(SIZES).confirm


@pytest.mark.parametrize("sizes", [SIZES, LARGE])
def test_exploring_ends_when_it_was_planned_to(sizes) -> None:
    it, plan = clock(15, sizes=sizes)

    assert explore_seconds(it) == pytest.approx(plan.begun + plan.explore_seconds)


def test_exploring_leaves_what_confirming_will_take_at_the_speed_that_was_seen() -> None:
    it, plan = clock(15, pace=1.5)

    assert explore_seconds(it) == pytest.approx(900 - 1.5 * (plan.confirm_seconds + plan.closing_seconds))


def test_exploring_gets_its_least_share_when_trials_are_slow_and_its_most_when_they_are_fast() -> None:
    assert explore_seconds(clock(15, pace=50)[0]) == pytest.approx(10 + 0.35 * 890)
    assert explore_seconds(clock(15, pace=0.01)[0]) == pytest.approx(0.8 * 900)


def test_a_start_that_took_the_whole_budget_leaves_time_for_one_trial() -> None:
    it = Clock(watch=Stopwatch(before=70), budget_seconds=60)
    plan = make(60, SIZES, WORK, begun=70)
    it.follow(plan, WORK)

    assert not plan.enough
    assert explore_seconds(it) == pytest.approx(70 + WORK.exploring(plan.explore_train, plan.explore_validation))


def test_less_time_confirms_less_but_never_nothing() -> None:
    found = [clock(15, pace=1.0, spent=spent)[0].confirming() for spent in (0, 720, 760, 790, 2000)]

    assert [it.depth for it in found] == [DEPTHS[0], DEPTHS[1], DEPTHS[2], DEPTHS[3], DEPTHS[3]]
    assert {it.train for it in found} == {SIZES.train}


def test_a_slow_engine_confirms_a_large_table_on_fewer_rows_than_planned() -> None:
    slow, plan = clock(30, pace=3.0, spent=600, sizes=LARGE)

    found = slow.confirming()
    assert plan.explore_train < found.train < plan.confirm.train
    assert WORK.at_pace(3.0).confirming(found) <= 1800 - 600 - plan.closing_seconds


@pytest.mark.parametrize("plan", [everything(SIZES), make(900, LARGE, WORK, begun=12.5)], ids=["whole", "cut"])
def test_a_resumed_search_keeps_the_plan_that_it_had_begun(plan, run) -> None:
    assert plan_of(run) is None
    run.event("plan", spent=12.5, **as_event(plan))
    run.event("plan", spent=99.0, **as_event(replace(plan, explore_train=7)))

    assert plan_of(run) == plan
    assert "Infinity" not in (run.path / "events.jsonl").read_text()


def test_a_resumed_search_keeps_what_it_had_begun_to_confirm(run) -> None:
    begun = Confirming(depth=DEPTHS[2], train=700, validation=200)
    assert confirming_of(run) is None
    run.event("confirm", **as_event(begun))
    run.event("confirm", **as_event(replace(begun, train=900)))

    assert confirming_of(run) == begun


def test_the_time_used_is_what_events_count_and_no_time_of_day(run) -> None:
    assert seconds_used(run) == 0.0
    days = [("started", 1, 0.0), ("trial", 2, 61.5), ("resumed", 1, 61.5), ("trial", 9, 120.0), ("no count", 9, None)]
    lines = [
        json.dumps({"at": f"2026-01-{day:02d}T00:00:00+00:00", "event": name} | ({"spent": spent} if spent else {}))
        for name, day, spent in days
    ]
    (run.path / "events.jsonl").write_text("\n".join(lines) + "\n")

    assert seconds_used(run) == 120.0


def test_what_is_left_is_told_in_time_and_in_the_money_that_was_given() -> None:
    it, _ = clock(15, spent=300)
    business = Business(currency="JPY", machine=Machine(hourly=1200))
    of_time = Request(data=DataRequest(path="a.csv", text="t", label="l"), base_model="b", budget=Budget(minutes=15))
    of_money = replace(of_time, business=business, budget=Budget(money="300 JPY"))

    assert it.left_in_words(of_time) == "10 min"
    assert it.left_in_words(of_money) == "10 min or 200 JPY"


def test_the_last_part_begins_earlier_on_a_machine_that_turned_out_slow() -> None:
    on_time, plan = clock(15, pace=0.5, spent=300)
    slow, _ = clock(15, pace=2.0, spent=300)

    assert on_time.left_before(plan.closing_seconds) == pytest.approx(600 - plan.closing_seconds, abs=0.1)
    assert slow.left_before(plan.closing_seconds) == pytest.approx(600 - 2 * plan.closing_seconds, abs=0.1)
    assert Clock(watch=Stopwatch(), budget_seconds=math.inf).left_before(30) == math.inf


def test_what_the_linear_model_takes_is_left_too_where_it_comes_after() -> None:
    it, plan = clock(15)
    it.follow(plan, replace(WORK, per_word_row=0.01))

    before, after = (it.left_before(plan.closing_seconds, fitted_rows=rows) for rows in (1_000, 0))
    assert after - before == pytest.approx(30, abs=0.1), "three seeds"


def test_a_resumed_search_knows_what_the_choice_rests_on(run) -> None:
    assert settled_of(run) is None
    run.event("settled", trained=["finalist_1-1", "default_lora-1"])

    assert settled_of(run) == {"finalist_1-1", "default_lora-1"}
