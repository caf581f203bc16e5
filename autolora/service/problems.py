"""Every error as one document (RFC 9457), for programs and people alike. Knows no route.

``type`` and ``code`` name the kind of problem and never change their meaning; ``detail`` is the rule and the value,
``hint`` the way out, ``param`` the part of the request that is at fault.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from autolora.errors import AutoloraError, RunFolderError
from autolora.service.faults import Fault

_LOG = logging.getLogger("autolora.service")
MEDIA_TYPE = "application/problem+json"
_CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}
"""Of what the framework itself refuses."""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "hint": {"type": "string"},
        "param": {"type": "string"},
    },
}
"""Of the document, for the OpenAPI description."""


def problem(
    status: int, code: str, detail: str, *, hint: str = "", param: str | None = None, headers: Any = None
) -> JSONResponse:
    """Return the response that says what is wrong."""
    body = {
        "type": f"/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **({"hint": hint} if hint else {}),
        **({"param": param} if param else {}),
    }
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def of_fault(fault: Fault) -> JSONResponse:
    """Return the response to a request that cannot be done."""
    headers = {"WWW-Authenticate": "Bearer"} if fault.status == HTTPStatus.UNAUTHORIZED else None
    return problem(fault.status, fault.code, fault.message, hint=fault.hint, param=fault.param, headers=headers)


def wants_page(path: str, accept: str) -> bool:
    """Return whether a person looks at pages, rather than a program at the API."""
    return "text/html" in accept and not path.startswith("/v1/")


def answer_with_problems(app: FastAPI, *, page: Callable[[Request, int, str, str], Response]) -> None:
    """Have every error of an app answered with such a document, or with a page where a person looks at pages.

    Args:
        app: The app.
        page: Makes the page, of the request, the HTTP status, what is wrong, and the way out.
    """

    def told(
        request: Request,
        status: int,
        code: str,
        detail: str,
        *,
        hint: str = "",
        param: str | None = None,
        headers: Any = None,
    ) -> Response:
        if wants_page(request.url.path, request.headers.get("accept", "")):
            return page(request, status, detail, hint)
        return problem(status, code, detail, hint=hint, param=param, headers=headers)

    @app.exception_handler(Fault)
    def fault_of(request: Request, fault: Fault) -> Response:
        return told(request, fault.status, fault.code, fault.message, hint=fault.hint, param=fault.param)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
        if first["type"] == "json_invalid":
            reason = first.get("ctx", {}).get("error", "it cannot be read")
            return told(request, 400, "broken_json", f"the body is no JSON: {reason}", hint="send one JSON object")
        hint = "see /openapi.json for what is expected"
        return told(request, 422, "invalid_value", first["msg"], hint=hint, param=".".join(where))

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        code = _CODES.get(error.status_code, "bad_request")
        return told(request, error.status_code, code, str(error.detail), headers=error.headers)

    @app.exception_handler(AutoloraError)
    def wrong(request: Request, error: AutoloraError) -> Response:
        status, code = (409, "conflict") if isinstance(error, RunFolderError) else (422, "invalid_value")
        return told(request, status, code, error.message, hint=error.hint)

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Response:
        _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return told(request, 500, "internal", "an unexpected error, which stands in the log", hint="report it")
