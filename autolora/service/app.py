"""The app, built from what it needs. Knows which rooms there are; every door stands behind the guard."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from fastapi import FastAPI
from starlette.types import ASGIApp

from autolora import __version__
from autolora.service.desk import Desk
from autolora.service.guard import Guard, Sessions
from autolora.service.pages import batches, data, doors, searches
from autolora.service.problems import answer_with_problems
from autolora.service.routes import datasets, found, jobs, reviews, system

_DESCRIPTION = """Searches for the smallest LoRA adapter that does a job. Shaped like the fine-tuning APIs that people
know: upload a dataset, start a search (202 and a Location), follow its events, fetch the report and the adapter.
Every error is a problem document (RFC 9457) with `code`, `hint` and `param`."""


def create_app(desk: Desk, sessions: Sessions, *, hosts: Callable[[], frozenset[str]]) -> ASGIApp:
    """Return the whole service as an ASGI app.

    Args:
        desk: What requests are done with.
        sessions: Who may come in.
        hosts: Values of the Host header that are answered.
    """
    app = rooms(desk, sessions)
    settings = desk.settings
    return Guard(
        app,
        sessions=sessions,
        hosts=hosts,
        secure=settings.is_secure,
        most_body=lambda path: settings.most_upload_bytes if path in UPLOADS else settings.most_body_bytes,
    )


UPLOADS = frozenset({"/v1/datasets", "/data"})
"""Paths whose bodies may be large."""


def rooms(desk: Desk, sessions: Sessions) -> FastAPI:
    """Return the app behind the guard."""
    app = FastAPI(title="autolora", version=__version__, description=_DESCRIPTION, docs_url=None, redoc_url=None)
    app.state.desk, app.state.sessions, app.state.streams, app.state.seen = desk, sessions, 0, OrderedDict()
    answer_with_problems(app, page=doors.error_page)
    rest = (jobs.router(), found.router(), datasets.router(), reviews.router(), system.router())
    for routes in (*rest, doors.router(), data.router(), searches.router(), batches.router()):
        app.include_router(routes)
    return app
