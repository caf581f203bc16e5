"""A page of ours in a real browser with the network off, and what goes wrong there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def launched(sync_api: Any) -> Iterator[Any]:
    """Start the system's browser."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened_offline(browser: Any, html: str, file: Path, *, width: int) -> Iterator[tuple[Any, list[str]]]:
    """Open a page from a file; yield it, with every message, error and request that is not for a file."""
    file.write_text(html)
    context = browser.new_context(offline=True, viewport={"width": width, "height": 1200})
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: complaints.append(asked.url) if not asked.url.startswith("file:") else None)
    page.goto(file.as_uri())
    yield page, complaints
    context.close()
