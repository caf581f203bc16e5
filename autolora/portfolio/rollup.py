"""From a batch folder to one record of what its tasks came to together. Trains nothing and loads no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autolora.errors import AutoloraError
from autolora.folder import DONE
from autolora.objectives import recorded_metric
from autolora.pages import assessed
from autolora.portfolio.folder import BatchFolder
from autolora.portfolio.members import Member
from autolora.records import BaselineSummary, Recommendation, from_json
from autolora.records.portfolio import (
    ADAPTERS,
    Allotted,
    CrossScore,
    MemberOutcome,
    MemberState,
    PortfolioRecord,
    Step,
)
from autolora.results import SearchRecord
from autolora.results import read as read_run
from autolora.verdict import DEFAULTS


def rolled_up(folder: BatchFolder, *, finished: bool, seconds: float) -> PortfolioRecord:
    """Return what a batch came to so far.

    Args:
        folder: Of the batch.
        finished: Whether nothing more is to be done.
        seconds: That were worked on it.
    """
    wanted, events = folder.request(), folder.events()
    members = tuple(_outcome(folder, member, events) for member in wanted.members)
    bases = _bases(members, events)
    packed = [member for member in members if member.verdict in ADAPTERS]
    return PortfolioRecord(
        name=wanted.name,
        finished=finished,
        members=members,
        seconds=seconds,
        budget_seconds=None if wanted.minutes is None else wanted.minutes * 60,
        device=next((str(event["device"]) for event in reversed(events) if "device" in event), ""),
        base_bytes=bases,
        adapter_bytes=sum(member.adapter_bytes for member in packed),
        full_model_bytes=sum(bases.get(member.base_model, 0) for member in packed),
        cross=_cross(events),
        order=_order(members),
    )


def _search(folder: BatchFolder, name: str) -> SearchRecord | None:
    """Return a task's search as far as it has come, None before it has read its data."""
    try:
        return read_run(folder.run_path(name))
    except AutoloraError:
        return None


def _outcome(folder: BatchFolder, member: Member, events: Sequence[dict[str, Any]]) -> MemberOutcome:
    search = _search(folder, member.name)
    own = [event for event in events if event.get("task") == member.name]
    state, cause = _state(folder, member, own)
    request = member.request
    said: dict[str, Any] = {
        "name": member.name,
        "state": state,
        "cause": cause,
        "source": member.source,
        "metric": "" if request is None else request.metric,
        "required": None if request is None else request.limits.min_metric,
        "allotted": _allotted(member, own, events, search),
    }
    if search is not None:
        said |= {
            "problem": search.data.problem,
            "classes": len(search.data.classes),
            "rows": search.data.rows,
            "seconds": max((float(event.get("spent", 0.0)) for event in search.events), default=0.0),
        }
    if search is not None and state == "done" and search.recommendation is not None:
        said |= _judged(search, search.recommendation)
    return MemberOutcome(**said)


def _state(folder: BatchFolder, member: Member, own: Sequence[dict[str, Any]]) -> tuple[MemberState, str]:
    """Return where a task stands, and why it failed if it has."""
    if member.request is None:
        return "failed", member.fault
    if (folder.run_path(member.name) / DONE).exists():
        return "done", ""
    if folder.is_cancelled(member.name):
        return "cancelled", ""
    last = next((event for event in reversed(own) if event["event"] in ("begun", "failed", "finished")), None)
    if last is None:
        return "waiting", ""
    return ("failed", str(last.get("cause", ""))) if last["event"] == "failed" else ("running", "")


def _allotted(
    member: Member, own: Sequence[dict[str, Any]], events: Sequence[dict[str, Any]], search: SearchRecord | None
) -> Allotted:
    explored: dict[str, Any] = next((event for event in reversed(own) if event["event"] == "explored"), {})
    split: dict[str, Any] = next((event for event in reversed(events) if event["event"] == "allotted"), {})
    weighed = any(event["event"] == "weighed" for event in events)
    trials = () if search is None else search.trials
    return Allotted(
        seconds=split.get("seconds", {}).get(member.name),
        least_seconds=split.get("least", {}).get(member.name),
        explored_seconds=float(explored.get("seconds", sum(trial.seconds for trial in trials))),
        trials=len(trials),
        completed=sum(trial.state == "complete" for trial in trials),
        priority=member.priority,
        deadline_seconds=member.deadline_seconds,
        weight=float(explored.get("weight", member.priority)),
        unit="money" if weighed else "share",
        last_promise=explored.get("promise"),
        ended_by=str(explored.get("ended_by", "")),
        suggested_by=dict(explored.get("suggested_by", {})),
    )


