from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from autolora.business import Business, Machine, Staff
from autolora.economics.assess import assess
from autolora.records import from_json, to_json
from autolora.records.economics import Assessment
from tests.report import made_up

pytestmark = pytest.mark.unit

FULL = Business(
    currency="JPY",
    volume_per_month=20_000,
    minutes_per_item=[2, 3, 5],
    hourly_cost=3000,
    error_rate=0.12,
    cost_per_error=200,
    adoption=[0.6, 0.8, 0.9],
    review_share=0.2,
    review_minutes=1.5,
    cash_share=0.25,
    ramp_up_months=3,
    horizon_months=24,
    discount_rate=0.03,
    machine=Machine(hourly=90),
    staff=Staff(
        labelling_hours=40, review_hours=6, operation_hours_per_month=4, retraining_hours=3, retrainings_per_year=2
    ),
)


def assessed(business: Business = FULL) -> Assessment:
    found = replace(made_up.recommendation(), seconds_a_thousand=2.5)
    return assess(business, found, made_up.confirm())


def test_everything_that_was_entered_is_reckoned_with() -> None:
    it = assessed()

    assert it.missing == ()
    assert {each.kind for each in it.assumptions} == {"entered", "measured"}
    assert len(it.months) == 25
    assert it.months[0].cumulative == -it.spent.total
    assert it.months[-1].cumulative == sum(month.net for month in it.months)
    assert it.full_use.items == 16_000
    assert it.months[3].items == 16_000 > it.months[2].items
    assert it.low.present_value < it.likely.present_value < it.high.present_value
    assert it.simulation.present_value[0] > float(it.low.present_value)
    assert it.simulation.present_value[2] < float(it.high.present_value)


def test_what_the_trial_cost_counts_machine_and_people_and_failed_trials() -> None:
    it, seconds = assessed(), Decimal(str(made_up.recommendation().search.seconds))

    assert it.spent.machine_hours == seconds / 3600
    assert it.spent.machine == seconds / 3600 * 90
    assert it.spent.staff == 46 * 3000
    assert it.spent.total == it.spent.machine + it.spent.staff


def test_where_the_default_is_kept_its_own_accuracy_and_training_are_reckoned_with() -> None:
    found = replace(made_up.recommendation(), seconds_a_thousand=2.5, calibration=None)
    found = replace(found, metric=replace(found.metric, name="accuracy"))
    own = replace(found.baselines["rate_grid"].metric, name="accuracy")
    rivals = found.baselines | {"rate_grid": replace(found.baselines["rate_grid"], metric=own)}
    kept = replace(found, verdict="keep_default", kept="rate_grid", baselines=rivals)
    known = {one.name: one for one in assess(FULL, kept, made_up.confirm()).assumptions}
    usual = {one.name: one for one in assess(FULL, found, made_up.confirm()).assumptions}
    candidate = next(each for each in made_up.confirm().candidates if each.name == "rate_grid")

    assert float(known["accuracy"].likely) == own.test != found.metric.test == float(usual["accuracy"].likely)
    assert float(known["accuracy"].low) == own.test_ci95[0]
    assert float(known["retraining_machine_hours"].likely) == pytest.approx(
        candidate.seconds / len(candidate.seeds) / 3600, rel=1e-3
    )


def test_hours_freed_and_cash_stand_apart() -> None:
    month = assessed().full_use

    assert month.hours_freed == 16_000 * (3 - Decimal("0.2") * Decimal("1.5")) / 60
    assert month.saved_hours == month.hours_freed * 3000 / 4
    assert month.time_for_other_work == month.saved_hours * 3
    assert month.net == month.saved_errors + month.saved_hours - month.running - month.upkeep


def test_doing_nothing_is_always_a_way() -> None:
    for business in (FULL, Business(currency="EUR")):
        nothing, *others = assessed(business).options
        assert (nothing.name, nothing.cost_a_thousand) == ("do_nothing", 0)
        assert [each.name for each in others] == [each.name for each in made_up.confirm().candidates]


def test_ten_times_the_volume_costs_ten_times_the_machine_and_says_how_many() -> None:
    one, ten, hundred = assessed().scale

    assert (one.times, ten.times, hundred.times) == (1, 10, 100)
    assert one.machine_hours == Decimal(16_000) * Decimal("0.0025") / 3600
    assert ten.cost == 10 * one.cost == 10
    heavy = assessed(replace(FULL, volume_per_month=500_000_000)).scale
    assert [each.machines for each in heavy] == [1, 4, 39]


def test_where_nothing_was_entered_nothing_is_made_up() -> None:
    it = assessed(Business(currency="EUR"))

    assert it.spent.total is None
    assert all(month.net == 0 for month in it.months)
    assert it.scale[0].cost is None
    assert it.swings == ()
    assert len(it.missing) > 10


def test_it_is_written_and_read_again() -> None:
    it = assessed()

    assert from_json(to_json(it).encode(), Assessment) == it


def test_energy_is_as_it_was_counted_or_else_by_the_watts_that_were_entered() -> None:
    watts = replace(FULL, machine=Machine(hourly=90, watts=120))
    found = replace(made_up.recommendation(), seconds_a_thousand=2.5)
    counted = replace(found, search=replace(found.search, kilowatt_hours=0.5))

    assert assessed().spent.kilowatt_hours is None
    reckoned = assess(watts, found, made_up.confirm()).spent
    assert reckoned.energy_by == "watts"
    assert reckoned.kilowatt_hours == reckoned.machine_hours * Decimal("0.12")
    assert reckoned.carbon_kilograms is None
    spent = assess(watts, counted, made_up.confirm(), grams_per_kwh=Decimal(400)).spent
    assert (spent.energy_by, spent.kilowatt_hours, spent.carbon_kilograms) == (
        "codecarbon",
        Decimal("0.5"),
        Decimal("0.2"),
    )
