"""What a business says of a task: volumes, times, shares and money. Checked; computes nothing.

There is no default wage, volume or price: what is not said is left out of what is computed, and its consequence is
told. A number may be given as three, ``[low, likely, high]``, where it is not known for sure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import ClassVar

from autolora.errors import RequestError
from autolora.values import is_number, is_whole, number_hint, shown

Entry = float | tuple[float, float, float]
"""A number, or what it is at least, most likely and at most."""

_AMOUNT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]{3})\s*")
_CURRENCY = re.compile(r"[A-Z]{3}")
_WORDS = {"YEN": "JPY"}
_TIMES = ("min", "sec", "hrs")
"""Units of time that look like currencies."""
_LARGEST_AMOUNT = 1e12
NO_CURRENCY = "XXX"
"""ISO 4217's code where there is none."""
_COUNTRY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What holds for one number."""

    least: float
    most: float
    unit: str
    """What it counts, after its range."""
    above: bool = False
    """Whether it must be more than ``least``."""
    money: bool = False
    whole: bool = False
    """Whether it is a whole number."""
    single: bool = False
    """Whether it is a choice, which is one number and never three."""

    @property
    def words(self) -> str:
        """The rule, after "must be"."""
        kind = "a whole number" if self.whole else "a number"
        range_ = f"above {self.least:,g} and at most" if self.above else f"from {self.least:,g} to"
        return f"{kind} {range_} {self.most:,g} ({self.unit})"

    def holds(self, value: object) -> bool:
        """Return whether a single value keeps it."""
        fits = is_whole(value) if self.whole else is_number(value)
        return fits and (value > self.least if self.above else value >= self.least) and value <= self.most  # type: ignore[operator]


def _share(unit: str, *, above: bool = False) -> Rule:
    return Rule(least=0, most=1, unit=unit, above=above)


def _money(unit: str, *, above: bool = False) -> Rule:
    return Rule(least=0, most=_LARGEST_AMOUNT, unit=unit, above=above, money=True)


_HOURS = Rule(least=0, most=100_000, unit="hours")
_HOURS_PER_MONTH = Rule(least=0, most=744, unit="hours a month; a month of 31 days has 744")
_MINUTES = Rule(least=0, most=480, unit="minutes; a working day has 480", above=True)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What an hour of the machine costs: by the hour, or by what was paid for it."""

    hourly: Entry | None = None
    price: Entry | None = None
    """Paid for it, power apart."""
    months: Entry | None = None
    """Over which the price is written off."""
    hours_per_month: Entry | None = None
    """That it is in use."""
    watts: Entry | None = None
    """Drawn while it computes."""
    price_per_kwh: Entry | None = None

    RULES: ClassVar[dict[str, Rule]] = {
        "hourly": _money("of an hour"),
        "price": _money("of the machine"),
        "months": Rule(least=0, most=240, unit="months", above=True),
        "hours_per_month": Rule(least=0, most=744, unit="hours a month; a month of 31 days has 744", above=True),
        "watts": Rule(least=0, most=100_000, unit="watts"),
        "price_per_kwh": _money("of a kilowatt hour"),
    }

    def an_hour(self) -> tuple[Decimal, Decimal, Decimal] | None:
        """Return what an hour costs, at least, most likely and at most; None where that is not said.

        ``hourly``, or ``price / (months * hours_per_month) + watts / 1000 * price_per_kwh``; of ranges, the lowest and
        the highest that it can come to.
        """
        if self.hourly is not None:
            return ends(self.hourly)
        if self.price is None or self.months is None or self.hours_per_month is None:
            return None
        price, months, hours = (ends(each) for each in (self.price, self.months, self.hours_per_month))
        watts, power = (ends(each or 0.0) for each in (self.watts, self.price_per_kwh))
        low, likely, high = (
            price[at] / (months[2 - at] * hours[2 - at]) + watts[at] / 1000 * power[at] for at in range(3)
        )
        return low, likely, high

    def __post_init__(self) -> None:
        """Check that it is said in one of the two ways.

        Raises:
            RequestError: If in both, or only in part.
        """
        written_off = ("price", "months", "hours_per_month")
        given = [name for name in written_off if getattr(self, name) is not None]
        if self.hourly is not None and given:
            raise RequestError(
                f"an hour of the machine is given by hourly or by price, months and hours_per_month, but got both: "
                f"{', '.join(('hourly', *given))}",
                "leave one of them out",
            )
        if given and len(given) < len(written_off):
            lacking = [name for name in written_off if name not in given]
            raise RequestError(
                f"an hour of the machine by its price needs price, months and hours_per_month, but {lacking[0]} is not"
                " there",
                f"write {lacking[0]}, or hourly alone",
            )
        if (self.watts is None) != (self.price_per_kwh is None) and self.hourly is None and given:
            raise RequestError(
                "power costs need both watts and price_per_kwh, but got one of them", "write both, or leave both out"
            )


