"""The whole way in a browser, with the real service and a real search on a tiny model; no request leaves it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.browser.offline import CHROMIUM, launched
from tests.service.running import running, write_table

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

PATIENCE_MS = 240_000


@pytest.fixture
def service(tiny_folder, tmp_path):
    with running(tiny_folder, tmp_path) as it:
        yield it


@pytest.fixture
def page(service):
    """Return a page of a browser of 360 pixels' width that may ask nobody but the service."""
    strangers: list[str] = []
    with launched(sync_api) as browser:
        context = browser.new_context(viewport={"width": 360, "height": 800}, accept_downloads=True, locale="en-US")
        opened = context.new_page()
        opened.on(
            "request",
            lambda asked: None if asked.url.startswith((service.address, "data:")) else strangers.append(asked.url),
        )
        opened.on("pageerror", lambda error: strangers.append(str(error)))
        opened.on(
            "console", lambda said: strangers.append(said.text) if "Content Security Policy" in said.text else None
        )
        yield opened
        assert strangers == []
        context.close()


def test_from_an_upload_to_an_adapter(service, page, tmp_path) -> None:
    wrong = tmp_path / "mails.csv"
    wrong.write_text("text,label\n" + "".join(f"parcel please {at},delivery\n" for at in range(30)))
    right = write_table(tmp_path / "mails-2.csv")

    page.goto(service.address)
    page.get_by_label("Token").fill(service.token)
    page.keyboard.press("Enter")  # by keyboard alone
    page.wait_for_url(f"{service.address}/")

    # A mistake in the data is found, said in plain words, and mended.
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_label("Upload a table").set_input_files(wrong)
    page.get_by_role("button", name="Upload and check").click()
    page.get_by_role("alert").wait_for(timeout=PATIENCE_MS)
    assert "holds only one class" in page.get_by_role("alert").inner_text()
    assert "What to do:" in page.get_by_role("alert").inner_text()
    page.get_by_label("Upload a table").set_input_files(right)
    page.get_by_role("button", name="Upload and check").click()
    page.get_by_text("This table can be searched with.").wait_for(timeout=PATIENCE_MS)

    # Three questions, and the plan before anything is trained.
    page.get_by_role("link", name="Search an adapter for this table").click()
    page.get_by_label("Base model").select_option("tiny")
    page.get_by_label("Every row counts the same (accuracy)").check()
    page.get_by_label("As long as it takes").check()
    page.get_by_text("Advanced").click()
    page.get_by_label("Configurations to try").fill("3")
    page.get_by_label("Search space").select_option("quick")
    page.get_by_role("button", name="See the plan first").click()
    start = page.get_by_role("button", name="Start the search")
    start.wait_for(timeout=PATIENCE_MS)
    assert "It will most likely take" in page.get_by_role("main").inner_text()
    start.click()

    # It is watched; the page is loaded anew in the middle, and goes on by itself to the end.
    page.get_by_role("progressbar").wait_for(timeout=PATIENCE_MS)
    page.reload()
    page.get_by_text("Result: ").wait_for(timeout=PATIENCE_MS)
    assert page.get_by_role("img").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    search = page.url

    # The report for managers, in Japanese, as it would go to a meeting.
    page.get_by_role("link", name="For managers, in Japanese").click()
    page.wait_for_load_state()
    assert page.locator("html").get_attribute("lang") == "ja"
    assert "試行の結果と費用対効果" in page.inner_text("body")

    # A sentence is tried, and the adapter downloaded.
    page.goto(search)
    page.get_by_label("A text").fill("parcel please parcel")
    page.get_by_role("button", name="Answer").click()
    page.get_by_text("Confidence").wait_for(timeout=PATIENCE_MS)
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download the adapter (zip)").click()
    downloading.value.save_as(tmp_path / "adapter.zip")
    with zipfile.ZipFile(tmp_path / "adapter.zip") as packed:
        packed.extractall(tmp_path / "unpacked")
    assert says_something(tmp_path / "unpacked" / "adapter", service.models / "tiny")


def says_something(adapter: Path, base: Path) -> bool:
    """Return whether plain PEFT loads an adapter and it has an answer."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = PeftModel.from_pretrained(
        AutoModelForSequenceClassification.from_pretrained(base, num_labels=3), str(adapter)
    )
    with torch.no_grad():
        logits = model(**AutoTokenizer.from_pretrained(base)("parcel please", return_tensors="pt")).logits
    return tuple(logits.shape) == (1, 3)
