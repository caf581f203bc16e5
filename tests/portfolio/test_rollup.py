"""From run folders and events to one record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autolora import request
from autolora.data_request import DataRequest
from autolora.portfolio.folder import BatchFolder, BatchRequest
from autolora.portfolio.members import Member
from autolora.portfolio.rollup import rolled_up
from autolora.records import to_json
from autolora.records.portfolio import CrossScore
from autolora.request import Request
from autolora.store import RunFolder
from autolora.verdict import DEFAULTS
from tests.report import made_up

pytestmark = pytest.mark.unit

BUSINESS = {
    "currency": "JPY", "volume_per_month": 2000, "minutes_per_item": 3, "hourly_cost": 3000, "error_rate": 0.2,
    "cost_per_error": 500, "adoption": 0.8, "cash_share": 0.5, "horizon_months": 24,
}  # fmt: skip


def member(name: str, **changes) -> Member:
    data = DataRequest(path=f"/data/{name}.csv", text="text", label="label")
    return Member(
        name=name, source=f"{name}.csv", request=Request(name=name, data=data, base_model="owner/base", **changes)
    )


def finish(batch: BatchFolder, name: str, **changes) -> None:
    """Give a task a finished run folder."""
    wanted = next(each for each in batch.request().members if each.name == name).request
    run = RunFolder.create(batch.run_path(name), request.as_yaml(wanted))
    run.write_data(made_up.data())
    run.write_trials(made_up.trials())
    run.write_confirm(made_up.confirm())
    run.write_recommendation(replace(made_up.recommendation(), name=name, **changes))
    run.event("done", spent=100.0)
    run.write_done()


@pytest.fixture
def batch(tmp_path) -> BatchFolder:
    business = request.from_mapping({
        "data": {"path": "x.csv", "text": "text", "label": "label"}, "base_model": "b", "business": BUSINESS
    }).business  # fmt: skip
    members = (
        member("mails", business=business), member("calls", business=business), member("notes", business=business),
        member("gone"), member("next"), Member(name="bad", source="bad.yaml", request=None, fault="bad.yaml: no"),
    )  # fmt: skip
    return BatchFolder.create(tmp_path / "q3", BatchRequest(name="q3", members=members, minutes=60))


def test_every_task_is_there_with_its_state(batch) -> None:
    finish(batch, "mails", verdict="adopt")
    batch.event("begun", task="calls", base="base", bytes=90)
    batch.event("begun", task="notes", base="base", bytes=90)
    batch.event("failed", task="notes", cause="out of memory")
    batch.cancel("gone")

    found = rolled_up(batch, finished=False, seconds=300)

    assert {m.name: (m.state, m.cause) for m in found.members} == {
        "mails": ("done", ""), "calls": ("running", ""), "notes": ("failed", "out of memory"),
        "gone": ("cancelled", ""), "next": ("waiting", ""), "bad": ("failed", "bad.yaml: no"),
    }  # fmt: skip
    assert found.budget_seconds == 3600


def test_a_task_that_failed_and_was_begun_again_is_at_work(batch) -> None:
    for kind in ("begun", "failed", "begun"):
        batch.event(kind, task="calls", base="base", bytes=90)

    found = rolled_up(batch, finished=False, seconds=1)
    assert next(m for m in found.members if m.name == "calls").state == "running"


def test_scores_costs_and_money_are_those_of_each_search(batch) -> None:
    finish(batch, "mails", verdict="adopt")
    own = made_up.recommendation()

    mails = rolled_up(batch, finished=False, seconds=1).members[0]

    assert (mails.verdict, mails.test, mails.test_ci95) == ("adopt", own.metric.test, own.metric.test_ci95)
    best = max(own.baselines.items(), key=lambda pair: pair[1].metric.test or 0)
    assert (mails.rival, mails.rival_test) == (best[0], best[1].metric.test)
    assert (mails.currency, mails.horizon_months) == ("JPY", 24)
    assert mails.net_a_month is not None
    assert mails.seconds == 100.0


def test_where_the_default_is_kept_its_own_figures_stand_against_what_needs_no_adapter(batch) -> None:
    finish(batch, "mails", verdict="keep_default", kept="rate_grid")
    rivals = made_up.recommendation().baselines
    used = rivals["rate_grid"]

    mails = rolled_up(batch, finished=False, seconds=1).members[0]

    assert (mails.test, mails.test_ci95) == (used.metric.test, used.metric.test_ci95)
    assert (mails.trainable_params, mails.adapter_bytes) == (used.trainable_params, used.adapter_bytes)
    best = max((n for n in rivals if n not in DEFAULTS), key=lambda name: rivals[name].metric.test or 0)
    assert (mails.rival, mails.rival_test) == (best, rivals[best].metric.test)


def test_adapters_that_go_to_work_are_stored_and_what_is_simpler_is_not(batch) -> None:
    for name, verdict in (("mails", "adopt"), ("calls", "keep_default"), ("notes", "use_simpler")):
        finish(batch, name, verdict=verdict)
        batch.event("begun", task=name, base=made_up.recommendation().base_model["id"], bytes=1000)

    found = rolled_up(batch, finished=True, seconds=1)

    assert found.adapter_bytes == 2 * made_up.recommendation().adapter_bytes
    assert found.full_model_bytes == 2000
    assert found.base_bytes == {made_up.recommendation().base_model["id"]: 1000}


def test_what_is_worth_most_a_month_rolls_out_first_and_what_does_not_go_to_work_last(batch) -> None:
    finish(batch, "mails", verdict="not_ready")
    finish(batch, "calls", verdict="use_simpler")
    finish(batch, "notes", verdict="adopt")

    found = rolled_up(batch, finished=True, seconds=1)
    order = found.order

    assert [step.name for step in order][:2] == ["notes", "calls"]
    assert order[0].reason == "money"
    assert order[1].reason == "simpler"
    calls, notes = (next(m for m in found.members if m.name == name) for name in ("calls", "notes"))
    assert (calls.currency, calls.net_a_month, calls.payback_months) == ("JPY", None, None), "its adapter is not used"
    assert notes.net_a_month is not None
    assert [(s.name, s.reason) for s in order[2:]] == [
        ("mails", "not_ready"), ("gone", "waiting"), ("next", "waiting"), ("bad", "failed"),
    ]  # fmt: skip


def test_how_the_time_was_split_is_told_with_its_reasons(batch) -> None:
    batch.event("allotted", seconds={"mails": 600.0}, least={"mails": 100.0})
    batch.event("weighed", tasks=["mails"], by="money", currency="JPY")
    batch.event(
        "explored", task="mails", seconds=42.0, weight=9.0, promise=0.01, ended_by="time", suggested_by={"calls": 2}
    )
    finish(batch, "mails")

    split = rolled_up(batch, finished=True, seconds=1).members[0].allotted

    assert (split.seconds, split.least_seconds, split.explored_seconds) == (600.0, 100.0, 42.0)
    assert (split.weight, split.unit, split.last_promise, split.ended_by) == (9.0, "money", 0.01, "time")
    assert split.suggested_by == {"calls": 2}
    assert split.trials == len(made_up.trials())


def test_the_newest_score_of_a_pair_counts(batch) -> None:
    old = CrossScore(adapter="a", rows="b", score=0.5, own=0.9, difference=(-0.4, -0.5, -0.3), as_good=False)
    for score in (old, replace(old, score=0.6), replace(old, rows="c")):
        batch.event("cross", score=to_json(score))

    assert [(s.rows, s.score) for s in rolled_up(batch, finished=True, seconds=1).cross] == [("b", 0.6), ("c", 0.5)]
