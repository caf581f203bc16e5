"""What searches have found: trials, front, recommendation, reports, the adapter; and what plans and batches came to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse

from autolora import pages, results
from autolora.portfolio.folder import MANAGEMENT, WORKBOOK
from autolora.portfolio.reports import engineer_page
from autolora.recommend import front as front_of
from autolora.records import to_json
from autolora.service.desk import Desk
from autolora.service.faults import NotYet
from autolora.service.guard import REPORT_POLICY
from autolora.service.routes.common import PROBLEM, TheDesk
from autolora.service.states import Kind
from autolora.service.zipped import zipped

Language = Annotated[Literal["en", "ja"], Query(alias="lang")]
Audience = Annotated[Literal["engineer", "management"], Query()]
Format = Annotated[Literal["html", "xlsx"], Query()]
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(responses=PROBLEM)

    @routes.get("/v1/searches/{id}/trials", tags=["searches"], summary="Its trials, best first, some at a time")
    def trials(
        desk: TheDesk,
        id: str,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> dict[str, Any]:
        desk.job(id, Kind.SEARCH)
        rows = desk.found(id).leaderboard()
        return {"data": rows[offset : offset + limit], "total": len(rows)}

    @routes.get("/v1/searches/{id}/front", tags=["searches"], summary="The trials that no other dominates")
    def front(desk: TheDesk, id: str) -> dict[str, Any]:
        desk.job(id, Kind.SEARCH)
        found = desk.found(id)
        return {"data": [results.row(trial) for trial in front_of(found.trials, found.guide)]}

    @routes.get("/v1/searches/{id}/recommendation", tags=["searches"], summary="What is recommended, and why")
    def recommendation(desk: TheDesk, id: str) -> Response:
        desk.job(id, Kind.SEARCH)
        found = desk.found(id).recommendation
        if found is None:
            raise NotYet("there is no recommendation yet", "ask again when the search has succeeded")
        return Response(to_json(found), media_type="application/json")

    @routes.get("/v1/searches/{id}/report", tags=["searches"], summary="The report, for engineers or managers")
    def report(
        desk: TheDesk, id: str, lang: Language = "en", audience: Audience = "engineer", format: Format = "html"
    ) -> Response:
        desk.job(id, Kind.SEARCH)
        return _report(desk, id, None, lang, audience, format)

    @routes.get("/v1/searches/{id}/adapter", tags=["searches"], summary="The adapter folder, as a zip file")
    def adapter(desk: TheDesk, id: str) -> StreamingResponse:
        job = desk.job(id, Kind.SEARCH)
        return _zip(desk.bundle(id), job.name)

    @routes.get("/v1/batches/{id}/report", tags=["batches"], summary="The roll-up, for engineers or managers")
    def roll_up(
        desk: TheDesk, id: str, lang: Language = "en", audience: Audience = "engineer", format: Format = "html"
    ) -> Response:
        desk.job(id, Kind.BATCH)
        found = desk.portfolio(id)
        path = desk.run_of(id) / (WORKBOOK if format == "xlsx" else MANAGEMENT).format(language=lang)
        is_for_engineers = format == "html" and audience == "engineer"
        if found is None or not (is_for_engineers or path.exists()):
            raise NotYet("there is no report yet", "ask again when its first tasks are done")
        if is_for_engineers:
            return _page(engineer_page(found, links=False))
        if format == "xlsx":
            return FileResponse(path, media_type=_XLSX, filename=f"portfolio.{lang}.xlsx")
        return _page(path.read_text(encoding="utf-8"))

    @routes.get("/v1/batches/{id}/portfolio", tags=["batches"], summary="What its tasks came to")
    def portfolio(desk: TheDesk, id: str) -> Response:
        desk.job(id, Kind.BATCH)
        found = desk.portfolio(id)
        if found is None:
            raise NotYet("there is no roll-up yet", "ask again when its first tasks are done")
        return Response(to_json(found), media_type="application/json")

    @routes.get("/v1/batches/{id}/tasks/{task}/report", tags=["batches"], summary="The report of one task")
    def task_report(
        desk: TheDesk,
        id: str,
        task: str,
        lang: Language = "en",
        audience: Audience = "engineer",
        format: Format = "html",
    ) -> Response:
        desk.job(id, Kind.BATCH)
        return _report(desk, id, task, lang, audience, format)

    @routes.get("/v1/batches/{id}/tasks/{task}/adapter", tags=["batches"], summary="The adapter of one task, zipped")
    def task_adapter(desk: TheDesk, id: str, task: str) -> StreamingResponse:
        desk.job(id, Kind.BATCH)
        return _zip(desk.bundle(id, task), task)

    @routes.get("/v1/plans/{id}/forecast", tags=["plans"], summary="What a search would take")
    def forecast(desk: TheDesk, id: str) -> Response:
        desk.job(id, Kind.PLAN)
        return JSONResponse(msgspec.to_builtins(desk.forecast(id)))

    return routes


def _report(desk: Desk, id: str, task: str | None, lang: Any, audience: str, format: str) -> Response:
    found = desk.found(id, task)
    if format == "xlsx":
        content = pages.management_workbook(found, lang)
        return Response(content, media_type=_XLSX, headers=_named(f"management.{lang}.xlsx"))
    if audience == "management":
        return _page(pages.management_page(found, lang))
    return _page(pages.engineer_page(found))


def _page(html: str) -> HTMLResponse:
    return HTMLResponse(html, headers={"Content-Security-Policy": REPORT_POLICY})


def _zip(folder: Path, name: str) -> StreamingResponse:
    content: Iterator[bytes] = zipped(folder)
    ascii_name = name.encode("ascii", "ignore").decode().strip(".-_") or "adapter"
    return StreamingResponse(content, media_type="application/zip", headers=_named(f"{ascii_name}.zip"))


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
