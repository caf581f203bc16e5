"""The pages of searches: asked for by three questions, planned, watched, compared, tried."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from autolora.pages import plain_verdict
from autolora.records import Recommendation
from autolora.results import SearchRecord
from autolora.service.desk import Desk
from autolora.service.faults import Invalid, NotYet
from autolora.service.jobs import Job
from autolora.service.pages.chart import chart_of
from autolora.service.pages.data import ROWS
from autolora.service.pages.forms import number, ready_datasets, wish_of
from autolora.service.pages.show import Words, language_of, page
from autolora.service.routes.common import After, TheDesk, cursor_of, job_out, place_of
from autolora.service.states import Kind, State
from autolora.space import shipped

TRIALS = 50
"""Of a page of trials."""
NEWEST = 8
"""Trials on the page of a search."""
SEEN = 64
"""Live parts that are kept: all viewers of a search in one language see the same one."""
REVIEWED = 60
"""Test rows that reviewers are shown at most."""


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def home(request: Request, desk: TheDesk, after: After = None) -> Response:
        found = desk.jobs.page([Kind.SEARCH], limit=ROWS + 1, before=place_of(after))
        shown = [job_out(desk, job) for job in found[:ROWS]]
        return page(request, "searches.html", {"searches": shown, "next": cursor_of(found, ROWS)})

    @routes.get("/searches/new")
    def new(request: Request, desk: TheDesk, dataset: str | None = None) -> Response:
        values = {
            "datasets": ready_datasets(desk),
            "chosen": dataset,
            "bases": sorted(desk.bases.all()),
            "spaces": shipped(),
        }
        return page(request, "new.html", values)

    @routes.post("/searches/new")
    async def ask(request: Request, desk: TheDesk) -> Response:
        form = {name: str(value).strip() for name, value in (await request.form(max_fields=30)).items()}
        body = body_of(form)
        if form.get("go") == "start":
            return RedirectResponse(f"/searches/{desk.search(body).id}", status_code=303)
        return RedirectResponse(f"/plans/{desk.plan(body).id}", status_code=303)

    @routes.get("/plans/{id}")
    def plan(request: Request, desk: TheDesk, id: str) -> Response:
        job = desk.job(id, Kind.PLAN)
        forecast = desk.forecast(id) if job.state == State.SUCCEEDED else None
        return page(request, "plan.html", {"job": job_out(desk, job), "forecast": forecast})

    @routes.post("/plans/{id}/start")
    def start(desk: TheDesk, id: str) -> Response:
        desk.job(id, Kind.PLAN)
        body = desk.place.job(id).request()["body"]
        job = desk.search(body, key=f"plan {id}")  # sent twice, it starts once
        return RedirectResponse(f"/searches/{job.id}", status_code=303)

    @routes.get("/searches/{id}")
    def one(request: Request, desk: TheDesk, id: str) -> Response:
        values = _standing(request, desk, desk.job(id, Kind.SEARCH))
        return page(request, "search.html", values | {"answer": None, "text": ""})

    @routes.get("/searches/{id}/live")
    def live(request: Request, desk: TheDesk, id: str) -> Response:
        job = desk.job(id, Kind.SEARCH)
        seen: OrderedDict[tuple[object, ...], bytes] = request.app.state.seen
        key = (language_of(request), *desk.version(job))
        html = seen.get(key)
        if html is None:
            html = bytes(page(request, "live.html", _standing(request, desk, job), fragment=True).body)
            seen[key] = html
            while len(seen) > SEEN:
                seen.popitem(last=False)
        return HTMLResponse(html)

    @routes.post("/searches/{id}/try")
    def answer(
        request: Request, desk: TheDesk, id: str, text: Annotated[str, Form(min_length=1, max_length=20_000)]
    ) -> Response:
        job = desk.job(id, Kind.SEARCH)
        said = desk.answers(id, [text], abstain_below=None)[0]
        return page(request, "search.html", _standing(request, desk, job) | {"answer": said, "text": text})

    @routes.post("/searches/{id}/review")
    def review(request: Request, desk: TheDesk, id: str) -> Response:
        desk.make_review(id, rows=REVIEWED, language=language_of(request))
        return RedirectResponse(f"/searches/{id}#review", status_code=303)

    @routes.post("/searches/{id}/said")
    def said(desk: TheDesk, id: str, file: UploadFile) -> Response:
        desk.read_review(id, file.file.read(), min_accepted=None)
        return RedirectResponse(f"/searches/{id}#review", status_code=303)

    @routes.post("/searches/{id}/delete")
    def delete(desk: TheDesk, id: str) -> Response:
        desk.forget(id, Kind.SEARCH)
        return RedirectResponse("/", status_code=303)

    @routes.post("/searches/{id}/{wish}")
    def want(desk: TheDesk, id: str, wish: str) -> Response:
        desk.want(id, wish_of(wish, Kind.SEARCH), Kind.SEARCH)
        return RedirectResponse(f"/searches/{id}", status_code=303)

    @routes.get("/searches/{id}/trials")
    def trials(
        request: Request, desk: TheDesk, id: str, offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0
    ) -> Response:
        job = desk.job(id, Kind.SEARCH)
        rows = desk.found(id).leaderboard()
        shown = rows[offset : offset + TRIALS]
        values = {"job": job, "trials": shown, "offset": offset, "total": len(rows), "step": TRIALS}
        return page(request, "trials.html", values)

    @routes.get("/compare")
    def compare(request: Request, desk: TheDesk, id: Annotated[list[str], Query(max_length=2)]) -> Response:
        if len(id) != 2:
            raise Invalid("two searches are compared", "choose two")
        jobs = [desk.job(each, Kind.SEARCH) for each in id]
        found = [_found(desk, job) for job in jobs]
        hashes = {each.data.hash for each in found if each is not None}
        rows = compared([None if each is None else each.recommendation for each in found], Words(language_of(request)))
        return page(request, "compare.html", {"jobs": jobs, "rows": rows, "alike": len(hashes) < 2})

    return routes


def compared(found: Sequence[Recommendation | None], t: Words) -> list[list[str]]:
    """Return what searches came to, a row for each thing that is compared: what it is, and each search's."""

    def row(key: str, say: Callable[[Recommendation], str]) -> list[str]:
        return [t(key), *(t("compare.none") if each is None else say(each) for each in found)]

    def tested(each: Recommendation) -> str:
        metric = each.used.metric
        return "–" if metric is None or metric.test is None else f"{metric.test:.3f} ({metric.name})"

    def interval(each: Recommendation) -> str:
        ends = None if each.used.metric is None else each.used.metric.test_ci95
        return "–" if ends is None else f"{ends[0]:.3f} – {ends[1]:.3f}"

    return [
        row("compare.verdict", lambda each: t(f"verdict.{each.verdict}")),
        row("compare.test", tested),
        row("compare.interval", interval),
        row("compare.parameters", lambda each: f"{each.used.trainable_params:,}" if each.config else "–"),
        row("compare.size", lambda each: t.bytes(each.used.adapter_bytes) if each.config else "–"),
        row("compare.rank", lambda each: str(each.used.config.rank) if each.used.config else "–"),
        row("compare.hypervolume", lambda each: f"{each.search.hypervolume:.3f}"),
        row("compare.seconds", lambda each: t.duration(each.search.seconds)),
    ]


