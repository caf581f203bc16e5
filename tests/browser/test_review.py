"""A review in a real browser, with the network off: from a finished search to a verdict that reviewers changed."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autolora import flow, progress, request, results
from autolora.cli import main
from autolora.records import from_json
from autolora.review import files
from autolora.review.page import render, sheet
from autolora.review.records import ReviewKey
from tests import tiny_search
from tests.review import made

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

ANSWERS = (("parcel", "van is late today"), ("charged", "money back to card"), ("broken", "send the lamp back"))
NOUNS, AGAIN = ("sofa", "lamp", "box", "screen", "mail"), ("again", "today", "monday", "still")
KEY = made.key(apart=2, alike=1, rows=3)
TEXTS = {item.row_id: f"text {item.row_id}" for item in KEY.items}


@dataclass
class Opened:
    """A review in a browser, and what went wrong there."""

    page: Any
    complaints: list[str]

    def card(self, answer: str) -> Any:
        return self.page.locator(f"[data-answer='{answer}']")

    def judge(self, answer: str, judgement: str, **fields: str) -> None:
        """Judge an answer by clicks."""
        self.card(answer).locator(f"[data-judge={judgement}]").click()
        for name, text in fields.items():
            self.card(answer).locator(f"[data-{name}]").fill(text)

    def judge_all(self, key: ReviewKey, opinion: made.Opinion) -> None:
        for answer in key.answers.values():
            judgement, edit, reason = opinion(answer.id, answer.candidates)
            given = {"edit": edit, "reason": reason}
            self.judge(answer.id, judgement, **{name: text for name, text in given.items() if text})

    def saved(self, folder: Path, button: str = "Save") -> Path:
        """Save, and return the file that is downloaded."""
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name=button, exact=True).click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path

    @property
    def status(self) -> str:
        return self.page.locator("#status").inner_text()

    @property
    def focused(self) -> str | None:
        """The answer that the keyboard speaks to."""
        return self.page.evaluate("document.activeElement.closest('[data-answer]')?.dataset.answer")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    context = browser.new_context(accept_downloads=True)
    context.set_offline(True)
    complaints: list[str] = []

    def open_page(content: str | Path) -> Opened:
        if isinstance(content, str):
            file = tmp_path / "review.html"
            file.write_text(content, encoding="utf-8")
            content = file
        page = context.new_page()
        page.on("console", lambda note: note.type in ("error", "warning") and complaints.append(note.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(content.as_uri())
        return Opened(page, complaints)

    yield open_page
    context.close()
    assert complaints == []


def html(key: ReviewKey = KEY) -> str:
    return render(sheet(key, TEXTS), "en")


def read_back(path: Path, key: ReviewKey = KEY) -> Any:
    return files.reviewed(files.saved(files.content(path), path.name), key, path.name)


# ------------------------------------------------------------------------------------------------- the whole way


@pytest.fixture(scope="module")
def searched(tiny_folder: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder of a finished search whose adapters write what the base can read."""
    folder = tmp_path_factory.mktemp("reviewed")
    tiny = tiny_search.make(folder, tiny_folder("llama", writes=True), trials=2, writes=True, max_length=40)
    rows = [
        (f"{topic} {noun} please {again}", answer) for topic, answer in ANSWERS for noun in NOUNS for again in AGAIN
    ]
    with open(folder / "rows.csv", "w", newline="") as file:
        csv.writer(file).writerows([("prompt", "completion"), *rows])
    wanted = request.read(tiny.task)
    wanted = replace(wanted, data=replace(wanted.data, template="{prompt} help"))
    with progress.make(plain=True) as shown:
        flow.search(wanted, tiny.run, progress=shown)
    return tiny.run


