"""The tasks of a batch as a workbook, one row each. Every cell that holds a text is written as text."""

from __future__ import annotations

import io

from autolora.records.portfolio import PortfolioRecord
from autolora.report.management.numbers import Language
from autolora.report.portfolio.story import Teller

_TITLE_CHARACTERS = 31
_NOT_IN_TITLES = "[]:*?/\\'"


def workbook(it: PortfolioRecord, language: Language) -> bytes:
    """Return the workbook as the content of an .xlsx file.

    Args:
        it: The batch.
        language: Of its headings.
    """
    import xlsxwriter

    told = Teller(it, language)
    columns = told.say.columns
    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    bold = book.add_format({"bold": True, "bottom": 1})
    title = "".join(letter for letter in told.say.headings["tasks"] if letter not in _NOT_IN_TITLES)
    sheet = book.add_worksheet(title[:_TITLE_CHARACTERS])
    heads = [
        columns["task"], columns["verdict"], columns["score"], "95 % –", "95 % +", columns["kpi"], columns["rival"],
        columns["rival"], columns["size"] + " (bytes)", columns["cost"], columns["net"], columns["payback"],
        columns["rows"], columns["time"] + " (s)",
    ]  # fmt: skip
    for at, head in enumerate(heads):
        sheet.write_string(0, at, head, bold)
    for row, (member, line) in enumerate(zip(it.members, told.lines(), strict=True), start=1):
        low, high = member.test_ci95 or (None, None)
        cells: list[str | float | None] = [
            member.name, line.verdict, member.test, low, high, member.required, told.candidate(member.rival),
            member.rival_test, member.adapter_bytes or None, member.spent, member.net_a_month,
            member.payback_months, member.rows or None, member.seconds or None,
        ]  # fmt: skip
        for at, cell in enumerate(cells):
            if isinstance(cell, str):
                sheet.write_string(row, at, cell)
            elif cell is not None:
                sheet.write_number(row, at, cell)
    last, total = len(it.members), len(it.members) + 2
    if told.priced and told.currency:
        for at in (9, 10):
            letter = chr(ord("A") + at)
            values = [member.spent if at == 9 else member.net_a_month for member in it.members]
            summed = sum(value for value in values if value is not None)
            sheet.write_formula(total - 1, at, f"=SUM({letter}2:{letter}{last + 1})", bold, summed)
    sheet.set_column(0, 1, 22)
    sheet.set_column(2, len(heads) - 1, 14)
    sheet.freeze_panes(1, 1)
    book.close()
    return file.getvalue()
