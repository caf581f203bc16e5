"""Searches, batches and plans as jobs: started, listed, watched, asked to rest or to end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from enum import Enum
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

from autolora.service.desk import Desk
from autolora.service.faults import Busy, Invalid
from autolora.service.jobs import Job
from autolora.service.routes.common import PLURAL, PROBLEM, After, Key, Limit, TheDesk, job_out, page_of
from autolora.service.schemas import BatchIn, Events, JobOut, Page, SearchIn
from autolora.service.states import Kind, Wish

POLL_SECONDS = 1.0
"""How often a stream looks for news; all streams of a job share one reader."""
MOST_STREAMS = 500
HEARTBEAT_SECONDS = 15.0
"""Of silence after which a stream says that it lives: proxies end silent ones."""


def router() -> APIRouter:
    """Return the routes of all three kinds."""
    routes = APIRouter(responses=PROBLEM)
    _add_starts(routes)
    for kind in (Kind.SEARCH, Kind.PLAN, Kind.BATCH):
        _add_standing(routes, kind)
        _add_events(routes, kind)
    return routes


def _add_starts(routes: APIRouter) -> None:
    @routes.post("/v1/searches", status_code=202, tags=["searches"], summary="Start a search")
    def start_search(desk: TheDesk, body: SearchIn, response: Response, key: Key = None) -> JobOut:
        return _started(desk, desk.search(body.model_dump(exclude_unset=True), key=key), response)

    @routes.post("/v1/plans", status_code=202, tags=["plans"], summary="Have it said what a search would take")
    def start_plan(desk: TheDesk, body: SearchIn, response: Response, key: Key = None) -> JobOut:
        return _started(desk, desk.plan(body.model_dump(exclude_unset=True), key=key), response)

    @routes.post("/v1/batches", status_code=202, tags=["batches"], summary="Start a search of many tasks")
    def start_batch(desk: TheDesk, body: BatchIn, response: Response, key: Key = None) -> JobOut:
        return _started(desk, desk.batch(body.model_dump(exclude_unset=True), key=key), response)


def _started(desk: Desk, job: Job, response: Response) -> JobOut:
    found = job_out(desk, job)
    response.headers["Location"] = found.links["self"]
    return found


def _add_standing(routes: APIRouter, kind: Kind) -> None:
    base = f"/v1/{PLURAL[kind]}"
    tags: list[str | Enum] = [PLURAL[kind]]

    @routes.get(base, tags=tags, name=f"list_{PLURAL[kind]}", summary=f"List {PLURAL[kind]}, the newest first")
    def listed(desk: TheDesk, limit: Limit = 20, after: After = None) -> Page:
        return page_of(desk, kind, limit, after)

    @routes.get(f"{base}/{{id}}", tags=tags, name=f"get_{kind.value}", summary="How it stands")
    def one(desk: TheDesk, id: str) -> JobOut:
        return job_out(desk, desk.job(id, kind))

    @routes.delete(
        f"{base}/{{id}}", status_code=204, tags=tags, name=f"delete_{kind.value}", summary="Delete one that has ended"
    )
    def forget(desk: TheDesk, id: str) -> None:
        desk.forget(id, kind)

    for wish, path in ((Wish.PAUSE, "pause"), (Wish.RUN, "resume"), (Wish.CANCEL, "cancel")):
        _add_wish(routes, kind, wish, path)


def _add_wish(routes: APIRouter, kind: Kind, wish: Wish, path: str) -> None:
    @routes.post(
        f"/v1/{PLURAL[kind]}/{{id}}/{path}",
        status_code=202,
        tags=[PLURAL[kind]],
        name=f"{path}_{kind.value}",
        summary=f"{path.capitalize()} it; its state follows within seconds",
    )
    def wished(desk: TheDesk, id: str) -> JobOut:
        return job_out(desk, desk.want(id, wish, kind))


def _add_events(routes: APIRouter, kind: Kind) -> None:
    @routes.get(
        f"/v1/{PLURAL[kind]}/{{id}}/events",
        tags=[PLURAL[kind]],
        name=f"{kind.value}_events",
        summary="What it said: as JSON, or as server-sent events",
        response_model=Events,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def events(
        desk: TheDesk,
        request: Request,
        id: str,
        after: Annotated[int, Query(ge=0, description="Id of the last event that is known.")] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
        last: Annotated[str | None, Header(alias="Last-Event-ID", max_length=20)] = None,
    ) -> Response:
        if last is not None and not last.isdecimal():
            raise Invalid("Last-Event-ID must be the id of an event", "leave it out to begin", param="Last-Event-ID")
        start = int(last) if last is not None else after
        job = await run_in_threadpool(desk.job, id, kind)
        if "text/event-stream" in request.headers.get("accept", ""):
            return _stream(desk, request, job, start)
        lines = (await run_in_threadpool(desk.events, id, start))[:limit]
        following = lines[-1]["id"] if lines else start
        return JSONResponse({"data": lines, "next": following, "ended": job.has_ended})


def _stream(desk: Desk, request: Request, job: Job, after: int) -> Response:
    state = request.app.state
    if state.streams >= MOST_STREAMS:
        raise Busy(f"there are {MOST_STREAMS} streams already", "ask for the events as JSON")

    async def lines() -> AsyncIterator[str]:
        state.streams += 1
        try:
            async for text in _told(desk, job, after):
                yield text
        finally:
            state.streams -= 1

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _told(desk: Desk, job: Job, after: int) -> AsyncIterator[str]:
    """Yield a job's events from one on, and every change of its state, to its end."""
    told, silent = None, 0.0
    while True:
        now = await run_in_threadpool(desk.jobs.get, job.id)
        # Asked before the lines: what has ended says nothing more.
        lines = await run_in_threadpool(desk.events, job.id, after)
        for line in lines:
            after = line["id"]
            yield f"id: {after}\nevent: {line['event']}\ndata: {json.dumps(line, ensure_ascii=False)}\n\n"
        if (now.state, now.wish) != told:
            told = (now.state, now.wish)
            yield f"event: state\ndata: {json.dumps({'state': now.state, 'wish': now.wish})}\n\n"
            silent = 0.0
        if now.has_ended:
            return
        silent = 0.0 if lines else silent + POLL_SECONDS
        if silent >= HEARTBEAT_SECONDS:
            yield ": alive\n\n"
            silent = 0.0
        await asyncio.sleep(POLL_SECONDS)
