"""One record, two languages: the four answers, the same numbers, nothing that a careless text could break."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache

import pytest

from autolora.business import Business
from autolora.economics.assess import assess
from autolora.report.management.page import render_management
from autolora.report.management.story import WORDINGS
from tests.economics.test_assess import FULL
from tests.report import made_up

pytestmark = pytest.mark.unit

MADE = datetime(2026, 3, 31, tzinfo=UTC)
ANSWERS = ("recommendation", "cost", "payback", "confidence")


@cache
def page(language: str, *, full: bool = True, verdict: str = "adopt", kept: str = "") -> str:
    report = made_up.report()
    found = replace(report.recommendation, seconds_a_thousand=2.5, verdict=verdict, kept=kept)
    business = FULL if full else Business(currency="EUR")
    return render_management(
        replace(report, recommendation=found), found, assess(business, found, report.confirm), language, made=MADE
    )


def answer(text: str, key: str) -> str:
    (found,) = re.findall(rf'<p id="{key}">(.*?)</p>', text, re.DOTALL)
    return found


@pytest.mark.parametrize("verdict", ["adopt", "keep_default", "use_simpler", "not_ready"])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_of_the_four_answers_is_a_full_sentence_in_its_own_place(language, verdict) -> None:
    for full in (True, False):
        text = page(language, full=full, verdict=verdict)
        for key in ANSWERS:
            said = answer(text, key)
            assert said.endswith("." if language == "en" else "。"), said
            assert len(said) > 20
            assert "{" not in said
            assert "None" not in said


def test_where_the_default_is_kept_it_is_what_is_recommended() -> None:
    candidates = {each.name: each for each in made_up.confirm().candidates}
    kept, best = candidates["rate_grid"], candidates[f"finalist_{made_up.CHOSEN}"]

    text = page("en", verdict="keep_default", kept="rate_grid")

    line = next(
        line for line in re.findall(r"<li>(.*?)</li>", text, re.DOTALL) if line.startswith("recommended adapter")
    )
    assert f"{kept.test:.3f}" in line
    assert f"{kept.trainable_params:,}" in line
    assert f"{best.test:.3f}" not in line


def test_both_languages_hold_the_same_numbers() -> None:
    def numbers(language: str) -> list[str]:
        text = re.sub(r"<(style|svg|dl|code)\b.*?</\1>|<[^>]+>|\(LoRA\)|F1", " ", page(language), flags=re.DOTALL)
        return sorted(re.findall(r"\d[\d,.]*\d|\d", text))

    english, japanese = numbers("en"), numbers("ja")
    only = {each for each in set(english) ^ set(japanese) if not (len(each) <= 2 and each.isdigit())}
    assert not only, "small numbers are words in English: three months, four of five"
    assert len(english) > 150


@pytest.mark.parametrize("language", ["en", "ja"])
def test_energy_and_its_carbon_stand_beside_the_cost(language) -> None:
    report = made_up.report()
    found = replace(report.recommendation, search=replace(report.recommendation.search, kilowatt_hours=0.5))
    money = assess(FULL, found, report.confirm, grams_per_kwh=Decimal(400))

    said = answer(render_management(report, found, money, language, made=MADE), "cost")

    assert "0.5000 kWh" in said
    assert "0.2000 kg" in said
    assert "codecarbon" in said


def test_every_phrase_is_there_in_both_languages_with_the_same_braces() -> None:
    english, japanese = WORDINGS["en"], WORDINGS["ja"]
    for each in fields(english):
        ours, theirs = getattr(english, each.name), getattr(japanese, each.name)
        if isinstance(ours, dict):
            assert ours.keys() == theirs.keys(), each.name
            pairs = [(ours[key], theirs[key]) for key in ours]
        elif isinstance(ours, tuple):
            pairs = [(a, b) for one, other in zip(ours, theirs, strict=True) for a, b in zip(one, other, strict=True)]
        else:
            pairs = [(ours, theirs)]
        for a, b in pairs:
            assert sorted(re.findall(r"\{\w*\}", a)) == sorted(re.findall(r"\{\w*\}", b)), each.name


def test_what_was_not_entered_is_said_and_nothing_is_made_up() -> None:
    text = page("en", full=False)

    assert "what an hour costs was not entered" in answer(text, "cost")
    assert "When it pays back cannot be said" in answer(text, "payback")
    assert "business.minutes_per_item" in text
    assert "€" not in re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL).replace("€0.00", "")


def test_doing_nothing_stands_among_the_ways_to_do_the_work() -> None:
    assert "Do nothing: the work goes on as today" in page("en")
    assert "何もしない" in page("ja")


def test_hostile_texts_stay_texts() -> None:
    report = made_up.hostile()
    found = replace(report.recommendation, seconds_a_thousand=2.5)

    text = render_management(report, found, assess(FULL, found, report.confirm), "en", made=MADE)

    assert "<script" not in text
    assert "<img" not in text


def test_the_page_is_small_and_asks_nothing_of_any_network() -> None:
    text = page("ja")

    assert len(text.encode()) < 1_000_000
    assert "default-src 'none'" in text
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text.replace("http://www.w3.org", ""))


def test_the_same_record_makes_the_same_page() -> None:
    first = page("en")
    page.cache_clear()
    assert page("en") == first
