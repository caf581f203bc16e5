"""The door: who may come in, how much they may bring, and what browsers are told to beware of. Pure ASGI.

Before anything of a request is parsed: the Host header must be one of ours (against DNS rebinding), a token must not
stand in the address (it would end up in logs), the caller must hold the token or a session made with it, what changes
anything must come from our own pages (Origin), and the body must be within its limit, announced or not.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autolora.service.faults import BadHost, Fault, Forbidden, TooLarge, Unauthorized
from autolora.service.problems import of_fault, wants_page

_LOG = logging.getLogger("autolora.service.access")
COOKIE = "autolora_session"
SESSION_SECONDS = 12 * 3600
OPEN_PATHS = frozenset({"/healthz", "/login"})
"""What is answered to everybody."""
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_TOKEN_NAMES = frozenset({"token", "access_token", "api_key", "key", "authorization"})
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the pages."""
REPORT_POLICY = (
    "sandbox allow-scripts allow-popups allow-downloads; default-src 'none'; script-src 'unsafe-inline';"
    " style-src 'unsafe-inline'; img-src data:; font-src data:; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'none'"
)
"""Of reports, which carry their own scripts: they run as a stranger there, without the session."""


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Who has shown the token: a signed date in a cookie, so that a restart ends no session."""

    token: str

    def matches(self, given: str) -> bool:
        """Return whether a text is the token; takes as long for a wrong one."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def new(self) -> str:
        """Return the value of a new session's cookie."""
        ends = str(int(time.time()) + SESSION_SECONDS)
        return f"{ends}.{self._signed(ends)}"

    def is_open(self, cookie: str) -> bool:
        """Return whether a cookie's value is that of a session that has not ended."""
        ends, _, signature = cookie.partition(".")
        is_ours = hmac.compare_digest(signature.encode(), self._signed(ends).encode())
        return is_ours and ends.isdecimal() and int(ends) > time.time()

    def _signed(self, text: str) -> str:
        return hmac.new(self.token.encode(), f"session {text}".encode(), hashlib.sha256).hexdigest()


class Guard:
    """Wraps the whole app: nothing that is mounted later can stand beside it."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        sessions: Sessions,
        hosts: Callable[[], frozenset[str]],
        secure: bool,
        most_body: Callable[[str], int],
    ) -> None:
        """Wrap an app.

        Args:
            app: What is inside.
            sessions: Who may come in.
            hosts: Values of the Host header that are answered.
            secure: Whether browsers come by TLS.
            most_body: The largest body, in bytes, that a path takes.
        """
        self._app, self._sessions, self._hosts = app, sessions, hosts
        self._scheme, self._most_body = "https" if secure else "http", most_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # there are no websockets here
        path, begun, status = scope["path"], time.monotonic(), 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(scope=message), secure=self._scheme == "https")
            await send(message)

        try:
            try:
                self._check(scope)
                bounded = _Bounded(receive, Headers(scope=scope), self._most_body(path))
            except Fault as fault:
                await self._refused(scope, fault)(scope, receive, sent)
            else:
                await self._app(scope, bounded, sent)
        finally:
            # The path alone: what stands in a query or a body may be anything.
            _LOG.info("%s %s %d %.0f ms", scope["method"], path, status, 1000 * (time.monotonic() - begun))

    def _check(self, scope: Scope) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        host = headers.get("host", "")
        if host not in self._hosts():
            raise BadHost("the service is not known under this Host", "add it with --name, or use the usual address")
        names = {name.lower() for name, _ in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)}
        if names & _TOKEN_NAMES:
            raise Fault("a token must not stand in the address", "send it as Authorization: Bearer")
        holder = self._holder(headers)
        if path not in OPEN_PATHS and holder is None:
            raise Unauthorized(
                "this needs the service's token", "send it as Authorization: Bearer, or log in at /login"
            )
        if scope["method"] not in _SAFE_METHODS:
            self._check_origin(headers, host, by_cookie=holder != "token")

    def _holder(self, headers: Headers) -> str | None:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._sessions.matches(given.strip()):
            return "token"
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", ""))
        except CookieError:
            return None
        return "cookie" if COOKIE in cookies and self._sessions.is_open(cookies[COOKIE].value) else None

    def _check_origin(self, headers: Headers, host: str, *, by_cookie: bool) -> None:
        """Check that what changes anything comes from our own pages; a browser says so in Origin."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        is_own = origin == f"{self._scheme}://{host}"
        is_strange = (origin is not None and not is_own) or site not in (None, "same-origin", "none")
        if is_strange or (by_cookie and not is_own):
            raise Forbidden("this was sent from another site", "use the service's own pages, or the token")

    def _refused(self, scope: Scope, fault: Fault) -> Response:
        if isinstance(fault, Unauthorized) and wants_page(scope["path"], Headers(scope=scope).get("accept", "")):
            return RedirectResponse("/login", status_code=303)
        return of_fault(fault)


class _Bounded:
    """A body that ends with an error when it becomes too large, before anybody has parsed it."""

    def __init__(self, receive: Receive, headers: Headers, most: int) -> None:
        self._receive, self._most, self._read = receive, most, 0
        self._rule = f"the body must be at most {most:,} bytes"
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > most:
            raise TooLarge(self._rule, "send less")

    async def __call__(self) -> Message:
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self._most:
            # The framework that parses bodies lets this one class through.
            raise HTTPException(413, self._rule)
        return message


def _add_headers(headers: MutableHeaders, *, secure: bool) -> None:
    """Tell browsers what to beware of."""
    headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    headers.setdefault("Cache-Control", "no-store")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"  # with none at all, browsers send forms with Origin: null
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