def _judged(search: SearchRecord, found: Recommendation) -> dict[str, Any]:
    """Return what a finished search adds."""
    rival = _best_rival(search, found)
    used = found.used
    said: dict[str, Any] = {
        "base_model": found.base_model["id"],
        "verdict": found.verdict,
        "test": None if used.metric is None else used.metric.test,
        "test_ci95": None if used.metric is None else used.metric.test_ci95,
        "rival": "" if rival is None else rival[0],
        "rival_test": None if rival is None else rival[1].metric.test,
        "trainable_params": used.trainable_params,
        "adapter_bytes": used.adapter_bytes,
        "hypervolume": found.search.hypervolume,
    }
    money = assessed(search)
    if money is not None:
        said |= {
            "currency": money.currency,
            "spent": None if money.spent.total is None else float(money.spent.total),
            "horizon_months": money.horizon_months,
        }
    if money is not None and found.verdict in ADAPTERS:  # of anything else it would be the worth of what is not used
        said |= {
            "net_a_month": float(money.full_use.net),
            "present_value": float(money.likely.present_value),
            "payback_months": money.likely.payback_months,
        }
    return said


def _best_rival(search: SearchRecord, found: Recommendation) -> tuple[str, BaselineSummary] | None:
    """Return the baseline with the best test score, of those that are not to be used themselves."""
    metric, forms = search.metric, tuple(DEFAULTS) if found.kept else ()
    scored = [(n, each) for n, each in found.baselines.items() if each.metric.test is not None and n not in forms]
    return min(scored, key=lambda pair: metric.loss(pair[1].metric.test or 0.0), default=None)


def _bases(members: Sequence[MemberOutcome], events: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Return the bases of the tasks that were begun, with the bytes of their weights."""
    sizes = {str(event["base"]): int(event["bytes"]) for event in events if event["event"] == "begun"}
    named = {member.base_model for member in members if member.base_model}
    return {base: sizes.get(base, 0) for base in sorted(named | set(sizes))}


def _cross(events: Sequence[dict[str, Any]]) -> tuple[CrossScore, ...]:
    last = {
        (score.adapter, score.rows): score
        for event in events
        if event["event"] == "cross"
        for score in [from_json(str(event["score"]), CrossScore)]
    }
    return tuple(last[key] for key in sorted(last))


def _order(members: Sequence[MemberOutcome]) -> tuple[Step, ...]:
    """Return the tasks in the order in which to roll out.

    What goes to work comes before what does not, and adapters before what is simpler. Where money is known of all
    adapters in one currency, what is worth most a month comes first; else what gains most over the best that needs no
    search, as a share of what was left to gain. What costs more than it brings comes after them. What is not ready, or
    has failed, comes last, as it was named.
    """
    adapters = [member for member in members if member.verdict in ADAPTERS]
    simpler = [member for member in members if member.verdict == "use_simpler"]
    others = [member for member in members if member not in adapters and member not in simpler]
    by_money = len({m.currency for m in adapters}) == 1 and all(m.net_a_month is not None for m in adapters)

    def gain(member: MemberOutcome) -> float:
        if member.test is None or member.rival_test is None:
            return 0.0
        metric = recorded_metric(member.metric)
        best = 1.0 if metric.best is None else metric.best
        left = abs(best - member.rival_test)
        return (metric.loss(member.rival_test) - metric.loss(member.test)) / left if left else 0.0

    def worth(member: MemberOutcome) -> float:
        return (member.net_a_month or 0.0) if by_money else gain(member)

    ranked = sorted(adapters, key=worth, reverse=True)
    losing = [member for member in ranked if (member.net_a_month or 0.0) < 0]
    return (
        *(Step(name=m.name, reason="money" if by_money else "gain") for m in ranked if m not in losing),
        *(Step(name=m.name, reason="simpler") for m in simpler),
        *(Step(name=m.name, reason="loss") for m in losing),
        *(Step(name=m.name, reason="not_ready" if m.verdict else m.state) for m in others),
    )