@dataclass(frozen=True, kw_only=True)
class Staff:
    """Time of people that the project takes."""

    hourly_cost: Entry | None = None
    """Of an hour of theirs; that of the work itself where it is left out."""
    labelling_hours: Entry | None = None
    """Once, for the rows to learn from."""
    review_hours: Entry | None = None
    """Once, for the review before roll-out."""
    operation_hours_per_month: Entry | None = None
    retraining_hours: Entry | None = None
    """Of people, each time."""
    retrainings_per_year: Entry | None = None

    RULES: ClassVar[dict[str, Rule]] = {
        "hourly_cost": _money("of an hour", above=True),
        "labelling_hours": _HOURS,
        "review_hours": _HOURS,
        "operation_hours_per_month": _HOURS_PER_MONTH,
        "retraining_hours": _HOURS,
        "retrainings_per_year": Rule(least=0, most=365, unit="times a year"),
    }


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What the project is held against."""

    hours_per_month: Entry | None = None
    """Freed, once it is in full use."""
    error_rate: Entry | None = None
    """At most, of items."""
    payback_months: Entry | None = None

    RULES: ClassVar[dict[str, Rule]] = {
        "hours_per_month": Rule(least=0, most=1e7, unit="hours a month"),
        "error_rate": _share("of the items"),
        "payback_months": Rule(least=0, most=120, unit="months", above=True),
    }


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Where the power comes from."""

    country: str | None = None
    """ISO 3166 code of three letters."""
    grams_per_kwh: Entry | None = None
    """Of carbon dioxide; that of the country where it is left out."""

    RULES: ClassVar[dict[str, Rule]] = {
        "grams_per_kwh": Rule(least=0, most=3_000, unit="grams of carbon dioxide a kilowatt hour")
    }

    def __post_init__(self) -> None:
        """Check the country.

        Raises:
            RequestError: If it is no code of three letters.
        """
        if self.country is not None and not (isinstance(self.country, str) and _COUNTRY.fullmatch(self.country)):
            raise RequestError(
                f"country must be a code of three capital letters (ISO 3166), but got {shown(self.country)}",
                "write, for example, JPN",
            )


@dataclass(frozen=True, kw_only=True)
class Business:
    """The work that an adapter would do, and what it costs today."""

    currency: str
    """ISO 4217 code, such as JPY; of every amount."""
    volume_per_month: Entry | None = None
    """Items."""
    minutes_per_item: Entry | None = None
    """That a person takes today."""
    hourly_cost: Entry | None = None
    """Of an hour of that person, everything included."""
    error_rate: Entry | None = None
    """Share of the items that are wrong today."""
    cost_per_error: Entry | None = None
    """On average, of one that is found later."""
    adoption: Entry | None = None
    """Share of the items that go through the adapter once it is in full use."""
    review_share: float | None = None
    """Share of these that a person decides, namely those of which the adapter is least sure."""
    review_minutes: Entry | None = None
    """That such an item takes; as long as today where it is left out."""
    cash_share: Entry | None = None
    """Share of the freed hours that is paid out less: overtime, contractors. The rest is time for other work."""
    ramp_up_months: int | None = None
    """Until it is in full use, in equal steps."""
    horizon_months: int | None = None
    """Over which money is counted."""
    discount_rate: Entry | None = None
    """A year."""
    machine: Machine = field(default_factory=Machine)
    staff: Staff = field(default_factory=Staff)
    targets: Targets = field(default_factory=Targets)
    energy: Energy = field(default_factory=Energy)

    RULES: ClassVar[dict[str, Rule]] = {
        "volume_per_month": Rule(least=0, most=1e9, unit="items a month", above=True),
        "minutes_per_item": _MINUTES,
        "hourly_cost": _money("of an hour", above=True),
        "error_rate": _share("of the items"),
        "cost_per_error": _money("of an error"),
        "adoption": _share("of the items", above=True),
        "review_share": Rule(least=0, most=1, unit="of the items that go through the adapter", single=True),
        "review_minutes": _MINUTES,
        "cash_share": _share("of the freed hours"),
        "ramp_up_months": Rule(least=0, most=60, unit="months", whole=True, single=True),
        "horizon_months": Rule(least=1, most=120, unit="months", whole=True, single=True),
        "discount_rate": _share("a year"),
    }

    def __post_init__(self) -> None:
        """Check the currency, and every number of every part by its rule.

        Raises:
            RequestError: If one breaks its rule; names its key, and the range.
        """
        check_currency("currency", self.currency)
        for name, entry in self._entries(self, ""):
            object.__setattr__(self, name, entry)
        for where in _PARTS:
            part = getattr(self, where)
            object.__setattr__(self, where, replace(part, **dict(self._entries(part, f"{where}."))))

    def _entries(self, part: Business | Machine | Staff | Targets | Energy, where: str) -> Iterator[tuple[str, Entry]]:
        """Yield the numbers of a part by name, checked and without their currency."""
        for name, rule in part.RULES.items():
            given = getattr(part, name)
            if given is not None:
                yield name, _checked(f"{where}{name}", given, rule, self.currency)


