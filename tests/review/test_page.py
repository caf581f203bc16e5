"""The page that reviewers get, as far as it can be read without a browser."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from string import Formatter

import pytest

from autolora.review.page import Sheet, render, sheet
from autolora.review.records import AnswerKind
from autolora.review.wording import WORDINGS
from tests.report.made_up import HOSTILE
from tests.review import made

pytestmark = pytest.mark.unit

KEY = made.key()
TEXTS = {item.row_id: f"text of row-{item.row_id}" for item in KEY.items}
KINDS: tuple[AnswerKind, ...] = ("class", "classes", "number", "text")


class _Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def page_of(**changed: object) -> str:
    return render(replace(sheet(KEY, TEXTS), **changed), "en")


def test_no_candidate_and_no_row_number_stands_in_the_page() -> None:
    html = render(sheet(KEY, dict.fromkeys(TEXTS, "a text")), "en")

    assert not [name for name in KEY.candidates if name in html]
    assert "by the chosen" in html, "answers are shown"
    assert "row_id" not in html


def test_what_the_page_may_know_has_no_place_for_whose_an_answer_is_or_what_is_right() -> None:
    assert [each.name for each in fields(Sheet)] == ["run", "id", "kind", "classes", "rows"]
    assert {name for row in sheet(KEY, TEXTS).rows for a in row.answers for name in vars(a)} == {"id", "text"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_and_button_is_named_and_every_id_stands_once(kind: AnswerKind) -> None:
    page = _Page(page_of(kind=kind, classes=("money", "repair") if kind.startswith("class") else ()))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    named_by = [attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes]

    assert len(ids) == len(set(ids))
    assert set(named_by) <= set(ids)
    judged = [attributes for tag, attributes in page.tags if "data-judge" in attributes and tag == "button"]
    assert len(judged) == 3 * len(KEY.answers)
    assert all(attributes["aria-pressed"] == "false" for attributes in judged)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_asks_nothing_of_any_network_and_runs_no_script_but_its_own(language) -> None:
    html = render(sheet(KEY, TEXTS), language)

    assert "http://" not in html
    assert "https://" not in html
    assert re.search(r"default-src 'none'; script-src 'sha256-[A-Za-z0-9+/=]{44}';", html)
    assert f'<html lang="{language}">' in html
    assert html.count("<script") == 2


def test_texts_are_shown_and_never_run() -> None:
    rows = tuple(
        replace(row, text=HOSTILE, answers=tuple(replace(a, text=HOSTILE) for a in row.answers))
        for row in sheet(KEY, TEXTS).rows
    )
    html = page_of(rows=rows, kind="class", classes=(HOSTILE,))

    assert HOSTILE not in html
    assert "<img" not in html
    assert html.count("<script") == 2


def test_every_phrase_is_there_in_each_language_with_the_same_places() -> None:
    english, japanese = WORDINGS["en"], WORDINGS["ja"]
    for each in fields(english):
        one, other = getattr(english, each.name), getattr(japanese, each.name)
        assert one
        assert other
        places = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (one, other)]
        assert places[0] == places[1], each.name
