"""From a value to a page: its language, its words, its template. Everything from outside is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from autolora.inline import asset, environment
from autolora.service.guard import PAGE_POLICY
from autolora.service.pages.english import WORDS as ENGLISH
from autolora.service.pages.japanese import FINDINGS, TROUBLES
from autolora.service.pages.japanese import WORDS as JAPANESE

Language = Literal["en", "ja"]
LANGUAGE_COOKIE = "autolora_language"
_PACKAGE = "autolora.service.pages"
_WORDS: dict[str, dict[str, str]] = {"en": ENGLISH, "ja": JAPANESE}


def language_of(request: Request) -> Language:
    """Return the language that was chosen, or else the one that the browser asks for first."""
    chosen = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    if chosen is None:
        chosen = request.headers.get("accept-language", "").strip()[:2].lower()
    return "ja" if chosen == "ja" else "en"


class Words:
    """What pages say in one language: ``t("search.best", metric="accuracy")``."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """Return a sentence with its values in place."""
        return _WORDS[self.language][key].format(**values)

    def finding(self, code: str) -> tuple[str, str] | None:
        """Return what a finding means and what to do about it, None where its own words are to be shown."""
        return FINDINGS.get(code) if self.language == "ja" else None

    def trouble(self, code: str) -> tuple[str, str] | None:
        """Return why a table is refused and what to do about it, likewise."""
        return TROUBLES.get(code) if self.language == "ja" else None

    def duration(self, seconds: float) -> str:
        """Return a duration as a person reads it."""
        minutes, japanese = seconds / 60, self.language == "ja"
        if seconds < 90:
            return f"{seconds:.0f}秒" if japanese else f"{seconds:.0f} s"
        if minutes < 90:
            return f"{minutes:.0f}分" if japanese else f"{minutes:.0f} min"
        return f"{minutes / 60:.1f}時間" if japanese else f"{minutes / 60:.1f} h"

    def bytes(self, count: float) -> str:
        """Return a size as a person reads it."""
        for unit in ("B", "KB", "MB"):
            if count < 1000:
                return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
            count /= 1000
        return f"{count:.1f} GB"


def page(
    request: Request, template: str, values: Mapping[str, Any], *, status: int = 200, fragment: bool = False
) -> HTMLResponse:
    """Return a page.

    Args:
        request: That it answers.
        template: Its name.
        values: What stands in it.
        status: Of the answer.
        fragment: Whether it is a part of a page that a browser has.
    """
    language = language_of(request)
    html = (
        _environment()
        .get_template(template)
        .render({"t": Words(language), "language": language, "path": request.url.path, "is_inside": True, **values})
    )
    response = HTMLResponse(html, status_code=status)
    asked = request.query_params.get("lang")
    if asked in _WORDS and not fragment:
        response.set_cookie(LANGUAGE_COOKIE, asked, max_age=31_536_000, httponly=True, samesite="strict")
    return response


def login_page(request: Request, *, wrong: bool) -> Response:
    """Return the page that asks for the token; it carries its own style, since nothing else is open to strangers."""
    style = asset(_PACKAGE, "static", "app.css")
    response = page(
        request, "login.html", {"is_inside": False, "style": style, "wrong": wrong}, status=401 if wrong else 200
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    response.headers["Content-Security-Policy"] = PAGE_POLICY.replace("style-src", f"style-src 'sha256-{digest}'")
    return response


@cache
def _environment() -> Any:
    return environment(_PACKAGE)
