"""What was entered and what a search would take, reckoned together before anything was trained."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from autolora.business import Business, Machine, ends
from autolora.economics.assess import assumption_of, scales, span_of, targets_of
from autolora.economics.cases import Span, break_even, likely_months, outcome, with_value
from autolora.economics.model import Terms
from autolora.economics.quantities import Quantity, likely
from autolora.economics.sources import Known, expected_of
from autolora.records.forecast import Forecast
from autolora.records.proposal import Amounts, Proposal, Scenario, Today

ACCURACIES = (Decimal("0.7"), Decimal("0.8"), Decimal("0.9"), Decimal("0.95"), Decimal("0.99"))
"""Told one by one: nobody knows yet how often the adapter will be right."""


def propose(business: Business, expected: Forecast, *, grams_per_kwh: Decimal | None = None) -> Proposal:
    """Return what a pilot would cost and what it would have to reach.

    Args:
        business: What was entered.
        expected: What a search would take.
        grams_per_kwh: Of carbon dioxide; None where that is not known.
    """
    known = expected_of(business, expected, (float(ACCURACIES[0]), float(ACCURACIES[2]), float(ACCURACIES[-1])))
    quantities, span = known.quantities, span_of(business)
    terms = likely(quantities)
    by_name = {each.name: each for each in quantities}
    pays, level = _pays_back(known, span)
    drawn = _drawn(business.machine, by_name["trial_machine_hours"])
    return Proposal(
        currency=business.currency,
        horizon_months=span.horizon,
        ramp_up_months=span.ramp_up,
        assumptions=tuple(assumption_of(each) for each in quantities),
        missing=known.missing,
        targets=targets_of(business),
        machine_cost=_product(by_name.get("trial_machine_hours"), by_name.get("machine_hourly")),
        staff_hours=_ends(by_name.get("trial_staff_hours")),
        staff_cost=_product(by_name.get("trial_staff_hours"), by_name.get("staff_hourly")),
        kilowatt_hours=drawn,
        carbon_kilograms=None if drawn is None or grams_per_kwh is None else drawn[1] * grams_per_kwh / 1000,
        today=_today(terms),
        scenarios=tuple(_scenario(quantities, span, each) for each in ACCURACIES),
        pays_back=pays,
        break_even=level,
        scale=scales(terms),
    )


def _pays_back(known: Known, span: Span) -> tuple[Literal["above", "always", "never", "unknown"], float | None]:
    lacking = {each.key.removeprefix("business.") for each in known.missing}
    of_errors, of_hours = {"error_rate", "cost_per_error"}, {"minutes_per_item", "hourly_cost", "cash_share"}
    if lacking & {"horizon_months", "volume_per_month", "adoption"} or (lacking & of_errors and lacking & of_hours):
        return "unknown", None
    level = break_even(known.quantities, span, "accuracy", 1.0)
    if level is not None:
        return "above", level
    best = outcome(with_value(known.quantities, "accuracy", Decimal(1)), span)
    return ("always" if best.present_value >= 0 else "never"), None


def _scenario(known: Sequence[Quantity], span: Span, accuracy: Decimal) -> Scenario:
    changed = with_value(known, "accuracy", accuracy)
    month, found = likely_months(changed, Span(horizon=1, ramp_up=0))[-1], outcome(changed, span)
    return Scenario(
        accuracy=accuracy,
        hours_freed=month.hours_freed,
        errors_avoided=month.errors_avoided,
        net=month.net,
        present_value=found.present_value,
        payback_months=found.payback_months,
    )


def _today(terms: Terms[Decimal]) -> Today:
    items = terms.volume_per_month
    hours = None if items is None or terms.minutes_per_item is None else items * terms.minutes_per_item / 60
    errors = None if items is None or terms.error_rate is None else items * terms.error_rate
    return Today(
        items=items,
        hours=hours,
        cost=None if hours is None or terms.hourly_cost is None else hours * terms.hourly_cost,
        errors=errors,
        errors_cost=None if errors is None or terms.cost_per_error is None else errors * terms.cost_per_error,
    )


def _drawn(machine: Machine, hours: Quantity) -> Amounts | None:
    """Return the kilowatt hours of so many hours."""
    if machine.watts is None:
        return None
    low, middle, high = (each / 1000 for each in ends(machine.watts))
    return hours.low * low, hours.likely * middle, hours.high * high


def _ends(it: Quantity | None) -> Amounts | None:
    return None if it is None else (it.low, it.likely, it.high)


def _product(hours: Quantity | None, price: Quantity | None) -> Amounts | None:
    if hours is None or price is None:
        return None
    return hours.low * price.low, hours.likely * price.likely, hours.high * price.high
