"""The pages of datasets: uploaded, looked at, corrected."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from autolora.service import uploads
from autolora.service.pages.show import page
from autolora.service.routes.common import After, TheDesk, cursor_of, place_of
from autolora.service.routes.datasets import dataset_out

_PIECE = 1 << 20
ROWS = 20
"""Of a list on one page."""


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/data")
    def listed(request: Request, desk: TheDesk, after: After = None) -> Response:
        found = desk.jobs.datasets(limit=ROWS + 1, before=place_of(after))
        shown = [dataset_out(desk, each) for each in found[:ROWS]]
        return page(request, "data.html", {"datasets": shown, "next": cursor_of(found, ROWS)})

    @routes.post("/data")
    async def upload(request: Request, desk: TheDesk, file: UploadFile) -> Response:
        await run_in_threadpool(desk.supervisor.check_room)

        async def pieces() -> AsyncIterator[bytes]:
            while piece := await file.read(_PIECE):
                yield piece

        dataset = await uploads.take_in(desk.jobs, desk.place, file.filename or "", pieces())
        await run_in_threadpool(desk.check, dataset.id, {})
        return RedirectResponse(f"/data/{dataset.id}", status_code=303)

    @routes.get("/data/{id}")
    def one(request: Request, desk: TheDesk, id: str) -> Response:
        return page(request, "dataset.html", {"dataset": dataset_out(desk, desk.dataset(id))})

    @routes.post("/data/{id}/check")
    def check(
        desk: TheDesk,
        id: str,
        text: Annotated[str, Form(max_length=500)],
        label: Annotated[str, Form(max_length=500)],
    ) -> Response:
        desk.check(id, {"text": text, "label": label})
        return RedirectResponse(f"/data/{id}", status_code=303)

    @routes.post("/data/{id}/delete")
    def delete(desk: TheDesk, id: str) -> Response:
        desk.forget_dataset(id)
        return RedirectResponse("/data", status_code=303)

    return routes
