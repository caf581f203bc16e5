from __future__ import annotations

from decimal import Decimal

import pytest

from autolora.report.management.numbers import Numbers

pytestmark = pytest.mark.unit

YEN, EURO = Numbers(language="ja", currency="JPY"), Numbers(language="en", currency="EUR")


def test_money_is_rounded_to_the_smallest_unit_of_its_currency() -> None:
    assert YEN.money(Decimal("1234567.5")) == "￥1,234,568"
    assert EURO.money(Decimal("-1234.565")) == "-€1,234.57"
    assert EURO.money(0) == "€0.00"
    assert YEN.money(Decimal("0.01638")) == "￥0.016"
    assert YEN.money(Decimal("-0.5")) == "-￥0.50"


def test_a_number_has_three_digits() -> None:
    assert [EURO.number(value) for value in (1234.5, 123.45, 12.345, 1.2345, 0.012345, 0)] == [
        "1,235", "123", "12.3", "1.23", "0.0123", "0.00"
    ]  # fmt: skip


def test_a_duration_is_told_in_its_largest_unit() -> None:
    assert [EURO.duration(value) for value in (2.5, 0.25, 0.001)] == ["2.50 h", "15.0 min", "3.60 s"]
    assert YEN.duration(2.5) == "2.50 時間"


def test_shares_are_per_cent() -> None:
    assert EURO.share(Decimal("0.9434")) == "94.3 %"
