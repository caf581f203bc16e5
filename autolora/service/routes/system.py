"""What the service says of itself: whether it lives, what it does, which base models it has; and adapters' answers."""

from __future__ import annotations

import time

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from autolora import __version__
from autolora.service.desk import Desk
from autolora.service.routes.common import PROBLEM, TheDesk
from autolora.service.schemas import ModelOut, Models, PredictIn, PredictionOut, Predictions
from autolora.service.states import Kind

STALE_SECONDS = 60
"""Without a look at the jobs, after which the service says that it is not well."""


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(responses=PROBLEM)

    @routes.get("/healthz", tags=["system"], summary="Whether the service lives and looks after its jobs")
    def healthz(desk: TheDesk) -> Response:
        is_well = time.monotonic() - desk.supervisor.last_look < STALE_SECONDS
        body = {"status": "ok" if is_well else "stale", "version": __version__}
        return JSONResponse(body, status_code=200 if is_well else 503)

    @routes.get("/metrics", tags=["system"], summary="Figures for Prometheus", response_class=Response)
    def metrics(desk: TheDesk) -> Response:
        return Response(_figures(desk), media_type=CONTENT_TYPE_LATEST)

    @routes.get("/v1/models", tags=["models"], summary="The base models that may be named")
    def models(desk: TheDesk) -> Models:
        return Models(data=[ModelOut(name=name) for name in sorted(desk.bases.all())])

    @routes.post("/v1/predict", tags=["predict"], summary="Answers of the adapter that a search found")
    def predict(desk: TheDesk, body: PredictIn) -> Predictions:
        job = desk.job(body.search, Kind.SEARCH)
        found = desk.answers(job.id, body.texts, abstain_below=body.abstain_below)
        return Predictions(
            data=[
                PredictionOut(label=each["label"], confidence=each["confidence"], abstained=each["abstained"])
                for each in found
            ]
        )

    return routes


def _figures(desk: Desk) -> bytes:
    """Return what Prometheus reads, of this moment."""
    registry = CollectorRegistry()
    jobs = Gauge("autolora_jobs", "Jobs by kind and state.", ["kind", "state"], registry=registry)
    for (kind, state), count in desk.jobs.counts().items():
        jobs.labels(kind.value, state.value).set(count)
    free = Gauge("autolora_disk_free_bytes", "Room left on the disk of the data folder.", registry=registry)
    free.set(desk.place.free_bytes())
    look = Gauge("autolora_supervisor_age_seconds", "Time since the jobs were last looked at.", registry=registry)
    look.set(time.monotonic() - desk.supervisor.last_look)
    Gauge("autolora_info", "The version.", ["version"], registry=registry).labels(__version__).set(1)
    return generate_latest(registry)