def body_of(form: dict[str, str]) -> dict[str, Any]:
    """Return what a form asks for, as ``POST /v1/searches`` would say it; empty fields are left out.

    Raises:
        Invalid: If a field that must hold a number does not.
    """
    minutes = number(form, "minutes")
    trials = number(form, "trials")
    limits = {"max_params": number(form, "max_params"), "min_metric": number(form, "min_metric")}
    body: dict[str, Any] = {
        "dataset": form.get("dataset", ""),
        "base_model": form.get("base_model", ""),
        "name": form.get("name") or None,
        "metric": form.get("metric") or None,
        "limits": {name: value for name, value in limits.items() if value is not None}
        | ({"max_memory": form["max_memory"]} if form.get("max_memory") else {}),
        "budget": ({"minutes": minutes} if minutes else {}) | ({"trials": trials} if trials else {}),
        "space": form.get("space") or None,
        "baselines": form.get("baselines") or None,
        "seed": number(form, "seed"),
        "priority": number(form, "priority") or 0,
    }
    return {name: value for name, value in body.items() if value not in (None, {})}


def _found(desk: Desk, job: Job) -> SearchRecord | None:
    try:
        return desk.found(job.id)
    except NotYet:
        return None


def _standing(request: Request, desk: Desk, job: Job) -> dict[str, Any]:
    """Return what the page of a search shows."""
    found = _found(desk, job)
    recommended = None if found is None else found.recommendation
    is_over = job.state == State.SUCCEEDED
    is_judged = is_over and found is not None and found.confirm is not None and recommended is not None
    reviews = [job_out(desk, each) for each in desk.reviews(job.id)] if is_over else []
    return {
        "job": job_out(desk, job),
        "reviews": reviews,
        "reviewing": any(each.state in (State.QUEUED, State.VALIDATING, State.RUNNING) for each in reviews),
        "review_pages": [each for each in reviews if desk.has_review_page(each.id)],
        "waiting": desk.position(job),
        "chart": None if found is None else chart_of(found.trials, found.guide),
        "trials": [] if found is None else found.leaderboard()[:NEWEST],
        "recommendation": recommended if is_over else None,
        "plain": plain_verdict(found, language_of(request)) if found is not None and is_judged else "",
        "has_adapter": is_over and recommended is not None and recommended.config is not None,
    }
