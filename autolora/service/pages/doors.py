"""The way in and out: log in, log out, what pages are made with, help, and how errors look to people."""

from __future__ import annotations

from importlib import resources
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from autolora.service.faults import NotFound
from autolora.service.guard import COOKIE, SESSION_SECONDS, Sessions
from autolora.service.pages.show import login_page, page

STATIC = {
    "app.css": "text/css; charset=utf-8",
    "htmx-2.0.11.min.js": "text/javascript; charset=utf-8",
}
"""What pages load; nothing else of the folder is given away."""
SCREENS = ("login", "data", "new", "plan", "search", "trials", "compare", "batches")


def error_page(request: Request, status: int, detail: str, hint: str) -> Response:
    """Return the page that says what is wrong."""
    return page(request, "error.html", {"detail": detail, "hint": hint}, status=status)


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/login")
    def ask(request: Request) -> Response:
        return login_page(request, wrong=False)

    @routes.post("/login")
    def log_in(request: Request, token: Annotated[str, Form(max_length=500)] = "") -> Response:
        sessions: Sessions = request.app.state.sessions
        if not sessions.matches(token.strip()):
            return login_page(request, wrong=True)
        response = RedirectResponse("/", status_code=303)
        response.set_cookie(
            COOKIE,
            sessions.new(),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.app.state.desk.settings.is_secure,
        )
        return response

    @routes.post("/logout")
    def log_out() -> Response:
        response = RedirectResponse("/login", status_code=303)
        response.delete_cookie(COOKIE)
        return response

    @routes.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in STATIC:
            raise NotFound(f"there is no file {name[:40]!r}")
        content = resources.files("autolora.service.pages").joinpath("static", name).read_bytes()
        return Response(content, media_type=STATIC[name], headers={"Cache-Control": "private, max-age=86400"})

    @routes.get("/help")
    def help_page(request: Request) -> Response:
        return page(request, "help.html", {"screens": SCREENS})

    return routes
