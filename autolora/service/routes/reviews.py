"""Reviews: pages on which those who do the work judge answers, and what they said."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from autolora.service.routes.common import PROBLEM, TheDesk, job_out
from autolora.service.schemas import JobOut
from autolora.service.states import Kind

_RAW = {"application/json": {"schema": {"type": "object"}}}


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(responses=PROBLEM, tags=["reviews"])

    @routes.post("/v1/searches/{id}/reviews", status_code=202, summary="Have a page made for reviewers")
    def make(
        desk: TheDesk,
        id: str,
        response: Response,
        lang: Literal["en", "ja"] = "en",
        rows: Annotated[int, Query(ge=2, le=1000, description="Test rows that are shown at most.")] = 60,
    ) -> JobOut:
        made = job_out(desk, desk.make_review(id, rows=rows, language=lang))
        response.headers["Location"] = made.links["self"]
        return made

    @routes.get("/v1/searches/{id}/reviews", summary="What was done about reviews, the newest first")
    def listed(desk: TheDesk, id: str) -> list[JobOut]:
        desk.job(id, Kind.SEARCH)
        return [job_out(desk, job) for job in desk.reviews(id)]

    @routes.post(
        "/v1/searches/{id}/reviews/said",
        status_code=202,
        summary="What a reviewer's page has saved, as the body; it bears on the verdict",
        openapi_extra={"requestBody": {"required": True, "content": _RAW}},
    )
    async def said(
        desk: TheDesk, request: Request, id: str, min_accepted: Annotated[float | None, Query(ge=0, le=1)] = None
    ) -> JobOut:
        body = await request.body()
        job = await run_in_threadpool(desk.read_review, id, body, min_accepted=min_accepted)
        return await run_in_threadpool(job_out, desk, job)

    @routes.get("/v1/reviews/{id}", summary="How it stands")
    def one(desk: TheDesk, id: str) -> JobOut:
        return job_out(desk, desk.job(id, Kind.REVIEW))

    @routes.get("/v1/reviews/{id}/page", summary="The page for reviewers, to be handed on as a file")
    def page(desk: TheDesk, id: str) -> FileResponse:
        job = desk.job(id, Kind.REVIEW)
        return FileResponse(desk.review_page(job.id), media_type="text/html", filename="review.html")

    return routes
