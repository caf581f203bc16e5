"""The workbook's formulas, worked out by another program: they come to what the page says, to the cent."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from autolora.business import Business
from autolora.economics.assess import assess
from autolora.records.economics import Assessment
from autolora.report.management.story import WORDINGS
from autolora.report.management.workbook import workbook
from tests.economics.test_assess import FULL
from tests.report import made_up

KEYS = (
    "number", "items", "hours_freed", "errors_avoided", "saved_errors", "saved_hours", "time_for_other_work", "running",
    "upkeep", "spent_before", "net", "cumulative", "worth_today",
)  # fmt: skip


def assessed(business: Business = FULL) -> Assessment:
    found = made_up.recommendation()
    return assess(business, replace(found, seconds_a_thousand=2.5), made_up.confirm())


def months(path: Path) -> list[list]:
    return CalamineWorkbook.from_path(path).get_sheet_by_index(1).to_python()


def check(rows: list[list], money: Assessment) -> None:
    for row, month in zip(rows[1:], money.months, strict=False):
        for cell, key in zip(row, KEYS, strict=True):
            assert cell == pytest.approx(float(getattr(month, key)), abs=0.005), (month.number, key)
    *_, worth, payback = [row for row in rows if row[0]]
    assert worth[1] == pytest.approx(float(money.likely.present_value), abs=0.005)
    assert payback[1] == money.likely.payback_months or (payback[1], money.likely.payback_months) == ("–", None)


SHORT = Business(currency="EUR", volume_per_month=500, adoption=1, minutes_per_item=2, hourly_cost=40)
BUSINESSES = {
    "everything": FULL,
    "little": SHORT,
    "nothing": Business(currency="EUR"),
    "no ramp, no interest": replace(FULL, ramp_up_months=None, discount_rate=None),
    "never": replace(FULL, cost_per_error=0, cash_share=0),
}


@pytest.mark.unit
@pytest.mark.parametrize("business", BUSINESSES.values(), ids=BUSINESSES)
def test_cells_hold_what_the_page_says_before_anything_is_worked_out_again(business: Business, tmp_path: Path) -> None:
    money = assessed(business)
    (tmp_path / "book.xlsx").write_bytes(workbook(money, WORDINGS["en"]))

    check(months(tmp_path / "book.xlsx"), money)


@pytest.mark.browser  # as that one, a program from outside
@pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice")
@pytest.mark.parametrize("business", BUSINESSES.values(), ids=BUSINESSES)
def test_another_program_works_the_formulas_out_to_the_same(business: Business, tmp_path: Path) -> None:
    money = assessed(business)
    (tmp_path / "book.xlsx").write_bytes(workbook(money, WORDINGS["ja"]))
    convert = ("soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/office", "--convert-to", "ods")
    subprocess.run([*convert, "--outdir", str(tmp_path), str(tmp_path / "book.xlsx")], check=True, capture_output=True)

    check(months(tmp_path / "book.ods"), money)


@pytest.mark.unit
def test_texts_are_texts_whatever_they_begin_with(tmp_path: Path) -> None:
    money = assessed()
    hostile = replace(money.assumptions[0], name="=1+1", unit="+1", source='@SUM(A1)"=cmd')
    money = replace(money, assumptions=(hostile, *money.assumptions[1:]))
    (tmp_path / "book.xlsx").write_bytes(workbook(money, WORDINGS["en"]))

    sheet = CalamineWorkbook.from_path(tmp_path / "book.xlsx").get_sheet_by_index(0).to_python()
    assert (sheet[1][0], sheet[1][4], sheet[1][6]) == ("=1+1", "+1", '@SUM(A1)"=cmd')
