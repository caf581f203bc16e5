"""Numbers as a reader of one language writes them. Knows no record."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from babel.numbers import format_currency, format_decimal, get_currency_precision

Language = Literal["en", "ja"]
LOCALES: dict[Language, str] = {"en": "en_GB", "ja": "ja_JP"}

_SHARES = ("error_rate", "adoption", "review_share", "cash_share", "discount_rate", "accuracy")
_MONEY = ("hourly_cost", "cost_per_error", "machine_hourly", "staff_hourly")
_DURATIONS: dict[Language, tuple[str, str, str]] = {"en": ("h", "min", "s"), "ja": ("時間", "分", "秒")}


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """One language and one currency."""

    language: Language
    currency: str

    def money(self, amount: Decimal | float) -> str:
        """Return an amount, rounded to the smallest unit of its currency; to two digits where it is less than that."""
        exact, smallest = Decimal(str(amount)), Decimal(1).scaleb(-get_currency_precision(self.currency))
        small = bool(exact) and abs(exact) < smallest
        rounded = exact.quantize(Decimal(1).scaleb(exact.adjusted() - 1) if small else smallest, ROUND_HALF_UP)
        return str(
            format_currency(
                rounded,
                self.currency,
                locale=LOCALES[self.language],
                currency_digits=not small,
                decimal_quantization=not small,
            )
        )

    def whole(self, value: Decimal | float) -> str:
        """Return a number without decimals."""
        return self._decimal(value, 0)

    def number(self, value: Decimal | float) -> str:
        """Return a number with as many decimals as its size asks for: three digits."""
        size = abs(Decimal(str(value)))
        return self._decimal(value, 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 or size == 0 else 4)

    def share(self, value: Decimal | float) -> str:
        """Return a share in per cent."""
        return f"{self._decimal(Decimal(str(value)) * 100, 1)} %"

    def duration(self, hours: Decimal | float) -> str:
        """Return a duration in its largest fitting unit."""
        exact = Decimal(str(hours))
        value, unit = (exact, 0) if exact >= 1 else (exact * 60, 1) if exact * 60 >= 1 else (exact * 3600, 2)
        return f"{self.number(value)} {_DURATIONS[self.language][unit]}"

    def score(self, value: float) -> str:
        """Return a score of a metric."""
        return self._decimal(value, 3 if abs(value) < 10 else 1)

    def _decimal(self, value: Decimal | float, places: int) -> str:
        rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        shape = "#,##0" + ("." + "0" * places if places else "")
        return str(format_decimal(rounded, format=shape, locale=LOCALES[self.language]))


def value_in(numbers: Numbers, name: str, value: Decimal | float) -> str:
    """Return an assumption's number as its kind is written."""
    if name in _SHARES:
        return numbers.share(value)
    return numbers.money(value) if name in _MONEY else numbers.number(value)
