"""What the routes have in common: how a job is told, how lists are paged, what errors look like in the description."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Query, Request

from autolora.service import problems
from autolora.service.desk import Desk
from autolora.service.faults import Invalid
from autolora.service.jobs import Job
from autolora.service.schemas import JobOut, Page
from autolora.service.states import Kind
from autolora.service.workplace import PROGRESS

PLURAL = {
    Kind.SEARCH: "searches",
    Kind.BATCH: "batches",
    Kind.PLAN: "plans",
    Kind.CHECK: "checks",
    Kind.REVIEW: "reviews",
}
_PARTS = {
    Kind.SEARCH: ("events", "trials", "front", "recommendation", "report", "adapter", "reviews"),
    Kind.BATCH: ("events", "report"),
    Kind.PLAN: ("events", "forecast"),
    Kind.CHECK: (),
    Kind.REVIEW: ("page",),
}
PROBLEM: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "A problem", "content": {problems.MEDIA_TYPE: {"schema": problems.SCHEMA}}},
}


def desk_of(request: Request) -> Desk:
    """Return the desk of the app that a request came to."""
    return cast(Desk, request.app.state.desk)


TheDesk = Annotated[Desk, Depends(desk_of)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)]
Limit = Annotated[int, Query(ge=1, le=100)]
After = Annotated[str | None, Query(max_length=64, description="The cursor that the page before gave as `next`.")]


def job_out(desk: Desk, job: Job) -> JobOut:
    """Return how a job is told."""
    self = f"/v1/{PLURAL[job.kind]}/{job.id}"
    return JobOut(
        id=job.id,
        object=job.kind,
        name=job.name,
        state=job.state,
        wish=job.wish,
        priority=job.priority,
        dataset=job.dataset,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        cause=job.cause,
        hint=job.hint,
        progress=desk.following.standing(desk.place.job(job.id).path / PROGRESS),
        links={"self": self, **{part: f"{self}/{part}" for part in _PARTS[job.kind]}},
    )


def page_of(desk: Desk, kind: Kind, limit: int, after: str | None) -> Page:
    """Return some of the jobs of a kind."""
    found = desk.jobs.page([kind], limit=limit + 1, before=place_of(after))
    return Page(data=[job_out(desk, job) for job in found[:limit]], next=cursor_of(found, limit))


def place_of(cursor: str | None) -> int | None:
    """Return the number that a cursor stands for.

    Raises:
        Invalid: If it is none that a page gave.
    """
    if cursor is None:
        return None
    try:
        return int(base64.urlsafe_b64decode(cursor.encode()).decode())
    except ValueError:
        raise Invalid("after must be the `next` of a page before", "begin without it", param="after") from None


def cursor_of(found: Sequence[Any], limit: int) -> str | None:
    """Return the cursor of what follows, None where nothing does; one more than the limit was looked up."""
    return None if len(found) <= limit else base64.urlsafe_b64encode(str(found[limit - 1].seq).encode()).decode()
