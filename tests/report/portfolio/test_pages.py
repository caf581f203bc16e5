from __future__ import annotations

import io
import re
import zipfile
from dataclasses import fields, replace
from typing import get_args

import pytest

from autolora.records.kinds import Verdict
from autolora.records.portfolio import MemberState
from autolora.report.portfolio.pages import ENDED_BY, render_engineer, render_management
from autolora.report.portfolio.story import WORDINGS, Teller
from autolora.report.portfolio.workbook import workbook
from tests.report.portfolio.made_up import MONEY, member, portfolio

pytestmark = pytest.mark.unit

LANGUAGES = ("en", "ja")


def braces(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def phrases(value) -> dict[str, str]:
    if isinstance(value, str):
        return {"": value}
    if isinstance(value, dict):
        return {f".{key}{rest}": text for key, each in value.items() for rest, text in phrases(each).items()}
    return {f".{at}{rest}": text for at, each in enumerate(value) for rest, text in phrases(each).items()}


def test_both_languages_say_the_same_things_with_the_same_numbers() -> None:
    english, japanese = WORDINGS["en"], WORDINGS["ja"]
    for field in fields(english):
        ours, theirs = phrases(getattr(english, field.name)), phrases(getattr(japanese, field.name))
        assert ours.keys() == theirs.keys(), field.name
        for key, text in ours.items():
            assert braces(text) == braces(theirs[key]), (field.name, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verdict_state_and_end_has_its_words(language) -> None:
    say = WORDINGS[language]

    assert set(say.verdicts) == set(get_args(Verdict)) == set(say.recommended)
    assert set(say.states) == set(get_args(MemberState))
    assert set(say.ended_by) == {*ENDED_BY, ""}
    assert set(say.order) == {"money", "gain", "loss", "simpler", "not_ready", *get_args(MemberState)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_pages_for_managers_hold_the_same_numbers(language) -> None:
    page = render_management(portfolio(), language)

    for number in ("0.910", "0.890 – 0.930", "0.820", "300,000", "12,000", "5,000"):
        assert number in page, number
    assert page.count("<svg") == 1
    assert "{" not in re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", page, flags=re.DOTALL), (
        "no brace is left unfilled"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_from_outside_are_inert(language) -> None:
    for page in (render_management(portfolio(), language), render_engineer(portfolio(), floor=6, enough=0.001)):
        assert "<b>&日報" not in page
        assert "&lt;b&gt;&amp;日報" in page


def test_the_answers_count_every_task() -> None:
    told = Teller(portfolio(), "en")

    assert told.recommendation() == (
        "Of 5 tasks: 1 worth an adapter of its own, 1 as good with standard settings, 1 as good with something simpler,"
        " 1 not ready. Without a verdict, or failed: 1."
    )
    assert told.cost() == "The batch took 1.50 h of machine time for 4 of 5 tasks. The trials cost JP¥24,000 in all."
    assert "go to work (2) are worth JP¥295,000 a month" in told.value()
    assert "Paid back within the time that is counted: 1." in told.value()
    assert "Not in this sum" not in told.value(), "what is simpler, or not ready, has no worth of an adapter's"
    silent = portfolio(members=(*portfolio().members, member("forms")))
    assert "Not in this sum: 1" in Teller(silent, "en").value()
    assert "The least sure is <b>&日報: its true score may be anything from 0.400 to 0.600" in told.confidence()


def test_what_was_asked_for_is_reached_or_missed_on_the_test_items() -> None:
    told = Teller(portfolio(), "en")

    assert [told.kpi_state(each) for each in portfolio().members] == ["reached", "missed", "none", "none", "none"]
    assert told.kpi_state(member("m", metric="mae", test=3.0, required=4.0)) == "reached"
    assert told.kpi_state(member("m", metric="mae", test=5.0, required=4.0)) == "missed"


def test_only_those_as_good_may_share_and_where_nothing_was_compared_that_is_said() -> None:
    assert Teller(portfolio(), "en").sharing() == [
        "calls may use the adapter of mails: it scores 0.900 there, the task's own 0.910."
    ]
    assert Teller(portfolio(cross=()), "en").sharing() == [WORDINGS["en"].share_unknown]
    bad = replace(portfolio().cross[0], as_good=False)
    assert Teller(portfolio(cross=(bad,)), "en").sharing() == [WORDINGS["en"].share_none]


def test_storage_is_told_in_times() -> None:
    assert "5,000 times as much" in Teller(portfolio(), "en").storage()


def test_where_nothing_is_ready_no_roll_out_is_asked_for() -> None:
    nothing = portfolio(order=tuple(replace(step, reason="not_ready") for step in portfolio().order))

    assert Teller(nothing, "en").decision() == WORDINGS["en"].decision_none
    assert Teller(portfolio(), "en").decision().startswith("Approve the roll-out of mails first")


def test_what_is_simpler_needs_no_adapter_and_says_so() -> None:
    told = Teller(portfolio(), "en")
    only = portfolio(members=(member("notes", **MONEY, verdict="use_simpler"),), order=(portfolio().order[1],))

    assert dict(told.order())["notes"] == "no adapter is needed: something simpler does as well"
    assert "JP¥12,000" in Teller(only, "en").cost()
    assert Teller(only, "en").value() == WORDINGS["en"].value_unknown
    assert Teller(only, "en").decision().startswith("Approve the roll-out of notes first")


def test_a_batch_in_two_currencies_sums_no_money() -> None:
    mixed = portfolio(members=(*portfolio().members, member("us", currency="USD", spent=10.0, net_a_month=5.0)))

    told = Teller(mixed, "en")
    assert told.value() == WORDINGS["en"].value_unknown
    assert "US$5.00" in render_management(mixed, "en")


def test_an_unfinished_batch_says_so() -> None:
    for page in (
        render_management(portfolio(finished=False), "en"),
        render_engineer(portfolio(finished=False), floor=6, enough=0.001),
    ):
        assert "has not ended" in page


def test_engineers_see_how_the_time_was_split_and_why_exploring_ended() -> None:
    page = render_engineer(portfolio(), floor=6, enough=0.001)

    assert "hardly anything more was expected" in page
    assert "calls (2)" in page
    assert "0.04 %" in page
    assert 'href="mails/report.html"' in page
    assert 'href="broken/report.html"' not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workbook_holds_a_row_for_every_task_and_text_as_text(language) -> None:
    formula = member("=CMD()")
    book = zipfile.ZipFile(io.BytesIO(workbook(portfolio(members=(*portfolio().members, formula)), language)))
    sheet, texts = book.read("xl/worksheets/sheet1.xml").decode(), book.read("xl/sharedStrings.xml").decode()

    assert sheet.count("<row ") == 1 + 6 + 1, "heading, tasks, and the sums"
    assert "=CMD()" in texts
    assert "<f>=" not in sheet
    assert re.search(r"<f>SUM\(K2:K7\)</f><v>295000(\.0)?</v>", sheet)
