from __future__ import annotations

import pytest

from autolora.business import Business, Machine, Staff, parse_amount
from autolora.errors import RequestError

pytestmark = pytest.mark.unit


def test_what_is_not_said_is_none_and_has_no_default() -> None:
    it = Business(currency="JPY")

    assert all(getattr(it, name) is None for name in it.RULES)
    assert all(getattr(it.machine, name) is None for name in it.machine.RULES)
    assert all(getattr(it.staff, name) is None for name in it.staff.RULES)


def test_a_number_that_is_not_known_for_sure_is_three() -> None:
    assert Business(currency="JPY", minutes_per_item=[3, 4, 6]).minutes_per_item == (3, 4, 6)


def test_an_amount_may_name_the_currency() -> None:
    it = Business(currency="JPY", hourly_cost="3500 JPY", staff=Staff(hourly_cost=["3000yen", 4000, 5000]))

    assert it.hourly_cost == 3500
    assert it.staff.hourly_cost == (3000, 4000, 5000)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"minutes_per_item": 9000}, "minutes_per_item must be a number above 0 and at most 480 (minutes"),
        ({"minutes_per_item": -4}, "but got -4"),
        ({"minutes_per_item": "four"}, "but got 'four'"),
        ({"volume_per_month": "3000"}, "3000 is text here; write it without quotes"),
        ({"error_rate": 6}, "error_rate must be a number from 0 to 1 (of the items), but got 6 (write 80 % as 0.8"),
        ({"adoption": 1.2}, "adoption must be a number above 0 and at most 1"),
        ({"horizon_months": 0}, "horizon_months must be a whole number from 1 to 120 (months), but got 0"),
        ({"horizon_months": 12.5}, "horizon_months must be a whole number"),
        (
            {"hourly_cost": True},
            "hourly_cost must be a number above 0 and at most 1e+12 (JPY of an hour), but got True",
        ),
        ({"hourly_cost": float("nan")}, "but got nan"),
        (
            {"cost_per_error": "20 USD"},
            "all amounts must be in one currency, which is JPY, but cost_per_error is in USD",
        ),
        ({"machine": Machine(hourly="2 EUR")}, "which is JPY, but machine.hourly is in EUR (write it in JPY"),
        (
            {"staff": Staff(operation_hours_per_month=800)},
            "staff.operation_hours_per_month must be a number from 0 to 744",
        ),
        (
            {"minutes_per_item": [4, 3, 6]},
            "must be one number, or three that rise (low, likely, high), but got [4, 3, 6]",
        ),
        ({"minutes_per_item": [3, 4]}, "three that rise"),
        ({"minutes_per_item": [3, 4, 9000]}, "but got 9000"),
        ({"review_share": [0.1, 0.2, 0.3]}, "review_share must be a number from 0 to 1"),
        ({"currency": "yen"}, "currency must be a code of three capital letters (ISO 4217), but got 'yen' (write JPY"),
    ],
)
def test_a_wrong_number_is_one_error_with_key_value_and_range(given, says) -> None:
    with pytest.raises(RequestError) as fault:
        Business(**({"currency": "JPY"} | given))

    assert says in str(fault.value)


def test_an_hour_of_the_machine_is_said_in_one_way() -> None:
    with pytest.raises(RequestError, match="but got both: hourly, price"):
        Machine(hourly=100, price=400_000)
    with pytest.raises(RequestError, match="needs price, months and hours_per_month, but months is not there"):
        Machine(price=400_000, hours_per_month=200)
    with pytest.raises(RequestError, match="both watts and price_per_kwh"):
        Machine(price=400_000, months=48, hours_per_month=200, watts=300)


def test_amounts_are_read_as_people_write_them() -> None:
    assert parse_amount("3000yen") == (3000, "JPY")
    assert parse_amount(" 20.50 usd ") == (20.5, "USD")
    with pytest.raises(RequestError, match="an amount must be a number and a currency"):
        parse_amount("¥3000")
