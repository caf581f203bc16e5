"""The report in a real browser, with the network off."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from autolora.report import SearchReport, render_engineer
from tests.report import made_up

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
CHARTS = 7
SECTIONS = [
    "Key numbers",
    "Against the baselines",
    "Confirmation",
    "With fewer rows, with wrong labels",
    "How sure it is",
    "Where it falls behind",
    "Under noise",
    "What the adapter changed",
    "Practitioner review",
    "Trade-offs",
    "Development at the rungs",
    "What mattered",
    "All trials",
    "Data",
    "Repeat and load",
    "Provenance",
]


@dataclass
class Opened:
    """A page and what it did while it was open."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings on the console, and errors of scripts."""
    asked: list[str] = field(default_factory=list)
    """Requests beyond files and data held in the page."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture
def opened(browser: Any, folder: Path) -> Iterator[Any]:
    contexts = []

    def open_page(report: SearchReport, **context: Any) -> Opened:
        file = folder / "report.html"
        file.write_text(render_engineer(report), encoding="utf-8")
        contexts.append(browser.new_context(**{"viewport": DESKTOP, **context}))
        contexts[-1].set_offline(True)
        result = Opened(contexts[-1].new_page())
        page = result.page
        page.on("console", lambda note: note.type in ("error", "warning") and result.complaints.append(note.text))
        page.on("pageerror", lambda error: result.complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                not request.url.startswith(("file:", "data:", "blob:")) and result.asked.append(request.url)
            ),
        )
        page.goto(file.as_uri())
        return result

    yield open_page
    for context in contexts:
        context.close()


def _column(page: Any, place: int) -> list[str]:
    return [words.strip() for words in page.locator(f"#trial-table tbody tr > :nth-child({place})").all_inner_texts()]


def _drawn(page: Any) -> int:
    """Return how many charts hold a drawing with at least one mark in it."""
    marks = "svg.main-svg :is(.point, .bars path)"
    return sum(chart.locator(marks).count() > 0 for chart in page.locator("[data-figure]").all())


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_charts_are_drawn_without_a_complaint_or_a_request(opened: Any, viewport: Any, scheme: str) -> None:
    result = opened(made_up.report(), viewport=viewport, color_scheme=scheme)

    assert _drawn(result.page) == CHARTS
    assert result.complaints == []
    assert result.asked == []


@pytest.mark.parametrize(
    "report",
    [made_up.report(), made_up.unconfirmed(), made_up.all_failed(), made_up.hostile(), made_up.writing()],
    ids=["finished", "unconfirmed", "all failed", "hostile", "writing"],
)
def test_no_page_is_wider_than_a_small_phone(opened: Any, report: SearchReport) -> None:
    result = opened(report, viewport=PHONE)

    assert result.page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
    assert result.complaints == []


def test_the_wide_table_scrolls_inside_its_own_container(opened: Any) -> None:
    container = opened(made_up.report(), viewport=PHONE).page.locator(".wide:has(#trial-table)")

    assert container.evaluate("box => box.scrollWidth > box.clientWidth")
    assert container.get_attribute("tabindex") == "0"


def test_pages_without_a_chart_say_so_in_words_and_run_clean(opened: Any) -> None:
    result = opened(made_up.all_failed())

    assert result.page.locator("svg.main-svg").count() == 0
    assert result.page.locator("#tradeoffs .missing").count() == 2
    assert result.complaints == []


def test_an_unconfirmed_search_draws_what_it_has(opened: Any) -> None:
    result = opened(made_up.unconfirmed())

    assert _drawn(result.page) == CHARTS - 3
    assert "on fresh seeds" in result.page.locator("#confirmed .missing").inner_text()


def test_hostile_texts_are_shown_and_never_run(opened: Any) -> None:
    result = opened(made_up.hostile())

    assert result.page.title().startswith("</script><script>")
    assert result.page.locator("img").count() == 0
    assert _drawn(result.page) == CHARTS
    assert made_up.HOSTILE in result.page.locator(".reasons li").first.inner_text()
    assert result.complaints == []
    assert result.asked == []


def test_a_heading_sorts_by_number_upward_then_downward_with_gaps_last(opened: Any) -> None:
    page = opened(made_up.report()).page
    heading = page.locator("#trial-table th", has_text="macro-F1, validation")

    heading.get_by_role("button").click()
    upward = _column(page, 3)
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.get_by_role("button").click()
    downward = _column(page, 3)

    scores = [words for words in upward if words != "–"]
    assert len(scores) == 19
    assert scores == sorted(scores, key=float)
    assert downward[:19] == scores[::-1]
    assert upward[19:] == downward[19:] == ["–"] * 5
    assert heading.get_attribute("aria-sort") == "descending"


def test_sorting_works_from_the_keyboard_and_marks_one_column_only(opened: Any) -> None:
    page = opened(made_up.report()).page
    for name in ("Rank", "Trainable parameters"):
        page.locator("#trial-table th", has_text=name).get_by_role("button").focus()
        page.keyboard.press("Enter")

    parameters = [int(words.replace(",", "")) for words in _column(page, 10)]
    assert parameters == sorted(parameters)
    assert page.locator("#trial-table th[aria-sort=ascending]").all_inner_texts() == ["Trainable parameters"]


def test_the_copy_button_copies(opened: Any) -> None:
    result = opened(made_up.report(), permissions=["clipboard-read", "clipboard-write"])
    button = result.page.get_by_role("button", name="Copy: Commands")
    button.click()

    sync_api.expect(result.page.locator(".copybar", has=button).get_by_role("status")).to_have_text("Copied.")
    assert result.page.evaluate("navigator.clipboard.readText()") == result.page.locator("#commands").inner_text()


def test_without_a_clipboard_the_code_is_selected_and_the_reader_told(opened: Any) -> None:
    page = opened(made_up.report()).page
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {value: undefined}); document.execCommand = () => false"
    )
    button = page.get_by_role("button", name="Copy: Python")
    button.click()

    status = page.locator(".copybar", has=button).get_by_role("status")
    sync_api.expect(status).to_have_text("Selected: copy it with Ctrl+C or ⌘C.")
    assert "PeftModel" in page.evaluate("getSelection().toString()")


def test_print_shows_every_section_opens_what_was_folded_and_cuts_no_chart(opened: Any) -> None:
    page = opened(made_up.report(), color_scheme="dark").page
    page.emulate_media(media="print")
    page.wait_for_selector("details[open]")

    assert [heading.inner_text() for heading in page.locator("h2").all() if heading.is_visible()] == SECTIONS
    assert page.locator("details:not([open])").count() == 0
    assert not page.locator("nav.contents").is_visible()
    for chart in page.locator("[data-figure]").all():
        assert chart.locator("svg.main-svg").first.bounding_box()["width"] <= 680
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(253, 253, 252)"


def test_after_printing_the_page_is_as_it_was(opened: Any) -> None:
    page = opened(made_up.report()).page
    page.emulate_media(media="print")
    page.wait_for_selector("details[open]")
    page.emulate_media(media="screen")

    sync_api.expect(page.locator("details[open]")).to_have_count(0)
    assert page.locator("[data-figure] svg.main-svg").first.bounding_box()["width"] > 900


def test_dark_and_light_charts_differ_in_the_colour_of_their_words(opened: Any) -> None:
    colours = {
        scheme: opened(made_up.report(), color_scheme=scheme)
        .page.locator("[data-figure=rungs] .xtick text")
        .first.evaluate("words => getComputedStyle(words).fill")
        for scheme in ("light", "dark")
    }

    assert colours == {"light": "rgb(27, 31, 36)", "dark": "rgb(231, 233, 236)"}


def test_headings_step_down_one_level_at_a_time(opened: Any) -> None:
    page = opened(made_up.report()).page
    levels = [int(tag[1]) for tag in page.locator("h1, h2, h3").evaluate_all("all => all.map(one => one.tagName)")]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