_PARTS = ("machine", "staff", "targets", "energy")


def check_currency(name: str, value: object) -> None:
    """Raise RequestError unless a value is the code of a currency."""
    if not (isinstance(value, str) and _CURRENCY.fullmatch(value)):
        meant = _WORDS.get(value.upper()) if isinstance(value, str) else None
        raise RequestError(
            f"{name} must be a code of three capital letters (ISO 4217), but got {shown(value)}",
            f"write {meant or 'JPY, EUR or USD, for example'}",
        )


def check_one_currency(name: str, own: str, currency: str) -> None:
    """Raise RequestError unless an amount is in the currency that all are in."""
    if own != currency:
        raise RequestError(
            f"all amounts must be in one currency, which is {currency}, but {name} is in {own}",
            f"write it in {currency}",
        )


def reads_as_amount(text: str) -> bool:
    """Return whether a text seems to mean money, and no duration such as ``15min``."""
    match = _AMOUNT.fullmatch(text)
    return match is not None and match[2].lower() not in _TIMES


def parse_amount(text: str) -> tuple[float, str]:
    """Return an amount such as ``"3000yen"`` or ``"20 USD"`` and the code of its currency.

    Raises:
        RequestError: If it is not spelt like these.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise RequestError(
            f"an amount must be a number and a currency of three letters, but got {shown(text)}",
            "write, for example, 3000yen or 20usd",
        )
    code = match[2].upper()
    return float(match[1]), _WORDS.get(code, code)


def ends(given: Entry) -> tuple[Decimal, Decimal, Decimal]:
    """Return an entry as what it is at least, most likely and at most, in decimals."""
    low, likely, high = given if isinstance(given, tuple) else (given, given, given)
    return Decimal(str(low)), Decimal(str(likely)), Decimal(str(high))


def _checked(key: str, given: object, rule: Rule, currency: str) -> Entry:
    """Return an entry of which every number keeps the rule, amounts without their currency."""
    if isinstance(given, list | tuple) and not rule.single:
        return _three(key, [_single(key, one, rule, currency) for one in given])
    return _single(key, given, rule, currency)


def _single(key: str, value: object, rule: Rule, currency: str) -> float:
    if rule.money and isinstance(value, str) and _AMOUNT.fullmatch(value):
        value, own = parse_amount(value)
        check_one_currency(key, own, currency)
    if not rule.holds(value):
        unit = f"{currency} {rule.unit}" if rule.money else rule.unit
        raise RequestError(
            f"{key} must be {replace(rule, unit=unit).words}, but got {shown(value)}",
            number_hint(value) or ("write 80 % as 0.8" if rule.most == 1 else "check the number and its unit"),
        )
    assert isinstance(value, int | float)
    return value


def _three(key: str, given: Sequence[float]) -> tuple[float, float, float]:
    if len(given) != 3 or list(given) != sorted(given):
        raise RequestError(
            f"{key} must be one number, or three that rise (low, likely, high), but got {shown(list(given))}",
            "write, for example, [3, 4, 6]",
        )
    return given[0], given[1], given[2]
