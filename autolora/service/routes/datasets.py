"""Datasets: uploaded as they are, checked in a process of their own, told in plain words."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from autolora.records import DataRecord
from autolora.service import uploads
from autolora.service.desk import Desk
from autolora.service.faults import Invalid
from autolora.service.jobs import Dataset
from autolora.service.look import Look
from autolora.service.routes.common import PROBLEM, After, Limit, TheDesk, cursor_of, place_of
from autolora.service.schemas import CheckIn, CheckOut, DatasetOut, DatasetPage, FindingOut, TroubleOut

MOST_WAIT_SECONDS = 30
_POLL_SECONDS = 0.1
Wait = Annotated[int, Query(ge=0, le=MOST_WAIT_SECONDS, description="Seconds to wait for the check at most.")]
_RAW = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(responses=PROBLEM, tags=["datasets"])

    @routes.post(
        "/v1/datasets",
        status_code=201,
        summary="Upload a table: its bytes as the body, its name in the query",
        openapi_extra={"requestBody": {"required": True, "content": _RAW}},
    )
    async def upload(
        desk: TheDesk,
        request: Request,
        response: Response,
        name: Annotated[str, Query(min_length=1, max_length=1000, description="Of the file; its end says its kind.")],
        wait: Wait = 10,
        content_type: Annotated[str | None, Header()] = None,
    ) -> DatasetOut:
        if (content_type or "").startswith("multipart/"):
            raise Invalid("the body must be the bytes of the file, not a form", "send it as it is, with ?name=")
        await run_in_threadpool(desk.supervisor.check_room)
        dataset = await uploads.take_in(desk.jobs, desk.place, name, request.stream())
        response.headers["Location"] = f"/v1/datasets/{dataset.id}"
        await run_in_threadpool(desk.check, dataset.id, {})
        return await _checked(desk, dataset, wait)

    @routes.get("/v1/datasets", summary="List datasets, the newest first")
    def listed(desk: TheDesk, limit: Limit = 20, after: After = None) -> DatasetPage:
        found = desk.jobs.datasets(limit=limit + 1, before=place_of(after))
        return DatasetPage(data=[dataset_out(desk, each) for each in found[:limit]], next=cursor_of(found, limit))

    @routes.get("/v1/datasets/{id}", summary="What is known of a dataset")
    def one(desk: TheDesk, id: str) -> DatasetOut:
        return dataset_out(desk, desk.dataset(id))

    @routes.delete("/v1/datasets/{id}", status_code=204, summary="Delete one that no job needs")
    def forget(desk: TheDesk, id: str) -> None:
        desk.forget_dataset(id)

    @routes.post("/v1/datasets/{id}/check", summary="Check it again, with other columns")
    async def check(desk: TheDesk, id: str, body: CheckIn, wait: Wait = 10) -> DatasetOut:
        await run_in_threadpool(desk.check, id, body.data, body.base_model)
        return await _checked(desk, await run_in_threadpool(desk.dataset, id), wait)

    return routes


async def _checked(desk: Desk, dataset: Dataset, wait: int) -> DatasetOut:
    """Return what is known of a dataset when its check has ended, or when one has waited long enough."""
    for _ in range(int(wait / _POLL_SECONDS)):
        found = await run_in_threadpool(dataset_out, desk, dataset)
        if found.state != "checking":
            return found
        await asyncio.sleep(_POLL_SECONDS)
    return await run_in_threadpool(dataset_out, desk, dataset)


def dataset_out(desk: Desk, dataset: Dataset) -> DatasetOut:
    """Return how a dataset is told."""
    look = desk.look(dataset.id)
    self = f"/v1/datasets/{dataset.id}"
    return DatasetOut(
        id=dataset.id,
        name=dataset.name,
        bytes=dataset.bytes,
        sha256=dataset.sha256,
        created_at=dataset.created_at,
        state="checking" if look is None else "ready" if look.is_ready else "refused",
        check=None if look is None else _check_out(look),
        links={"self": self, "check": f"{self}/check"},
    )


def _check_out(look: Look) -> CheckOut:
    record = look.record
    return CheckOut(
        columns=list(look.columns),
        rows=[list(row) for row in look.rows],
        data=look.data,
        was_guessed=look.was_guessed,
        rows_total=None if record is None else record.rows_in_source,
        classes={} if record is None else _classes(record),
        findings=[]
        if record is None
        else [
            FindingOut(code=f.code, severity=f.severity, message=f.message, hint=f.hint, rows=list(f.rows))
            for f in record.findings
        ],
        trouble=None if look.trouble is None else TroubleOut(**msgspec.structs.asdict(look.trouble)),
    )


def _classes(record: DataRecord) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for counts in record.class_counts.values():
        totals.update(dict[str, Any](zip(record.classes, counts, strict=True)))
    return dict(totals.most_common())
