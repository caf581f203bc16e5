"""The proposal of a pilot: the four answers before anything was trained, the same in both languages."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from autolora.business import Business
from autolora.economics.propose import propose
from autolora.report.management.proposal import render_proposal
from autolora.report.management.proposal_words import PROPOSALS
from tests.economics.test_assess import FULL
from tests.made_forecasts import forecast

pytestmark = pytest.mark.unit

MADE = datetime(2026, 3, 31, tzinfo=UTC)
ANSWERS = ("recommendation", "cost", "payback", "confidence")
HOSTILE = "<script>alert(1)</script>{{7*7}}"


def page(language: str, business: Business = FULL, **other) -> str:
    it = forecast(**other)
    return render_proposal(it, propose(business, it), language, made=MADE)


def answer(text: str, key: str) -> str:
    (found,) = re.findall(rf'<p id="{key}">(.*?)</p>', text, re.DOTALL)
    return found


@pytest.mark.parametrize("pays", ["above", "always", "never", "unknown"])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_of_the_four_answers_is_a_full_sentence_in_its_own_place(language, pays) -> None:
    for business in (FULL, Business(currency="EUR")):
        it = forecast()
        money = replace(propose(business, it), pays_back=pays)
        text = render_proposal(it, money, language, made=MADE)
        for key in ANSWERS:
            said = answer(text, key)
            assert said.endswith("." if language == "en" else "。"), said
            assert len(said) > 20
            assert "{" not in said
            assert "None" not in said


def test_both_languages_hold_the_same_numbers() -> None:
    def numbers(language: str) -> list[str]:
        text = re.sub(r"<(style|dl|code)\b.*?</\1>|<[^>]+>|\(LoRA\)|F1", " ", page(language), flags=re.DOTALL)
        return sorted(re.findall(r"\d[\d,.]*\d|\d", text))

    english, japanese = numbers("en"), numbers("ja")
    only = {each for each in set(english) ^ set(japanese) if not (len(each) <= 2 and each.isdigit())}
    assert not only
    assert len(english) > 80


def test_every_phrase_is_there_in_both_languages_with_the_same_braces() -> None:
    english, japanese = PROPOSALS["en"], PROPOSALS["ja"]
    for each in fields(english):
        ours, theirs = getattr(english, each.name), getattr(japanese, each.name)
        pairs = [(ours[key], theirs[key]) for key in ours] if isinstance(ours, dict) else [(ours, theirs)]
        if isinstance(ours, dict):
            assert ours.keys() == theirs.keys(), each.name
        for a, b in pairs:
            assert sorted(re.findall(r"\{\w*\}", a)) == sorted(re.findall(r"\{\w*\}", b)), each.name


def test_the_accuracy_that_it_takes_is_the_answer_on_payback() -> None:
    money = propose(FULL, forecast())

    assert money.pays_back == "above"
    assert f"{100 * money.break_even:.1f} %" in answer(page("en"), "payback")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_energy_is_told_where_watts_were_entered(language) -> None:
    assert "kWh" not in answer(page(language), "cost")
    watts = replace(FULL, machine=replace(FULL.machine, watts=120))
    assert "0.0187 kWh" in answer(page(language, watts), "cost")


def test_a_budget_that_is_too_short_is_said_first() -> None:
    said = answer(page("en", budget_seconds=300.0, enough=False), "recommendation")

    assert "The budget of 5.00 min is too short" in said
    assert "9.33 min are needed" in said, "what the parts take together"
    assert "too short" not in answer(page("en"), "recommendation")


def test_names_from_outside_stay_text() -> None:
    text = page("en", name=HOSTILE, device=HOSTILE)

    assert "<script>" not in text
    assert "{{7*7}}" in text


def test_it_is_small() -> None:
    assert len(page("ja").encode()) < 100_000