def review(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(main, ["review", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done


def test_reviewers_who_reject_the_adapters_answers_change_the_verdict(
    searched: Path, opened: Any, tmp_path: Path
) -> None:
    before = results.read(searched)
    assert before.recommendation is not None
    assert before.answers is not None
    assert before.recommendation.verdict != "not_ready"
    review("make", searched, "-o", tmp_path / "review.html")
    (path,) = (searched / "review").glob("key-*.json")
    key = from_json(path.read_bytes(), ReviewKey)
    source = (tmp_path / "review.html").read_text(encoding="utf-8")

    assert not [name for name in (*key.candidates, "finalist", "zero_shot") if name in source]
    for wanted in {row.wanted for row in before.answers.rows}:
        given = sum(answer.text.count(wanted) for answer in key.answers.values())
        assert source.count(wanted) == 2 * given, "it stands where a candidate gave it, as text and as attribute"

    it = opened(tmp_path / "review.html")
    it.page.get_by_label("Your name").fill("田中 Ada")
    for at, answer in enumerate(key.answers.values()):
        rejected = key.chosen in answer.candidates
        if at % 2:
            it.card(answer.id).focus()
            it.page.keyboard.press("r" if rejected else "a")
            if rejected:
                it.page.keyboard.type("a reader would not understand it")
                it.page.keyboard.press("Enter")
        elif rejected:
            it.judge(answer.id, "reject", reason="<b>too terse</b>")
        else:
            it.judge(answer.id, "accept")
    saved = it.saved(tmp_path)

    assert saved.name == f"review-{key.id}-田中-Ada.json"
    assert {one.judgement == "reject" for one in read_back(saved, key).judgements} == {True, False}

    said = review("read", searched, saved, "--min-accepted", "0.5").stdout
    after = results.read(searched)

    assert after.recommendation is not None
    assert after.review is not None
    assert next(c.accepted for c in after.review.candidates if c.name == key.chosen) == 0
    assert after.review.reviewers == ("田中 Ada",)
    assert (after.recommendation.verdict, after.recommendation.verdict_before_review) == (
        "not_ready",
        before.recommendation.verdict,
    )
    assert "verdict  not ready (before the review: " in said
    assert after.recommendation.reasons[: len(before.recommendation.reasons)] == before.recommendation.reasons

    report = opened(searched / "report.html").page
    section = report.locator("section", has=report.get_by_role("heading", name="Practitioner review"))
    assert report.locator("h1").get_attribute("data-verdict") == "not_ready"
    assert section.locator("tr.chosen td").first.inner_text().startswith("0 %")
    assert "<b>too terse</b>" in section.inner_text()
    assert "a reader would not understand it" in section.inner_text()


# ------------------------------------------------------------------------------------------------------ the page alone


def test_judgements_are_kept_when_the_page_is_opened_again(opened: Any, tmp_path: Path) -> None:
    first = opened(html())
    first.page.get_by_label("Your name").fill("Ada")
    first.judge("001a", "edit", edit="better\n“so” \\ 届いた", reason="names")
    first.judge("001b", "reject", reason="wrong")

    again = opened(html())

    assert again.page.get_by_label("Your name").input_value() == "Ada"
    assert again.card("001a").locator("[data-edit]").input_value() == "better\n“so” \\ 届いた"
    assert again.card("001b").locator("[data-judge=reject]").get_attribute("aria-pressed") == "true"
    assert again.page.locator("#count").inner_text() == f"2 of {len(KEY.answers)} answers judged"


def test_what_the_page_saves_is_what_is_read(opened: Any, tmp_path: Path) -> None:
    def opinion(answer: str, whose: tuple[str, ...]) -> tuple[str, str, str]:
        if made.BASE in whose:
            return "edit", 'es kostet 3 € – "届いた"\n\\u2028 \u2028 🙂 <\\script>\t.', "wrong &amp; late"
        return ("reject", "", "no") if made.DEFAULT in whose else ("accept", "", "")

    it = opened(html())
    it.page.get_by_label("Your name").fill("Ada")
    it.judge_all(KEY, opinion)

    assert read_back(it.saved(tmp_path)) == made.review(KEY, opinion)
    assert it.status.startswith("Saved as review-")


@pytest.mark.parametrize("length", [0, 1, 54, 55, 56, 63, 64, 65, 119, 200, 5000])
def test_the_pages_checksum_is_sha_256_at_every_length(opened: Any, tmp_path: Path, length: int) -> None:
    it = opened(html())
    it.page.get_by_label("Your name").fill("Ada")
    it.page.locator("[data-reason]").first.fill("x" * length)

    path = it.saved(tmp_path, "Save unfinished")

    files.saved(files.content(path), path.name)


def test_an_unfinished_review_is_saved_only_as_such_loaded_again_and_refused(opened: Any, tmp_path: Path) -> None:
    it = opened(html())
    it.page.get_by_role("button", name="Save", exact=True).click()
    assert it.status == "Please write your name first."
    it.page.get_by_label("Your name").fill("Ada")
    it.judge("001a", "accept")
    it.page.get_by_role("button", name="Save", exact=True).click()
    assert it.status.startswith(f"{len(KEY.answers) - 1} still to judge")
    assert it.focused == "001b"
    draft = it.saved(tmp_path, "Save unfinished")
    with pytest.raises(Exception, match=f"{len(KEY.answers) - 1} of {len(KEY.answers)} answers are still to be judged"):
        read_back(draft)

    it.page.on("dialog", lambda dialog: dialog.accept())
    it.page.get_by_role("button", name="Start over").click()
    assert it.page.locator("#count").inner_text().startswith("0 of")
    it.page.get_by_label("Go on with a saved file").set_input_files(draft)
    sync_api.expect(it.page.locator("#status")).to_have_text(f"Loaded {draft.name}.")

    assert it.page.locator("#count").inner_text().startswith("1 of")
    assert it.page.get_by_label("Your name").input_value() == "Ada"


@pytest.mark.parametrize(
    ("change", "says"),
    [({"review": "x"}, "is no saved file of this review"), ({"reviewer": "Eve"}, "was changed after it was saved")],
)
def test_a_file_that_is_not_the_pages_own_is_not_loaded(opened: Any, tmp_path: Path, change: Any, says: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps(made.saved(KEY) | change))
    it = opened(html())

    it.page.get_by_label("Go on with a saved file").set_input_files(path)

    sync_api.expect(it.page.locator("#status")).to_contain_text(says)
    assert it.page.locator("[aria-pressed=true]").count() == 0


def test_keys_judge_the_answer_in_focus_and_go_on_to_the_next_but_not_while_one_types(opened: Any) -> None:
    it = opened(html())
    it.card("001a").focus()
    it.page.keyboard.press("a")
    assert it.focused == "001b"
    it.page.keyboard.press("r")
    it.page.keyboard.type("a reason: are we early?")
    it.page.keyboard.press("Enter")
    assert it.card("001b").locator("[data-reason]").input_value() == "a reason: are we early?"
    third = list(KEY.answers)[2]
    assert it.focused == third
    it.page.keyboard.press("e")
    edit = it.card(third).locator("[data-edit]")
    assert edit.input_value() == KEY.answers[third].text
    it.page.keyboard.press("End")
    it.page.keyboard.type(" are")

    assert edit.input_value().endswith(" are")
    pressed = it.page.locator("[aria-pressed=true]").evaluate_all("all => all.map(one => one.dataset.judge)")
    assert pressed == ["accept", "reject", "edit"]


@pytest.mark.parametrize("kind", ["class", "classes", "number"])
def test_a_change_is_chosen_or_written_as_answers_are(opened: Any, tmp_path: Path, kind: Any) -> None:
    key = replace(KEY, kind=kind, classes=("money, old", "repair") if kind.startswith("class") else ())
    it = opened(html(key))
    it.page.get_by_label("Your name").fill("Ada")
    it.judge_all(key, made.accepts_all)
    it.judge("001a", "edit")
    field = it.card("001a").locator("[data-edit]")
    if kind == "class":
        field.select_option("repair")
    elif kind == "classes":
        field.nth(0).check()
        field.nth(1).check()
    else:
        field.fill("nine")
        assert it.page.locator("#count").inner_text().startswith(f"{len(key.answers) - 1} of")
        field.fill("-9.5")

    said = read_back(it.saved(tmp_path), key).judgements[0]

    assert said.edit == {"class": ("repair",), "classes": ("money, old", "repair"), "number": ("-9.5",)}[kind]


def test_the_focus_is_seen_and_no_page_is_wider_than_a_small_phone(opened: Any) -> None:
    it = opened(html())
    it.page.set_viewport_size({"width": 360, "height": 740})
    it.page.keyboard.press("Tab")

    assert it.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert it.page.evaluate("document.scrollingElement.scrollWidth") <= 360
