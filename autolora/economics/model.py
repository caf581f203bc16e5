"""Months of work with an adapter: hours, errors and cash, by plain formulas. Knows numbers alone.

The same code takes ``Decimal`` for the one case that a reader may add up, and arrays of draws for how sure it is. What
is not known is left out of ``Terms``, and every term that needs it out of the sums. With

====  ====================================================  ==============
n     items a month through the adapter                     items
t     minutes of an item today                              minutes
r     minutes of an item that a person decides              minutes
s     share of items that a person decides                  share
q     share of the others that the adapter gets right       share
e     share of items that are wrong today                   share
====  ====================================================  ==============

a month in full use frees ``n (t - s r) / 60`` hours (what a person decides still takes time) and avoids
``n (e - (1 - s)(1 - q) - s e)`` errors (what a person decides is wrong as often as today).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

N = TypeVar("N", Decimal, NDArray[np.float64])


@dataclass(frozen=True, kw_only=True)
class Terms(Generic[N]):
    """What is known, each in its unit; None is left out."""

    volume_per_month: N | None = None
    minutes_per_item: N | None = None
    hourly_cost: N | None = None
    error_rate: N | None = None
    cost_per_error: N | None = None
    adoption: N | None = None
    review_share: N | None = None
    review_minutes: N | None = None
    cash_share: N | None = None
    discount_rate: N | None = None
    machine_hourly: N | None = None
    staff_hourly: N | None = None
    trial_machine_hours: N | None = None
    trial_staff_hours: N | None = None
    operation_hours_per_month: N | None = None
    retraining_hours: N | None = None
    retrainings_per_year: N | None = None
    retraining_machine_hours: N | None = None
    accuracy: N | None = None
    """Of what the adapter answers alone."""
    seconds_per_item: N | None = None
    """Of the machine."""


@dataclass(frozen=True, kw_only=True)
class Month(Generic[N]):
    """One month; sums are of this month alone unless said otherwise."""

    number: int
    """From 1; 0 is what is spent before the first."""
    items: N
    hours_freed: N
    errors_avoided: N
    saved_errors: N
    saved_hours: N
    """Cash: the share of the freed hours that is paid out less."""
    time_for_other_work: N
    """Worth of the other freed hours; no cash."""
    running: N
    """Machine time of answering."""
    upkeep: N
    """Operation and training again."""
    spent_before: N
    """On the trial: machine, labelling, review."""

    @property
    def net(self) -> N:
        """Cash of the month."""
        return self.saved_errors + self.saved_hours - self.running - self.upkeep - self.spent_before


def share_in_use(month: int, ramp_up_months: int) -> tuple[int, int]:
    """Return the share of full use in a month as numerator and denominator: equal steps, full from the last on."""
    if ramp_up_months == 0 or month >= ramp_up_months:
        return 1, 1
    return month, ramp_up_months


def months(terms: Terms[N], *, horizon: int, ramp_up: int, zero: N) -> list[Month[N]]:
    """Return the months of a horizon, with what is spent before them as month 0.

    Args:
        terms: What is known.
        horizon: Months.
        ramp_up: Months until full use.
        zero: A zero of the terms' kind.
    """
    before = Month(
        number=0, items=zero, hours_freed=zero, errors_avoided=zero, saved_errors=zero, saved_hours=zero,
        time_for_other_work=zero, running=zero, upkeep=zero, spent_before=spent_before(terms, zero),
    )  # fmt: skip
    found = [before]
    for number in range(1, horizon + 1):
        found.append(_month(terms, number, ramp_up, zero))
    return found


def spent_before(terms: Terms[N], zero: N) -> N:
    """Return what the trial cost: machine and people."""
    return _product(zero, terms.trial_machine_hours, terms.machine_hourly) + _product(
        zero, terms.trial_staff_hours, terms.staff_hourly
    )


def hours_freed(terms: Terms[N], items: N, zero: N) -> N:
    """Return the hours that so many items free."""
    if terms.minutes_per_item is None:
        return zero
    share = zero if terms.review_share is None else terms.review_share
    each = terms.minutes_per_item if terms.review_minutes is None else terms.review_minutes
    return items * (terms.minutes_per_item - share * each) / 60


def errors_avoided(terms: Terms[N], items: N, zero: N) -> N:
    """Return the errors that are made less on so many items; below 0 there are more."""
    if terms.error_rate is None or terms.accuracy is None:
        return zero
    alone = 1 - (zero if terms.review_share is None else terms.review_share)
    return items * alone * (terms.error_rate - (1 - terms.accuracy))


def running(terms: Terms[N], items: N, zero: N) -> N:
    """Return what the machine costs for answering so many items."""
    if terms.seconds_per_item is None or terms.machine_hourly is None:
        return zero
    return items * terms.seconds_per_item * terms.machine_hourly / 3600


def upkeep(terms: Terms[N], zero: N) -> N:
    """Return what a month costs whatever the volume: operation, and its part of training again."""
    again = _product(zero, terms.retraining_machine_hours, terms.machine_hourly) + _product(
        zero, terms.retraining_hours, terms.staff_hourly
    )
    times = zero if terms.retrainings_per_year is None else terms.retrainings_per_year
    return _product(zero, terms.operation_hours_per_month, terms.staff_hourly) + again * times / 12


def _month(terms: Terms[N], number: int, ramp_up: int, zero: N) -> Month[N]:
    over, under = share_in_use(number, ramp_up)
    items = _product(zero, terms.volume_per_month, terms.adoption) * over / under
    hours, errors = hours_freed(terms, items, zero), errors_avoided(terms, items, zero)
    worth = _product(zero, hours, terms.hourly_cost)
    cash = _product(zero, worth, terms.cash_share)
    return Month(
        number=number,
        items=items,
        hours_freed=hours,
        errors_avoided=errors,
        saved_errors=_product(zero, errors, terms.cost_per_error),
        saved_hours=cash,
        time_for_other_work=worth - cash,
        running=running(terms, items, zero),
        upkeep=upkeep(terms, zero),
        spent_before=zero,
    )


def discounted(month: Month[N], terms: Terms[N]) -> N:
    """Return a month's cash as worth before the first month: divided by ``(1 + a year's rate) ** (month / 12)``."""
    if terms.discount_rate is None:
        return month.net
    whole: Any = (1 + terms.discount_rate) ** _twelfths(month.number, terms.discount_rate)
    found: N = month.net / whole
    return found


def present_value(found: list[Month[N]], terms: Terms[N], zero: N) -> N:
    """Return the sum of all months' cash, discounted."""
    total = zero
    for month in found:
        total = total + discounted(month, terms)
    return total


def cumulative(found: list[Month[N]], zero: N) -> list[N]:
    """Return the cash of all months up to each, not discounted."""
    total, sums = zero, []
    for month in found:
        total = total + month.net
        sums.append(total)
    return sums


def _twelfths(number: int, like: N) -> Any:
    return Decimal(number) / 12 if isinstance(like, Decimal) else number / 12


def _product(zero: N, first: N | None, second: N | None) -> N:
    return zero if first is None or second is None else first * second
