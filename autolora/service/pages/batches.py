"""The pages of batches: several tables searched in one budget, watched together, with one report over all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from autolora.records import TrialState
from autolora.records.portfolio import MemberOutcome
from autolora.service.asking import name_from
from autolora.service.desk import Desk
from autolora.service.faults import Invalid, NotYet
from autolora.service.jobs import Job
from autolora.service.pages.data import ROWS
from autolora.service.pages.forms import number, ready_datasets, wish_of
from autolora.service.pages.show import page
from autolora.service.routes.common import After, TheDesk, cursor_of, job_out, place_of
from autolora.service.states import Kind


@dataclass(frozen=True, kw_only=True)
class TaskRow:
    """What is shown of one task."""

    name: str
    trials: int
    """That have ended."""
    best: float | None
    outcome: MemberOutcome | None
    """None before the roll-up was first written."""
    has_adapter: bool


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/batches")
    def listed(request: Request, desk: TheDesk, after: After = None) -> Response:
        found = desk.jobs.page([Kind.BATCH], limit=ROWS + 1, before=place_of(after))
        shown = [(job_out(desk, job), len(desk.task_names(job.id))) for job in found[:ROWS]]
        return page(request, "batches.html", {"batches": shown, "next": cursor_of(found, ROWS)})

    @routes.get("/batches/new")
    def new(request: Request, desk: TheDesk) -> Response:
        return page(request, "batch_new.html", {"datasets": ready_datasets(desk), "bases": sorted(desk.bases.all())})

    @routes.post("/batches/new")
    async def ask(request: Request, desk: TheDesk) -> Response:
        form = await request.form(max_fields=300)
        given = {name: str(value).strip() for name, value in form.items()}
        chosen = {id: desk.dataset(id).name for id in map(str, form.getlist("dataset"))}
        body = body_of(given, chosen)
        return RedirectResponse(f"/batches/{desk.batch(body).id}", status_code=303)

    @routes.get("/batches/{id}")
    def one(request: Request, desk: TheDesk, id: str) -> Response:
        return page(request, "batch.html", _standing(desk, desk.job(id, Kind.BATCH)))

    @routes.get("/batches/{id}/live")
    def live(request: Request, desk: TheDesk, id: str) -> Response:
        return page(request, "batch_live.html", _standing(desk, desk.job(id, Kind.BATCH)), fragment=True)

    @routes.post("/batches/{id}/delete")
    def delete(desk: TheDesk, id: str) -> Response:
        desk.forget(id, Kind.BATCH)
        return RedirectResponse("/batches", status_code=303)

    @routes.post("/batches/{id}/{wish}")
    def want(desk: TheDesk, id: str, wish: str) -> Response:
        desk.want(id, wish_of(wish, Kind.BATCH), Kind.BATCH)
        return RedirectResponse(f"/batches/{id}", status_code=303)

    return routes


def body_of(form: Mapping[str, str], tables: Mapping[str, str]) -> dict[str, Any]:
    """Return what a form asks for, as ``POST /v1/batches`` would say it.

    Args:
        form: Field → what was typed.
        tables: Id of a chosen dataset → name of its file.

    Raises:
        Invalid: If no table was chosen, or a field that must hold a number does not.
    """
    if not tables:
        raise Invalid("a batch needs a table at the least", "choose the tables", param="dataset")
    minutes, trials = number(form, "minutes"), number(form, "trials")
    shared: dict[str, Any] = {"base_model": form.get("base_model", "")}
    shared |= {"budget": {"trials": trials}} if trials else {}
    tasks: dict[str, dict[str, Any]] = {}
    for dataset, file in tables.items():
        name, count = name_from(file), 2
        while name.casefold() in tasks:  # two files of one name
            name, count = f"{name_from(file)}-{count}", count + 1
        tasks[name.casefold()] = {"dataset": dataset, "name": name, **shared}
    body: dict[str, Any] = {"name": form.get("name") or "portfolio", "tasks": list(tasks.values())}
    return body | ({"minutes": minutes} if minutes else {})


def _standing(desk: Desk, job: Job) -> dict[str, Any]:
    """Return what the page of a batch shows."""
    found = desk.portfolio(job.id)
    outcomes = {} if found is None else {each.name: each for each in found.members}
    return {
        "job": job_out(desk, job),
        "waiting": desk.position(job),
        "tasks": [_row(desk, job.id, name, outcomes.get(name)) for name in desk.task_names(job.id)],
        "has_report": found is not None,
    }


def _row(desk: Desk, id: str, name: str, outcome: MemberOutcome | None) -> TaskRow:
    try:
        found = desk.found(id, name)
    except NotYet:
        return TaskRow(name=name, trials=0, best=None, outcome=outcome, has_adapter=False)
    ended = [trial for trial in found.trials if trial.state not in (TrialState.RUNNING, TrialState.REFUSED)]
    scores = [trial.metric for trial in ended if trial.state == TrialState.COMPLETE and trial.metric is not None]
    return TaskRow(
        name=name,
        trials=len(ended),
        best=min(scores, key=found.guide.loss) if scores else None,
        outcome=outcome,
        has_adapter=outcome is not None and outcome.state == "done" and outcome.adapter_bytes > 0,
    )
