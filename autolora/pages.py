"""From a run folder's content to its report pages. Loads no model, no engine and no search library."""

from __future__ import annotations

from dataclasses import replace

from autolora.business import NO_CURRENCY, Business
from autolora.carbon import grams_of
from autolora.economics.assess import assess
from autolora.economics.propose import propose
from autolora.errors import RunFolderError
from autolora.records import ConfirmRecord, Recommendation
from autolora.records.economics import Assessment
from autolora.records.forecast import Forecast
from autolora.report import SearchReport, render_engineer
from autolora.report.management.numbers import Language
from autolora.report.management.page import render_management
from autolora.report.management.proposal import render_proposal
from autolora.report.management.story import WORDINGS, Teller
from autolora.report.management.workbook import workbook
from autolora.request import business_of
from autolora.results import SearchRecord


def engineer_page(it: SearchRecord, *, texts: bool = True) -> str:
    """Return the report for engineers as one HTML page.

    Args:
        it: The search.
        texts: Whether prompts and answers from the data may stand in it, where answers are written, and what reviewers
            wrote.
    """
    return render_engineer(_source(it, texts=texts))


def management_page(it: SearchRecord, language: Language, *, business: Business | None = None) -> str:
    """Return the report for managers as one HTML page.

    Args:
        it: A search that is finished.
        language: Of the page.
        business: What the work costs today; what the task file says unless given, and nothing where it says nothing.

    Raises:
        RunFolderError: If the search has come to no verdict yet.
        RequestError: If what the task file says of the business breaks a rule.
    """
    found, confirm = _judged(it)
    money = _assessed(business or _entered(it), found, confirm)
    return render_management(_source(it, texts=False), found, money, language)


def plain_verdict(it: SearchRecord, language: Language) -> str:
    """Return what the report for managers recommends: a sentence or two, with the arguments and errors of that."""
    found, confirm = _judged(it)
    money = _assessed(Business(currency=NO_CURRENCY), found, confirm)
    return Teller(_source(it, texts=False), found, money, language).recommendation()


def proposal_page(expected: Forecast, language: Language, *, business: Business | None = None) -> str:
    """Return the proposal of a pilot as one HTML page.

    Args:
        expected: What a search would take.
        language: Of the page.
        business: What the work costs today; nothing unless given.
    """
    entered = business or Business(currency=NO_CURRENCY)
    return render_proposal(expected, propose(entered, expected, grams_per_kwh=grams_of(entered.energy)), language)


def management_workbook(it: SearchRecord, language: Language, *, business: Business | None = None) -> bytes:
    """Return the same numbers as the content of a workbook, with the arguments and errors of ``management_page``."""
    return workbook(_assessed(business or _entered(it), *_judged(it)), WORDINGS[language])


def assessed(it: SearchRecord) -> Assessment | None:
    """Return what a finished search is worth, None where nothing was entered of the work.

    Raises:
        RunFolderError: If the search has come to no verdict yet.
        RequestError: If what the task file says of the business breaks a rule.
    """
    found, confirm = _judged(it)
    entered = business_of(it.request)
    return None if entered is None else _assessed(entered, found, confirm)


def _assessed(business: Business, found: Recommendation, confirm: ConfirmRecord) -> Assessment:
    return assess(business, found, confirm, grams_per_kwh=grams_of(business.energy))


def _judged(it: SearchRecord) -> tuple[Recommendation, ConfirmRecord]:
    if it.recommendation is None or it.confirm is None:
        raise RunFolderError(
            f"the search in {str(it.path)!r} has come to no verdict yet", "go on with it first: --resume"
        )
    return it.recommendation, it.confirm


def _entered(it: SearchRecord) -> Business:
    return business_of(it.request) or Business(currency=NO_CURRENCY)


def _source(it: SearchRecord, *, texts: bool) -> SearchReport:
    return SearchReport(
        request=it.request,
        data=it.data,
        trials=it.trials,
        confirm=it.confirm,
        recommendation=it.recommendation,
        events=it.events,
        answers=it.answers if texts or it.answers is None else replace(it.answers, rows=(), row_scores={}),
        predictions=it.predictions,
        robustness=it.robustness,
        review=it.review if texts or it.review is None else replace(it.review, reasons=(), edits=()),
        holds_texts=texts,
        reopened_test=sum(event.get("event") == "test_opened" for event in it.events) > 1,
    )
