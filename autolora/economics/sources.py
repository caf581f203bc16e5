"""From what was entered and what was measured to quantities; and what is missing, with its consequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from autolora.business import Business, Machine, ends
from autolora.economics.quantities import Quantity
from autolora.records import CoveragePoint, Recommendation
from autolora.records.economics import Kind, MissingInput
from autolora.records.forecast import Forecast

_SECONDS = Decimal(3600)
EXACT_METRICS = ("accuracy", "exact_match")
"""Metrics of answers that are shares of right ones."""

CONSEQUENCES = {
    "volume_per_month": "hours, errors and running cost of a month are not counted",
    "adoption": "hours, errors and running cost of a month are not counted",
    "minutes_per_item": "freed hours are not counted",
    "hourly_cost": "freed hours are no money",
    "cash_share": "freed hours count as time for other work, and as no cash",
    "error_rate": "errors avoided are not counted",
    "cost_per_error": "errors avoided are no money",
    "review_share": "every item is taken to be answered by the adapter alone",
    "review_minutes": "an item that a person decides is taken to last as long as today",
    "ramp_up_months": "full use is taken to begin with the first month",
    "horizon_months": "there is no payback: nothing says how long to count",
    "discount_rate": "later money is taken to be worth as much as money now",
    "machine": "machine time is hours, and no money",
    "staff.labelling_hours": "labelling is not among the costs",
    "staff.review_hours": "the review before roll-out is not among the costs",
    "staff.operation_hours_per_month": "operation is not among the costs",
    "staff.retraining_hours": "people's time for training again is not among the costs",
    "staff.retrainings_per_year": "training again is not among the costs",
}
"""Key → what follows from its being left out."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """Everything that there is to reckon with."""

    quantities: tuple[Quantity, ...]
    missing: tuple[MissingInput, ...]


def known_of(business: Business, found: Recommendation, *, training_seconds: float | None) -> Known:
    """Return what was entered and measured.

    Args:
        business: What was entered.
        found: What a search came to.
        training_seconds: Of the recommended adapter, once; None where there is none.
    """
    quantities = (*_entered(business), *_measured(found, business.review_share, training_seconds))
    return Known(quantities=quantities, missing=tuple(_missing(business)))


def expected_of(business: Business, expected: Forecast, accuracy: tuple[float, float, float]) -> Known:
    """Return what was entered, and what is expected of a search that nobody has begun.

    Args:
        business: What was entered.
        expected: What a search would take.
        accuracy: How often the adapter may be right on what it answers alone: at least, in the middle, at most.
    """
    hours = tuple(Decimal(str(each)) / _SECONDS for each in expected.seconds)
    training = Decimal(str(expected.training_seconds)) / _SECONDS
    each = Decimal(str(expected.seconds_a_thousand)) / 1000
    quantities = (
        *_entered(business),
        _quantity("trial_machine_hours", (hours[0], hours[1], hours[2]), "estimated", "hours", "plan.seconds"),
        _sure("seconds_per_item", each, "seconds", "plan.seconds_a_thousand"),
        _quantity(
            "retraining_machine_hours", (training, training, training), "estimated", "hours", "plan.training_seconds"
        ),
        _quantity("accuracy", accuracy, "estimated", "share", "plan, to be measured"),
    )
    return Known(quantities=quantities, missing=tuple(_missing(business)))


def entered_of(business: Business) -> tuple[Quantity, ...]:
    """Return what was entered, and that nothing is known of how often an adapter is right."""
    return (*_entered(business), _quantity("accuracy", (0.0, 0.5, 1.0), "estimated", "share", "unknown"))


def accuracy_at(found: Recommendation, review_share: float) -> Quantity | None:
    """Return how often the adapter is right on the rows that people do not decide, None where that is unknown.

    Of the measured points of coverage the one whose share is nearest is taken.
    """
    rows = found.data.splits.get("test", 0)
    if found.calibration is not None:
        point = min(found.calibration.coverage, key=lambda one: abs(one.share - (1 - review_share)))
        return _from_coverage(point, found.calibration.rows)
    metric = found.used.metric
    if metric is None or metric.test is None or metric.test_ci95 is None or metric.name not in EXACT_METRICS:
        return None
    rows = found.data.used.get("test", rows)
    low, high = metric.test_ci95
    return _quantity(
        "accuracy", (low, metric.test, high), "measured", "share", "metric.test", counted=(metric.test * rows, rows)
    )


def machine_hourly(machine: Machine) -> Quantity | None:
    """Return what an hour of the machine costs, None where that is not said."""
    hour = machine.an_hour()
    if hour is None:
        return None
    kind: Kind = "entered" if machine.hourly is not None else "estimated"
    return _quantity("machine_hourly", hour, kind, "an hour", "business.machine")


def _entered(business: Business) -> Iterator[Quantity]:
    for name, rule in Business.RULES.items():
        given = getattr(business, name)
        if given is not None and name not in ("ramp_up_months", "horizon_months"):
            yield _quantity(name, ends(given), "entered", rule.unit, f"business.{name}")
    staff = business.staff
    hourly, key = (staff.hourly_cost, "staff.hourly_cost") if staff.hourly_cost is not None else (
        business.hourly_cost, "hourly_cost"
    )  # fmt: skip
    if hourly is not None:
        yield _quantity("staff_hourly", ends(hourly), "entered", "an hour", f"business.{key}")
    for name in ("operation_hours_per_month", "retraining_hours", "retrainings_per_year"):
        if (given := getattr(staff, name)) is not None:
            yield _quantity(name, ends(given), "entered", staff.RULES[name].unit, f"business.staff.{name}")
    hours = [ends(given) for given in (staff.labelling_hours, staff.review_hours) if given is not None]
    if hours:
        low, likely, high = (sum((each[at] for each in hours), Decimal(0)) for at in range(3))
        source = "business.staff.labelling_hours and review_hours"
        yield _quantity("trial_staff_hours", (low, likely, high), "entered", "hours", source)
    if (rate := machine_hourly(business.machine)) is not None:
        yield rate


def _measured(found: Recommendation, review_share: float | None, training_seconds: float | None) -> Iterator[Quantity]:
    yield _sure("trial_machine_hours", Decimal(str(found.search.seconds)) / _SECONDS, "hours", "search.seconds")
    if found.seconds_a_thousand is not None:
        each = Decimal(str(found.seconds_a_thousand)) / 1000
        yield _sure("seconds_per_item", each, "seconds", "seconds_a_thousand")
    if training_seconds is not None:
        hours = Decimal(str(training_seconds)) / _SECONDS
        yield _sure("retraining_machine_hours", hours, "hours", "confirm.candidates.seconds")
    if (accuracy := accuracy_at(found, review_share or 0.0)) is not None:
        yield accuracy


def _missing(business: Business) -> Iterator[MissingInput]:
    for key, consequence in CONSEQUENCES.items():
        part, _, name = key.rpartition(".")
        given = getattr(getattr(business, part) if part else business, name)
        if given is None or (key == "machine" and machine_hourly(given) is None):
            yield MissingInput(key=f"business.{key}", consequence=consequence)


def _from_coverage(point: CoveragePoint, rows: int) -> Quantity:
    answered = round(point.share * rows)
    low, high = point.accuracy_ci95
    return _quantity(
        "accuracy",
        (low, point.accuracy, high),
        "measured",
        "share",
        f"calibration.coverage, of the surest {point.share:.0%} of the test rows",
        counted=(round(point.accuracy * answered), answered),
    )


def _sure(name: str, value: Decimal, unit: str, source: str) -> Quantity:
    return _quantity(name, (value, value, value), "measured", unit, source)


def _quantity(
    name: str,
    ends: tuple[float | Decimal, float | Decimal, float | Decimal],
    kind: Kind,
    unit: str,
    source: str,
    *,
    counted: tuple[float, float] | None = None,
) -> Quantity:
    low, likely, high = (Decimal(str(each)) for each in ends)
    return Quantity(name=name, low=low, likely=likely, high=high, kind=kind, unit=unit, source=source, counted=counted)
