from __future__ import annotations

import json
import math
import time

import pytest

from autolora.budget import PLANS, Clock, ConfirmPlan, confirm_plan_of, seconds_used
from autolora.records import RungRecord, Score, TrialRecord, TrialState
from autolora.store import RunFolder

pytestmark = pytest.mark.unit


def trial(full_seconds: float, *, share: float = 1 / 3) -> TrialRecord:
    """Return a trial that has trained a share of its length at a rate of ``full_seconds`` for all of it."""
    rung = RungRecord(
        rung=1, share=share, steps=10, score=Score(value=0.5, standard_error=0.1), train_loss=1.0,
        seconds=full_seconds * share,
    )  # fmt: skip
    return TrialRecord(number=0, state=TrialState.RUNNING, params={}, config=None, rungs=(rung,))


def clock(minutes: float, *, full_seconds: float | None = None, spent: float = 0.0) -> Clock:
    made = Clock(start=time.monotonic() - spent, budget_seconds=minutes * 60)
    if full_seconds is not None:
        made.learn(trial(full_seconds))
    return made


def explore_seconds(it: Clock) -> float:
    return it.exploring_ends() - it.start


def test_without_a_budget_exploring_never_ends_and_everything_is_confirmed() -> None:
    endless = Clock(start=time.monotonic(), budget_seconds=math.inf)
    endless.learn(trial(1e6))

    assert endless.exploring_ends() == math.inf
    assert endless.confirm_plan() == PLANS[0]


def test_exploring_leaves_what_confirming_will_take() -> None:
    # 3 finalists x 3 seeds, 3 defaults, 3 other rates, 2 more seeds of the best: 17 trainings; then 30 s to the end.
    assert explore_seconds(clock(60, full_seconds=100)) == pytest.approx(3600 - 17 * 100 - 30)


def test_exploring_gets_its_least_share_when_trials_are_slow_and_its_most_when_they_are_fast() -> None:
    assert explore_seconds(clock(10, full_seconds=1000)) == pytest.approx(0.35 * 600)
    assert explore_seconds(clock(10, full_seconds=0.1)) == pytest.approx(0.8 * 600)


def test_less_time_confirms_less_but_never_nothing() -> None:
    plans = [clock(10, full_seconds=full).confirm_plan() for full in (30, 40, 50, 70, 500)]

    assert plans == [PLANS[0], PLANS[1], PLANS[2], PLANS[3], PLANS[3]]
    assert PLANS[-1] == ConfirmPlan(finalists=1, baseline_seeds=1)


def test_a_resumed_search_keeps_the_plan_that_it_had_begun(tmp_path) -> None:
    run = RunFolder.create(tmp_path / "run", "version: 1\n")
    assert confirm_plan_of(run) is None
    run.event("confirm", finalists=2, baseline_seeds=1)
    run.event("confirm", finalists=3, baseline_seeds=3)

    assert confirm_plan_of(run) == ConfirmPlan(2, 1)


def test_the_time_used_is_what_events_count_and_no_time_of_day(tmp_path) -> None:
    run = RunFolder.create(tmp_path / "run", "version: 1\n")
    assert seconds_used(run) == 0.0
    days = [("started", 1, 0.0), ("trial", 2, 61.5), ("resumed", 1, 61.5), ("trial", 9, 120.0), ("no count", 9, None)]
    lines = [
        json.dumps({"at": f"2026-01-{day:02d}T00:00:00+00:00", "event": name} | ({"spent": spent} if spent else {}))
        for name, day, spent in days
    ]
    (run.path / "events.jsonl").write_text("\n".join(lines) + "\n")

    assert seconds_used(run) == 120.0
