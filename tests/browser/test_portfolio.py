"""The pages of a batch in a real browser, with the network off, on a screen and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from autolora.report.portfolio.pages import render_engineer, render_management
from tests.browser.offline import CHROMIUM, launched, opened_offline
from tests.report.portfolio.made_up import portfolio

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

PAGES = {
    "managers, en": lambda: render_management(portfolio(), "en"),
    "managers, ja": lambda: render_management(portfolio(), "ja"),
    "engineers": lambda: render_engineer(portfolio(), floor=6, enough=0.001),
}


@pytest.fixture(scope="module")
def browser():
    with launched(sync_api) as opened:
        yield opened


@pytest.fixture(params=list(PAGES))
def opened(browser, request, tmp_path: Path):
    """Return one of the pages, and what went wrong there."""
    with opened_offline(browser, PAGES[request.param](), tmp_path / "page.html", width=1000) as page:
        yield page


def test_every_task_and_the_order_are_seen_and_nothing_goes_wrong(opened) -> None:
    page, complaints = opened

    rows = page.locator("#tasks tbody tr")
    assert rows.count() == 5
    assert [rows.nth(at).locator("th").inner_text() for at in (0, 3)] == ["mails", "<b>&日報"]
    assert page.locator("#order li").count() == 5
    assert "broken" in page.locator("#failed").inner_text()
    assert page.locator("figure svg").bounding_box()["width"] > 300
    assert complaints == []


def test_the_table_of_tasks_stays_inside_the_page(opened) -> None:
    page, _ = opened

    table, main = page.locator("#tasks").bounding_box(), page.locator("main").bounding_box()
    assert table["x"] + table["width"] <= main["x"] + main["width"] + 1
