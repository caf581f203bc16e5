"""The numbers of the management page as a workbook whose formulas live: change an assumption, and the rest follows.

The formulas are those of ``economics.model``, in the same order; what was not entered is left out of them as there.
Every cell that holds a text is written as text, whatever it begins with.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from autolora.records.economics import Assessment, MonthOfWork
from autolora.report.management.wording import Wording

_FIRST = 2
"""Row of the first month or assumption, counted from 1: below the headings."""


@dataclass(frozen=True, kw_only=True)
class _Column:
    """One column of the months."""

    key: str
    formula: Callable[[_Cells], str]
    value: Callable[[MonthOfWork], Decimal]
    money: bool = True


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """Where things stand, for the formulas of one month."""

    row: int
    number: int
    names: Mapping[str, str]
    """Assumption → its cell; only those that are known."""
    columns: Mapping[str, str]
    """Key of a column → its cell in this row."""
    above: Mapping[str, str]
    """The same in the row above."""
    ramp_up: int

    def product(self, *names: str) -> str:
        """Return the product of assumptions, 0 where one of them is not known."""
        return "*".join(self.names[name] for name in names) if all(name in self.names for name in names) else "0"


def workbook(money: Assessment, say: Wording) -> bytes:
    """Return the workbook as the content of an .xlsx file.

    Args:
        money: What a search is worth.
        say: The language of its headings.
    """
    import xlsxwriter

    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    bold, plain = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "#,##0.00"})
    sheet = book.add_worksheet(say.headings["assumptions"][:31])
    names = _assumptions(sheet, money, say, bold)
    months = book.add_worksheet(say.headings["cash"][:31])
    _months(months, money, say, names, bold, plain)
    book.close()
    return file.getvalue()


def _assumptions(sheet: Any, money: Assessment, say: Wording, bold: Any) -> dict[str, str]:
    """Write the assumptions, and return where the likely value of each stands."""
    keys = ("what", "low", "likely", "high", "unit", "kind", "source")
    for at, key in enumerate(keys):
        sheet.write_string(0, at, say.columns[key], bold)
    cells = {}
    for row, each in enumerate(money.assumptions, start=_FIRST):
        sheet.write_string(row - 1, 0, say.names.get(each.name, each.name))
        for column, value in enumerate((each.low, each.likely, each.high), start=1):
            sheet.write_number(row - 1, column, float(value))
        for column, text in enumerate((each.unit, say.kinds[each.kind], each.source), start=4):
            sheet.write_string(row - 1, column, text)
        cells[each.name] = f"'{sheet.get_name()}'!$C${row}"
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 6, 16)
    sheet.freeze_panes(1, 1)
    return cells


def _months(sheet: Any, money: Assessment, say: Wording, names: Mapping[str, str], bold: Any, plain: Any) -> None:
    letters = {column.key: chr(ord("B") + at) for at, column in enumerate(_COLUMNS)}
    sheet.write_string(0, 0, say.chart_month, bold)
    for column in _COLUMNS:
        sheet.write_string(0, ord(letters[column.key]) - ord("A"), say.columns[column.key], bold)
    for row, month in enumerate(money.months, start=_FIRST):
        sheet.write_number(row - 1, 0, month.number)
        cells = _Cells(
            row=row,
            number=month.number,
            names=names,
            columns={key: f"{letter}{row}" for key, letter in letters.items()},
            above={key: f"{letter}{row - 1}" for key, letter in letters.items()} if month.number else {},
            ramp_up=money.ramp_up_months,
        )
        for column in _COLUMNS:
            value = float(column.value(month))
            sheet.write_formula(f"{letters[column.key]}{row}", f"={column.formula(cells)}", plain, value)
    last = _FIRST + len(money.months) - 1
    _totals(sheet, money, say, letters, last)
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, len(_COLUMNS), 18)
    sheet.freeze_panes(1, 1)


def _totals(sheet: Any, money: Assessment, say: Wording, letters: Mapping[str, str], last: int) -> None:
    """Write what the months come to, two rows below them."""
    worth, cash = letters["worth_today"], letters["cumulative"]
    lines: Sequence[tuple[str, str, float | str]] = (
        (say.columns["worth_today"], f"=SUM({worth}{_FIRST}:{worth}{last})", float(money.likely.present_value)),
        (
            say.kpi_payback,
            f'=IFERROR(INDEX(A{_FIRST}:A{last},MATCH(1,INDEX(--({cash}{_FIRST}:{cash}{last}>=0),0),0)),"–")',
            "–" if money.likely.payback_months is None else float(money.likely.payback_months),
        ),
    )
    for row, (name, formula, value) in enumerate(lines, start=last + 2):
        sheet.write_string(row - 1, 0, name)
        sheet.write_formula(row - 1, 1, formula, None, value)


def _items(it: _Cells) -> str:
    if it.number == 0:
        return "0"
    use = "1" if it.ramp_up == 0 else f"MIN(1,A{it.row}/{it.ramp_up})"
    return f"{it.product('volume_per_month', 'adoption')}*{use}"


def _hours(it: _Cells) -> str:
    if "minutes_per_item" not in it.names:
        return "0"
    minutes = it.names["minutes_per_item"]
    share, each = it.names.get("review_share", "0"), it.names.get("review_minutes", minutes)
    return f"{it.columns['items']}*({minutes}-{share}*{each})/60"


def _errors(it: _Cells) -> str:
    if not {"error_rate", "accuracy"} <= it.names.keys():
        return "0"
    share = it.names.get("review_share", "0")
    return f"{it.columns['items']}*(1-{share})*({it.names['error_rate']}-(1-{it.names['accuracy']}))"


def _times(key: str, *names: str) -> Callable[[_Cells], str]:
    return lambda it: f"{it.columns[key]}*{it.product(*names)}"


def _upkeep(it: _Cells) -> str:
    if it.number == 0:
        return "0"
    again = (
        f"({it.product('retraining_machine_hours', 'machine_hourly')}+{it.product('retraining_hours', 'staff_hourly')})"
    )
    times = it.names.get("retrainings_per_year", "0")
    return f"{it.product('operation_hours_per_month', 'staff_hourly')}+{again}*{times}/12"


def _before(it: _Cells) -> str:
    if it.number:
        return "0"
    return f"{it.product('trial_machine_hours', 'machine_hourly')}+{it.product('trial_staff_hours', 'staff_hourly')}"


def _net(it: _Cells) -> str:
    c = it.columns
    return f"{c['saved_errors']}+{c['saved_hours']}-{c['running']}-{c['upkeep']}-{c['spent_before']}"


def _cumulative(it: _Cells) -> str:
    return f"{it.above['cumulative']}+{it.columns['net']}" if it.above else it.columns["net"]


def _worth_today(it: _Cells) -> str:
    rate = it.names.get("discount_rate", "0")
    return f"{it.columns['net']}/(1+{rate})^(A{it.row}/12)"


_COLUMNS = (
    _Column(key="items", formula=_items, value=lambda m: m.items, money=False),
    _Column(key="hours_freed", formula=_hours, value=lambda m: m.hours_freed, money=False),
    _Column(key="errors_avoided", formula=_errors, value=lambda m: m.errors_avoided, money=False),
    _Column(key="saved_errors", formula=_times("errors_avoided", "cost_per_error"), value=lambda m: m.saved_errors),
    _Column(
        key="saved_hours", formula=_times("hours_freed", "hourly_cost", "cash_share"), value=lambda m: m.saved_hours
    ),
    _Column(
        key="time_for_other_work",
        formula=lambda it: f"{it.columns['hours_freed']}*{it.product('hourly_cost')}-{it.columns['saved_hours']}",
        value=lambda m: m.time_for_other_work,
    ),
    _Column(
        key="running",
        formula=lambda it: f"{it.columns['items']}*{it.product('seconds_per_item', 'machine_hourly')}/3600",
        value=lambda m: m.running,
    ),
    _Column(key="upkeep", formula=_upkeep, value=lambda m: m.upkeep),
    _Column(key="spent_before", formula=_before, value=lambda m: m.spent_before),
    _Column(key="net", formula=_net, value=lambda m: m.net),
    _Column(key="cumulative", formula=_cumulative, value=lambda m: m.cumulative),
    _Column(key="worth_today", formula=_worth_today, value=lambda m: m.worth_today),
)
"""Of a month, in the order of ``MonthOfWork``."""
