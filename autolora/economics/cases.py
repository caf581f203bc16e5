"""What may come of it: the likely case, the ends, many draws, and which number the outcome hangs on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from autolora.economics.model import Month, cumulative, months, present_value
from autolora.economics.quantities import Quantity, as_arrays, drawn, likely
from autolora.records.economics import Outcome, Simulation, Swing

DRAWS = 10_000
SWING = Decimal("0.2")
"""Share by which what was entered as one number is moved to see how much hangs on it."""
PERCENTILES = (10, 50, 90)
CHOICES = ("review_share",)
_ONE = np.zeros(1)
_NOTHING = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Over which months money is counted."""

    horizon: int
    ramp_up: int


def likely_months(known: Sequence[Quantity], span: Span) -> list[Month[Decimal]]:
    """Return the months of the likely numbers."""
    return months(likely(known), horizon=span.horizon, ramp_up=span.ramp_up, zero=_NOTHING)


def with_value(known: Sequence[Quantity], name: str, value: Decimal) -> list[Quantity]:
    """Return the numbers with one of them known for sure."""
    return [
        replace(each, low=value, likely=value, high=value, counted=None) if each.name == name else each
        for each in known
    ]


def outcome(known: Sequence[Quantity], span: Span) -> Outcome:
    """Return what comes of the likely numbers."""
    found = likely_months(known, span)
    sums = tuple(cumulative(found, _NOTHING))
    return Outcome(
        present_value=present_value(found, likely(known), _NOTHING),
        payback_months=next((at for at, total in enumerate(sums) if total >= 0), None),
        cumulative=sums,
    )


def end(known: Sequence[Quantity], span: Span, *, good: bool) -> Outcome:
    """Return what comes of it where every number is at the end that is good for it, or at the other."""
    return outcome([_at_end(each, known, span, good=good) for each in known], span)


def simulate(known: Sequence[Quantity], span: Span, *, seed: int, draws: int = DRAWS) -> Simulation:
    """Return what comes of many draws of all numbers together."""
    terms, zero = drawn(known, seed=seed, count=draws), np.zeros(draws)
    found = months(terms, horizon=span.horizon, ramp_up=span.ramp_up, zero=zero)
    sums = np.array([np.broadcast_to(total, (draws,)) for total in cumulative(found, zero)])
    paid = sums >= 0
    first = np.where(paid.any(axis=0), paid.argmax(axis=0), np.inf)
    values = np.broadcast_to(present_value(found, terms, zero), (draws,))
    ends = [float(np.quantile(first, share / 100, method="inverted_cdf")) for share in PERCENTILES]
    low, middle, high = (None if np.isinf(each) else each for each in ends)
    return Simulation(
        draws=draws,
        seed=seed,
        payback_months=(low, middle, high),
        never=float(np.isinf(first).mean()),
        present_value=_percentiles(values),
        band=tuple(_percentiles(each) for each in sums),
    )


def swings(known: Sequence[Quantity], span: Span, *, most: dict[str, float]) -> list[Swing]:
    """Return how much hangs on each number, the one on which most hangs first.

    The share that people decide is no such number: it is chosen, and what is right of the rest was measured at it.

    Args:
        known: The numbers.
        span: Of the months.
        most: The largest value that a number may have.
    """
    found = []
    for each in (one for one in known if one.name not in CHOICES):
        low, high = _ends(each, most.get(each.name, float("inf")))
        at_low, at_high = (_value(known, span, each.name, float(value)) for value in (low, high))
        if at_low != at_high:
            found.append(
                Swing(
                    name=each.name,
                    low=low,
                    high=high,
                    is_range=each.is_range,
                    at_low=at_low,
                    at_high=at_high,
                    break_even=break_even(known, span, each.name, most.get(each.name, 1e3 * float(each.likely))),
                )
            )
    return sorted(found, key=lambda swing: -abs(swing.at_high - swing.at_low))


def _ends(each: Quantity, most: float) -> tuple[Decimal, Decimal]:
    if each.is_range:
        return each.low, each.high
    return each.likely * (1 - SWING), min(each.likely * (1 + SWING), Decimal(str(most)))


def _at_end(each: Quantity, known: Sequence[Quantity], span: Span, *, good: bool) -> Quantity:
    at_low, at_high = (_value(known, span, each.name, float(value)) for value in (each.low, each.high))
    return with_value([each], each.name, each.high if (at_high >= at_low) == good else each.low)[0]


def _value(known: Sequence[Quantity], span: Span, name: str, value: float) -> float:
    """Return the present value where one number is another and all others are likely."""
    terms = as_arrays(known, **{name: value})
    found = months(terms, horizon=span.horizon, ramp_up=span.ramp_up, zero=_ONE)
    return float(present_value(found, terms, _ONE)[0])


def break_even(known: Sequence[Quantity], span: Span, name: str, most: float) -> float | None:
    """Return where from 0 to ``most`` one number brings the present value to 0, all others being likely, or None."""
    at_least, at_most = (_value(known, span, name, value) for value in (0.0, most))
    if not at_least * at_most < 0:
        return None
    return float(brentq(lambda value: _value(known, span, name, float(value)), 0.0, most, rtol=1e-9))


def _percentiles(values: NDArray[np.float64]) -> tuple[float, float, float]:
    low, middle, high = np.percentile(values, PERCENTILES)
    return float(low), float(middle), float(high)
