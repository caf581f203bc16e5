"""Months by hand: 1,000 items a month, of which 80 % go through the adapter."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from autolora.economics.model import Terms, cumulative, months, present_value

pytestmark = pytest.mark.unit

ZERO = Decimal(0)


def decimals(**values: str) -> Terms[Decimal]:
    return Terms(**{name: Decimal(value) for name, value in values.items()})


WORK = {
    "volume_per_month": "1000",
    "adoption": "0.8",
    "minutes_per_item": "6",
    "hourly_cost": "30",
    "error_rate": "0.06",
    "cost_per_error": "10",
    "review_share": "0.25",
    "review_minutes": "2",
    "cash_share": "0.5",
    "accuracy": "0.96",
    "seconds_per_item": "0.9",
    "machine_hourly": "2",
    "trial_machine_hours": "5",
    "trial_staff_hours": "20",
    "staff_hourly": "40",
    "operation_hours_per_month": "3",
    "retraining_hours": "6",
    "retraining_machine_hours": "0.5",
    "retrainings_per_year": "2",
}


def test_a_month_in_full_use_by_hand() -> None:
    _, month = months(decimals(**WORK), horizon=1, ramp_up=0, zero=ZERO)

    assert month.items == 800
    # 800 items x (6 - 0.25 x 2) minutes
    assert month.hours_freed == Decimal(4400) / 60
    # today 48 errors; 600 alone with 4 % wrong are 24, 200 by people with 6 % wrong are 12
    assert month.errors_avoided == 48 - 24 - 12
    assert month.saved_errors == 120
    assert month.saved_hours == Decimal(4400) / 60 * 15
    assert month.time_for_other_work == month.saved_hours
    # 720 seconds
    assert month.running == Decimal("0.4")
    # 3 x 40, and a sixth of (6 x 40 + 0.5 x 2)
    assert month.upkeep == 120 + Decimal(241) * 2 / 12
    assert month.net == 120 + month.saved_hours - Decimal("0.4") - month.upkeep


def test_what_the_trial_cost_comes_before_the_first_month() -> None:
    before, *_ = months(decimals(**WORK), horizon=3, ramp_up=0, zero=ZERO)

    assert (before.number, before.items) == (0, 0)
    assert before.net == -(5 * 2 + 20 * 40)


def test_use_rises_in_equal_steps_until_it_is_full() -> None:
    found = months(decimals(**WORK), horizon=5, ramp_up=4, zero=ZERO)

    assert [month.items for month in found] == [0, 200, 400, 600, 800, 800]
    assert {month.upkeep for month in found[1:]} == {found[1].upkeep}, "whatever the volume"


def test_an_adapter_that_is_wrong_more_often_than_people_makes_errors() -> None:
    _, month = months(decimals(**(WORK | {"accuracy": "0.9"})), horizon=1, ramp_up=0, zero=ZERO)

    assert month.errors_avoided == 600 * (Decimal("0.06") - Decimal("0.1"))
    assert month.saved_errors == -240


@pytest.mark.parametrize(
    ("left_out", "gone"),
    [
        ("cash_share", "saved_hours"),
        ("hourly_cost", "saved_hours"),
        ("cost_per_error", "saved_errors"),
        ("accuracy", "errors_avoided"),
        ("error_rate", "errors_avoided"),
        ("minutes_per_item", "hours_freed"),
        ("machine_hourly", "running"),
        ("seconds_per_item", "running"),
        ("volume_per_month", "items"),
    ],
)
def test_what_is_not_known_is_left_out_of_the_sums(left_out, gone) -> None:
    known = {name: value for name, value in WORK.items() if name != left_out}
    _, month = months(decimals(**known), horizon=1, ramp_up=0, zero=ZERO)

    assert getattr(month, gone) == 0


def test_cash_is_summed_and_discounted_by_the_month() -> None:
    terms = decimals(volume_per_month="100", adoption="1", minutes_per_item="60", hourly_cost="1", cash_share="1",
                     trial_machine_hours="500", machine_hourly="1", discount_rate="0.21")  # fmt: skip
    found = months(terms, horizon=12, ramp_up=0, zero=ZERO)

    assert cumulative(found, ZERO)[:3] == [-500, -400, -300]
    by_hand = -500 + sum(100 / 1.21 ** (at / 12) for at in range(1, 13))
    assert float(present_value(found, terms, ZERO)) == pytest.approx(by_hand, rel=1e-12)


def test_arrays_give_what_decimals_give() -> None:
    exact = months(decimals(**WORK), horizon=6, ramp_up=3, zero=ZERO)
    many = months(Terms(**{n: np.full(3, float(v)) for n, v in WORK.items()}), horizon=6, ramp_up=3, zero=np.zeros(3))

    for one, other in zip(exact, many, strict=True):
        assert np.allclose(np.broadcast_to(other.net, (3,)), float(one.net), rtol=1e-12)
