from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from autolora.business import Business, Machine, Staff
from autolora.economics.propose import ACCURACIES, propose
from autolora.records import from_json, to_json
from autolora.records.proposal import Proposal
from tests.economics.test_assess import FULL
from tests.made_forecasts import forecast

pytestmark = pytest.mark.unit

PLAIN = Business(
    currency="JPY",
    volume_per_month=1000,
    adoption=1,
    error_rate=0.1,
    cost_per_error=100,
    horizon_months=10,
    machine=Machine(hourly=0),
    staff=Staff(hourly_cost=1000, labelling_hours=10),
)
"""Each month 1,000 items with 100 errors of 100 yen; 10,000 yen before it begins."""


def test_what_a_pilot_costs_is_a_range_of_its_machine_time_and_the_time_of_people() -> None:
    it = propose(FULL, forecast())

    assert it.machine_cost == tuple(Decimal(str(each)) / 3600 * 90 for each in (392.0, 560.0, 728.0))
    assert it.staff_hours == (46, 46, 46)
    assert it.staff_cost == (46 * 3000,) * 3


def test_the_work_as_it_is_is_told_in_hours_errors_and_money() -> None:
    today = propose(FULL, forecast()).today

    assert (today.items, today.hours, today.cost) == (20_000, 1_000, 3_000_000)
    assert (today.errors, today.errors_cost) == (2_400, 480_000)


def test_each_scenario_is_what_a_person_would_add_up() -> None:
    it = propose(PLAIN, forecast())

    (worse,) = (each for each in it.scenarios if each.accuracy == Decimal("0.8"))
    assert (worse.errors_avoided, worse.net) == (-100, -10_000)
    (better,) = (each for each in it.scenarios if each.accuracy == Decimal("0.95"))
    assert (better.errors_avoided, better.net, better.payback_months) == (50, 5_000, 2)
    assert better.present_value == -10_000 + 10 * 5_000
    assert [each.accuracy for each in it.scenarios] == sorted(ACCURACIES)


def test_the_accuracy_that_it_takes_is_where_the_balance_is_nothing() -> None:
    it = propose(PLAIN, forecast())

    assert it.pays_back == "above"
    # 10 months of 100,000 (e - (1 - q)) yen are 10,000 yen.
    assert it.break_even == pytest.approx(0.91)


def test_where_no_accuracy_is_enough_or_any_is_it_is_said() -> None:
    dear = replace(PLAIN, staff=Staff(hourly_cost=1000, labelling_hours=1000))
    assert (propose(dear, forecast()).pays_back, propose(dear, forecast()).break_even) == ("never", None)
    hours = replace(PLAIN, error_rate=None, minutes_per_item=5, hourly_cost=3000, cash_share=1)
    assert propose(hours, forecast()).pays_back == "always"


def test_what_was_not_entered_leaves_payback_unknown_and_is_listed() -> None:
    it = propose(Business(currency="EUR"), forecast())

    assert it.pays_back == "unknown"
    assert it.machine_cost is None
    assert it.today == replace(it.today, items=None, hours=None, cost=None, errors=None, errors_cost=None)
    assert "business.volume_per_month" in {each.key for each in it.missing}


def test_energy_is_that_of_the_watts_that_were_entered() -> None:
    watts = replace(FULL, machine=Machine(hourly=90, watts=[100, 120, 150]))

    assert propose(FULL, forecast()).kilowatt_hours is None
    it = propose(watts, forecast(), grams_per_kwh=Decimal(400))
    assert [float(each) for each in it.kilowatt_hours] == pytest.approx([39.2 / 3600, 67.2 / 3600, 109.2 / 3600])
    assert float(it.carbon_kilograms) == pytest.approx(0.4 * 67.2 / 3600)
    assert propose(watts, forecast()).carbon_kilograms is None


def test_nothing_of_it_is_called_measured_but_the_speed() -> None:
    kinds = {each.name: each.kind for each in propose(FULL, forecast()).assumptions}

    assert [name for name, kind in kinds.items() if kind == "measured"] == ["seconds_per_item"]
    assert kinds["accuracy"] == "estimated"


def test_a_proposal_is_kept_and_read_back_as_it_was() -> None:
    it = propose(FULL, forecast())

    assert from_json(to_json(it).encode(), Proposal) == it
