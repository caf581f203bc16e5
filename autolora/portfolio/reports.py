"""Writes what a batch came to into its folder: for scripts, for engineers, for managers."""

from __future__ import annotations

from typing import get_args

from autolora.portfolio.auction import ENOUGH_PROMISE, FLOOR_TRIALS
from autolora.portfolio.folder import MANAGEMENT, REPORT, WORKBOOK, BatchFolder
from autolora.portfolio.rollup import rolled_up
from autolora.records.portfolio import PortfolioRecord
from autolora.report.management.numbers import Language
from autolora.report.portfolio.pages import render_engineer, render_management
from autolora.report.portfolio.workbook import workbook


def write_reports(folder: BatchFolder, *, finished: bool, seconds: float) -> PortfolioRecord:
    """Write all of them anew, and return what they are made of.

    Args:
        folder: Of the batch.
        finished: Whether nothing more is to be done.
        seconds: That were worked on it.
    """
    found = rolled_up(folder, finished=finished, seconds=seconds)
    folder.write_portfolio(found)
    folder.write_page(REPORT, engineer_page(found).encode())
    languages: tuple[Language, ...] = get_args(Language)
    for language in languages:
        folder.write_page(MANAGEMENT.format(language=language), render_management(found, language).encode())
        folder.write_page(WORKBOOK.format(language=language), workbook(found, language))
    return found


def engineer_page(found: PortfolioRecord, *, links: bool = True) -> str:
    """Return the page for engineers.

    Args:
        found: What the batch came to.
        links: Whether the tasks' run folders lie beside the page.
    """
    return render_engineer(found, floor=FLOOR_TRIALS, enough=ENOUGH_PROMISE, links=links)
