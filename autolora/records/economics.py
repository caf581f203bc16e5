"""What a piece of work costs with an adapter and without. Money is in decimals of the one currency of the record."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal["measured", "estimated", "entered"]


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """One number that everything rests on."""

    name: str
    low: Decimal
    likely: Decimal
    high: Decimal
    kind: Kind
    unit: str
    source: str
    """Where it stands: the key of a task file, or the field of a record."""


@dataclass(frozen=True, kw_only=True)
class MissingInput:
    """What was not entered, and what follows."""

    key: str
    consequence: str


@dataclass(frozen=True, kw_only=True)
class MonthOfWork:
    """One month of the likely case; see ``economics.model``."""

    number: int
    """From 1; 0 is what is spent before the first."""
    items: Decimal
    hours_freed: Decimal
    errors_avoided: Decimal
    saved_errors: Decimal
    saved_hours: Decimal
    time_for_other_work: Decimal
    running: Decimal
    upkeep: Decimal
    spent_before: Decimal
    net: Decimal
    worth_today: Decimal
    """The net discounted."""
    cumulative: Decimal


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one course of things comes to."""

    present_value: Decimal
    payback_months: int | None
    """None where it is not paid back within the horizon."""
    cumulative: tuple[Decimal, ...]
    """Cash up to each month, from month 0."""


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """Many draws of all that is not known for sure."""

    draws: int
    seed: int
    payback_months: tuple[float | None, float | None, float | None]
    """Percentiles 10, 50 and 90; None: later than the horizon."""
    never: float
    """Share of the draws that are not paid back within the horizon."""
    present_value: tuple[float, float, float]
    band: tuple[tuple[float, float, float], ...]
    """The same percentiles of the cash up to each month."""


@dataclass(frozen=True, kw_only=True)
class Swing:
    """How much hangs on one number."""

    name: str
    low: Decimal
    high: Decimal
    is_range: bool
    """Whether these are its own ends; else it was moved by a fifth both ways."""
    at_low: float
    at_high: float
    """Present value where only this one is at its end."""
    break_even: float | None
    """Where the present value is 0, all others being likely; None where it is nowhere from 0 to the most it can be."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Answering at some volume."""

    times: int
    """The volume that was entered."""
    items: Decimal
    """A month."""
    machine_hours: Decimal
    """A month."""
    machines: int
    """That compute day and night."""
    cost: Decimal | None
    """A month; None where an hour has no price."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """One way to have the work done."""

    name: str
    """``do_nothing``, or of a candidate."""
    description: str
    metric: float | None
    """Test score by the metric that decides."""
    metric_ci95: tuple[float, float] | None
    training_hours: Decimal
    """Of the machine."""
    training_cost: Decimal | None
    cost_a_thousand: Decimal | None
    """Of answering."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What the trial has cost, trials that failed included."""

    machine_hours: Decimal
    machine: Decimal | None
    staff_hours: Decimal | None
    staff: Decimal | None
    total: Decimal | None
    """Of what has a price; None where nothing has one."""
    kilowatt_hours: Decimal | None = None
    carbon_kilograms: Decimal | None = None
    """Of carbon dioxide; None where nothing says what a kilowatt hour has of it."""
    energy_by: Literal["codecarbon", "watts", ""] = ""
    """Where the kilowatt hours come from."""


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """All of it."""

    currency: str
    horizon_months: int
    ramp_up_months: int
    assumptions: tuple[Assumption, ...]
    missing: tuple[MissingInput, ...]
    targets: dict[str, Decimal]
    """What was entered of ``hours_per_month``, ``error_rate`` and ``payback_months``."""
    spent: Spent
    months: tuple[MonthOfWork, ...]
    full_use: MonthOfWork
    """A month after the ramp."""
    likely: Outcome
    low: Outcome
    """Every number at the end that is bad."""
    high: Outcome
    simulation: Simulation
    swings: tuple[Swing, ...]
    """The one on which most hangs first."""
    scale: tuple[Scale, ...]
    options: tuple[Option, ...]
