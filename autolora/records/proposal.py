"""What a pilot would cost and what it would have to reach, before anything was trained."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from autolora.records.economics import Assumption, MissingInput, Scale

Amounts = tuple[Decimal, Decimal, Decimal]
"""At least, most likely and at most."""


@dataclass(frozen=True, kw_only=True)
class Today:
    """A month of the work as it is."""

    items: Decimal | None
    hours: Decimal | None
    cost: Decimal | None
    """Of these hours."""
    errors: Decimal | None
    errors_cost: Decimal | None


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What comes of it if the adapter is right so often."""

    accuracy: Decimal
    """Share of the items that it answers alone."""
    hours_freed: Decimal
    """A month in full use."""
    errors_avoided: Decimal
    net: Decimal
    """Cash of that month."""
    present_value: Decimal
    payback_months: int | None
    """None where it is not paid back within the horizon."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """All of it."""

    currency: str
    horizon_months: int
    ramp_up_months: int
    assumptions: tuple[Assumption, ...]
    missing: tuple[MissingInput, ...]
    targets: dict[str, Decimal]
    """What was entered of ``hours_per_month``, ``error_rate`` and ``payback_months``."""
    machine_cost: Amounts | None
    """Of the search; None where an hour has no price."""
    staff_hours: Amounts | None
    """Of labelling and review."""
    staff_cost: Amounts | None
    kilowatt_hours: Amounts | None
    """Of the search, by the watts that were entered."""
    carbon_kilograms: Decimal | None
    """Of carbon dioxide, most likely; None where nothing says what a kilowatt hour has of it."""
    today: Today
    scenarios: tuple[Scenario, ...]
    """By rising accuracy."""
    pays_back: Literal["above", "always", "never", "unknown"]
    """Whether it depends on the accuracy that money comes back within the horizon."""
    break_even: float | None
    """The accuracy above which it does."""
    scale: tuple[Scale, ...]
