"""What a request can be answered with instead of what it asked for; each becomes one problem document (RFC 9457)."""

from __future__ import annotations

from typing import ClassVar


class Fault(Exception):
    """A request cannot be done.

    Attributes are those of a problem document: ``status`` (HTTP), ``code`` (for programs; never changes its meaning),
    ``message`` (the rule and the value), ``hint`` (the way out) and ``param`` (which part of the request).
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"

    def __init__(self, message: str, hint: str = "", *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.param = param


class Invalid(Fault):
    """A value breaks its rule."""

    status, code = 422, "invalid_value"


class NotFound(Fault):
    """There is no such thing."""

    status, code = 404, "not_found"


class NotYet(Fault):
    """It does not exist yet: the search has not come so far."""

    status, code = 409, "not_yet"


class Conflict(Fault):
    """It stands otherwise than the request expects."""

    status, code = 409, "conflict"


class TooLarge(Fault):
    """The body is larger than allowed."""

    status, code = 413, "too_large"


class Unauthorized(Fault):
    """No token, or a wrong one."""

    status, code = 401, "unauthorized"


class Forbidden(Fault):
    """It came from elsewhere than the service's own pages."""

    status, code = 403, "forbidden"


class BadHost(Fault):
    """The service is not known under this name."""

    status, code = 421, "misdirected"


class DiskShort(Fault):
    """The disk has too little room for another job."""

    status, code = 507, "disk_short"


class Busy(Fault):
    """It works for others just now."""

    status, code = 503, "busy"
