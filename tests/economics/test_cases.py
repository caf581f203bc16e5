from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from autolora.economics.cases import Span, end, outcome, simulate, swings
from autolora.economics.quantities import Quantity

pytestmark = pytest.mark.unit

SPAN = Span(horizon=24, ramp_up=0)


def entered(name: str, *values: str) -> Quantity:
    low, likely, high = values if len(values) == 3 else values * 3
    return Quantity(
        name=name, low=Decimal(low), likely=Decimal(likely), high=Decimal(high), kind="entered", unit="", source=name
    )


def measured(name: str, right: int, rows: int, low: str, high: str) -> Quantity:
    share = Decimal(right) / rows
    return Quantity(
        name=name, low=Decimal(low), likely=share, high=Decimal(high), kind="measured", unit="", source=name,
        counted=(right, rows),
    )  # fmt: skip


def work(minutes=("5",), accuracy=None) -> list[Quantity]:
    """Cash of 1,000 a month at five minutes: 200 hours at 10 of which a half is paid out less; 6,000 before."""
    return [
        entered("volume_per_month", "2400"),
        entered("adoption", "1"),
        entered("minutes_per_item", *minutes),
        entered("hourly_cost", "10"),
        entered("cash_share", "0.5"),
        entered("trial_machine_hours", "3000"),
        entered("machine_hourly", "2"),
        *([accuracy] if accuracy else []),
    ]


def test_it_is_paid_back_in_the_first_month_in_which_all_cash_so_far_is_not_below_nothing() -> None:
    found = outcome(work(), SPAN)

    assert found.cumulative[0] == -6000
    assert found.cumulative[6] == 0
    assert found.payback_months == 6
    assert found.present_value == 18 * 1000


def test_what_never_pays_back_says_so() -> None:
    found = outcome(work(minutes=("1",)), SPAN)

    assert found.payback_months is None
    assert found.present_value == -6000 + 24 * 200


def test_the_ends_hold_the_likely_case_between_them() -> None:
    known = work(minutes=("4", "5", "6"))
    poor, good = end(known, SPAN, good=False), end(known, SPAN, good=True)

    assert poor.present_value == -6000 + 24 * 800
    assert good.present_value == -6000 + 24 * 1200
    assert (poor.payback_months, good.payback_months) == (8, 5)


def test_draws_of_what_is_known_for_sure_are_all_alike() -> None:
    found = simulate(work(), SPAN, seed=1, draws=100)

    assert found.payback_months == (6, 6, 6)
    assert found.never == 0
    assert found.present_value == pytest.approx((18_000,) * 3)
    assert found.band[6] == pytest.approx((0, 0, 0))


def test_the_share_of_draws_that_never_pay_back_is_that_of_the_triangle() -> None:
    # Paid back within 24 months where 6000 is at most 24 x 200 x minutes: from 1.25 minutes on.
    found = simulate(work(minutes=("1", "1.5", "2")), SPAN, seed=1, draws=20_000)

    assert found.never == pytest.approx(0.25**2 / (1 * 0.5), abs=0.01)
    assert found.payback_months[2] is None
    assert simulate(work(minutes=("1", "1.5", "2")), SPAN, seed=1, draws=20_000) == found


def test_a_measured_share_is_drawn_as_sure_as_its_rows_make_it() -> None:
    few, many = (
        measured("accuracy", 9 * n, 10 * n, "0.8", "0.95").drawn(np.random.default_rng(1), 20_000) for n in (10, 1000)
    )

    assert few.mean() == pytest.approx(0.9, abs=0.005)
    assert few.std() == pytest.approx((0.09 / 100) ** 0.5, rel=0.05)
    assert many.std() == pytest.approx(few.std() / 10, rel=0.05)


def test_another_quantity_beside_it_changes_no_draws() -> None:
    extra = entered("seconds_per_item", "1", "2", "3")
    alone = simulate(work(minutes=("4", "5", "6")), SPAN, seed=3, draws=500)
    beside = simulate([*work(minutes=("4", "5", "6")), extra], Span(horizon=24, ramp_up=0), seed=3, draws=500)

    assert beside.present_value[1] < alone.present_value[1], "answering costs something now"
    assert beside.present_value[1] == pytest.approx(alone.present_value[1] - 24 * 2400 * 2 * 2 / 3600, rel=0.02)


def test_most_hangs_on_what_moves_the_present_value_most() -> None:
    found = swings(work(minutes=("4", "5", "6")), SPAN, most={"minutes_per_item": 480})
    by_name = {swing.name: swing for swing in found}

    assert found == sorted(found, key=lambda swing: -abs(swing.at_high - swing.at_low))
    minutes = by_name["minutes_per_item"]
    assert (minutes.is_range, minutes.at_low, minutes.at_high) == (True, pytest.approx(13_200), pytest.approx(22_800))
    assert minutes.break_even == pytest.approx(1.25)
    machine = by_name["machine_hourly"]
    assert (machine.is_range, machine.low, machine.high) == (False, Decimal("1.6"), Decimal("2.4"))
    assert machine.break_even == pytest.approx(8.0)
