"""The page for managers in a real browser, with the network off, and on paper."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from autolora.economics.assess import assess
from autolora.economics.propose import propose
from autolora.report.management.page import render_management
from autolora.report.management.proposal import render_proposal
from tests.browser.offline import CHROMIUM, launched, opened_offline
from tests.economics.test_assess import FULL
from tests.made_forecasts import forecast
from tests.report import made_up

sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

ANSWERS = ("recommendation", "cost", "payback", "confidence")
A4_POINTS = (595, 842)


@pytest.fixture(scope="module")
def browser():
    with launched(sync_api) as opened:
        yield opened


def management(language: str) -> str:
    report = made_up.report()
    found = replace(report.recommendation, seconds_a_thousand=2.5)
    return render_management(report, found, assess(FULL, found, report.confirm), language)


def proposal(language: str) -> str:
    return render_proposal(forecast(), propose(FULL, forecast()), language)


@pytest.fixture(
    params=[(page, language) for page in (management, proposal) for language in ("en", "ja")],
    ids=lambda it: f"{it[0].__name__} {it[1]}",
)
def opened(browser, request, tmp_path: Path):
    """Return one of the pages in one language, and what went wrong there."""
    made, language = request.param
    with opened_offline(browser, made(language), tmp_path / "page.html", width=900) as page:
        yield page


def test_the_four_answers_are_seen_and_nothing_goes_wrong(opened) -> None:
    page, complaints = opened

    for name in ANSWERS:
        box = page.locator(f"#{name}").bounding_box()
        assert box is not None
        assert box["width"] > 100
        assert page.locator(f"#{name}").inner_text().strip()
    assert complaints == []


def test_nothing_is_wider_than_the_page_also_on_a_phone(opened) -> None:
    page, _ = opened
    for width in (900, 400):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.querySelector('.answers').scrollWidth") <= width
        assert (
            page.evaluate("Math.max(...[...document.querySelectorAll('.figures')].map(e => e.scrollWidth), 0)") <= width
        )


def test_on_paper_the_decision_is_on_the_first_of_at_most_three_a4_pages(opened, tmp_path: Path) -> None:
    page, _ = opened
    page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)

    raw = (tmp_path / "page.pdf").read_bytes()
    sizes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", raw)
    assert 1 <= len(sizes) <= 3
    assert {(round(float(w)), round(float(h))) for w, h in sizes} == {A4_POINTS}
    if shutil.which("pdftotext"):
        first = subprocess.run(
            ["pdftotext", "-f", "1", "-l", "1", str(tmp_path / "page.pdf"), "-"],
            capture_output=True,
            text=True,
            check=True,
        )
        decision = page.locator(".decision").inner_text()
        assert decision[:12] in first.stdout
