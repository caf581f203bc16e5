"""A finished search and what a business entered, reckoned together into one record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from decimal import Decimal

from autolora.business import Business, Targets, ends
from autolora.economics.cases import Span, end, likely_months, outcome, simulate, swings
from autolora.economics.model import Month, Terms, discounted, running
from autolora.economics.quantities import Quantity, likely
from autolora.economics.sources import known_of
from autolora.records import Candidate, ConfirmRecord, Recommendation
from autolora.records.economics import Assessment, Assumption, MonthOfWork, Option, Scale, Spent

SCALES = (1, 10, 100)
"""Times the volume that was entered."""
DEFAULT_HORIZON = 12
"""Months that are shown where nobody said how long to count."""
HOURS_OF_A_MONTH = 730
"""That a machine can compute: a twelfth of a year."""
_ZERO = Decimal(0)


def assess(
    business: Business,
    found: Recommendation,
    confirm: ConfirmRecord,
    *,
    grams_per_kwh: Decimal | None = None,
    seed: int = 0,
) -> Assessment:
    """Return what the work costs with an adapter and without.

    Args:
        business: What was entered.
        found: What a search came to.
        confirm: What it compared.
        grams_per_kwh: Of carbon dioxide; None where that is not known.
        seed: Of the draws.
    """
    used = next((each for each in confirm.candidates if found.uses(each)), None)
    once = None if used is None else used.seconds / len(used.seeds)
    known = known_of(business, found, training_seconds=once)
    span = span_of(business)
    terms, quantities = likely(known.quantities), known.quantities
    course, total = likely_months(quantities, span), outcome(quantities, span)
    after_ramp = likely_months(quantities, Span(horizon=1, ramp_up=0))[-1]
    return Assessment(
        currency=business.currency,
        horizon_months=span.horizon,
        ramp_up_months=span.ramp_up,
        assumptions=tuple(assumption_of(each) for each in quantities),
        missing=known.missing,
        targets=targets_of(business),
        spent=_with_energy(_spent(terms), business, found, grams_per_kwh),
        months=tuple(_month(month, terms, sum_) for month, sum_ in zip(course, total.cumulative, strict=True)),
        full_use=_month(after_ramp, terms, after_ramp.net),
        likely=total,
        low=end(quantities, span, good=False),
        high=end(quantities, span, good=True),
        simulation=simulate(quantities, span, seed=seed),
        swings=tuple(swings(quantities, span, most={name: rule.most for name, rule in Business.RULES.items()})),
        scale=scales(terms),
        options=_options(confirm.candidates, terms),
    )


def span_of(business: Business) -> Span:
    """Return over which months money is counted."""
    return Span(horizon=business.horizon_months or DEFAULT_HORIZON, ramp_up=business.ramp_up_months or 0)


def targets_of(business: Business) -> dict[str, Decimal]:
    """Return what was entered of targets, in the middle of its range."""
    return {name: ends(value)[1] for name in Targets.RULES if (value := getattr(business.targets, name)) is not None}


def scales(terms: Terms[Decimal]) -> tuple[Scale, ...]:
    """Return answering at each of ``SCALES``."""
    return tuple(_scale(terms, times) for times in SCALES)


def assumption_of(each: Quantity) -> Assumption:
    """Return a number without what its draws need."""
    return Assumption(**{field.name: getattr(each, field.name) for field in fields(Assumption)})


def _month(month: Month[Decimal], terms: Terms[Decimal], cumulative: Decimal) -> MonthOfWork:
    return MonthOfWork(
        number=month.number,
        items=month.items,
        hours_freed=month.hours_freed,
        errors_avoided=month.errors_avoided,
        saved_errors=month.saved_errors,
        saved_hours=month.saved_hours,
        time_for_other_work=month.time_for_other_work,
        running=month.running,
        upkeep=month.upkeep,
        spent_before=month.spent_before,
        net=month.net,
        worth_today=discounted(month, terms),
        cumulative=cumulative,
    )


def _spent(terms: Terms[Decimal]) -> Spent:
    hours = terms.trial_machine_hours or _ZERO
    machine = None if terms.machine_hourly is None else hours * terms.machine_hourly
    people = terms.trial_staff_hours
    staff = None if people is None or terms.staff_hourly is None else people * terms.staff_hourly
    priced = [each for each in (machine, staff) if each is not None]
    return Spent(
        machine_hours=hours,
        machine=machine,
        staff_hours=people,
        staff=staff,
        total=sum(priced, _ZERO) if priced else None,
    )


def _with_energy(spent: Spent, business: Business, found: Recommendation, grams: Decimal | None) -> Spent:
    """Return what was spent with its energy: as it was counted, or by the watts that were entered."""
    counted, watts = found.search.kilowatt_hours, business.machine.watts
    if counted is None and watts is None:
        return spent
    drawn = Decimal(str(counted)) if counted is not None else spent.machine_hours * ends(watts or 0.0)[1] / 1000
    return replace(
        spent,
        kilowatt_hours=drawn,
        carbon_kilograms=None if grams is None else drawn * grams / 1000,
        energy_by="watts" if counted is None else "codecarbon",
    )


def _scale(terms: Terms[Decimal], times: int) -> Scale:
    items = (terms.volume_per_month or _ZERO) * (1 if terms.adoption is None else terms.adoption) * times
    hours = items * (terms.seconds_per_item or _ZERO) / 3600
    return Scale(
        times=times,
        items=items,
        machine_hours=hours,
        machines=max(1, math.ceil(hours / HOURS_OF_A_MONTH)),
        cost=None if terms.machine_hourly is None else running(terms, items, _ZERO),
    )


def _options(candidates: Sequence[Candidate], terms: Terms[Decimal]) -> tuple[Option, ...]:
    """Return every candidate as a way to have the work done, after that of leaving things as they are."""
    nothing = Option(
        name="do_nothing",
        description="The work goes on as today",
        metric=None,
        metric_ci95=None,
        training_hours=_ZERO,
        training_cost=_ZERO,
        cost_a_thousand=_ZERO,
    )
    return (nothing, *(_option(each, terms.machine_hourly) for each in candidates))


def _option(candidate: Candidate, hourly: Decimal | None) -> Option:
    hours = Decimal(str(candidate.seconds / max(1, len(candidate.seeds)))) / 3600
    each = candidate.seconds_a_thousand
    answering = None if each is None or hourly is None else Decimal(str(each)) / 3600 * hourly
    return Option(
        name=candidate.name,
        description=candidate.description,
        metric=candidate.test,
        metric_ci95=candidate.test_ci95,
        training_hours=hours,
        training_cost=None if hourly is None else hours * hourly,
        cost_a_thousand=answering,
    )
