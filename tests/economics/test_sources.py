from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from autolora.business import Business, Machine, Staff
from autolora.economics.sources import CONSEQUENCES, accuracy_at, known_of, machine_hourly
from autolora.records import Calibration, CoveragePoint
from tests.report import made_up

pytestmark = pytest.mark.unit

COVERAGE = (
    CoveragePoint(confidence=0.4, share=1.0, accuracy=0.9, accuracy_ci95=(0.86, 0.93)),
    CoveragePoint(confidence=0.7, share=0.8, accuracy=0.95, accuracy_ci95=(0.92, 0.97)),
    CoveragePoint(confidence=0.9, share=0.5, accuracy=0.99, accuracy_ci95=(0.96, 1.0)),
)


def found(**changed):
    calibration = Calibration(temperature=1.0, rows=300, error_before=0.1, error=0.02, bins=(), coverage=COVERAGE)
    return replace(made_up.recommendation(), calibration=calibration, seconds_a_thousand=2.5, **changed)


def quantities(business: Business, **changed) -> dict:
    known = known_of(business, found(**changed), training_seconds=36.0)
    return {each.name: each for each in known.quantities}


def test_every_number_says_whether_it_was_entered_or_measured_and_where() -> None:
    given = quantities(Business(currency="JPY", volume_per_month=[2000, 3000, 5000], review_share=0.2))

    volume = given["volume_per_month"]
    assert (volume.low, volume.likely, volume.high) == (2000, 3000, 5000)
    assert (volume.kind, volume.source) == ("entered", "business.volume_per_month")
    assert (given["seconds_per_item"].likely, given["seconds_per_item"].kind) == (Decimal("0.0025"), "measured")
    assert given["retraining_machine_hours"].likely == Decimal("0.01")
    seconds = found().search.seconds
    assert given["trial_machine_hours"].likely == Decimal(str(seconds)) / 3600


def test_how_often_it_is_right_is_that_of_the_rows_that_people_do_not_decide() -> None:
    assert [accuracy_at(found(), share).likely for share in (0.0, 0.2, 0.45)] == [
        Decimal("0.9"), Decimal("0.95"), Decimal("0.99")
    ]  # fmt: skip
    point = accuracy_at(found(), 0.2)
    assert (point.low, point.high) == (Decimal("0.92"), Decimal("0.97"))
    assert point.counted == (228, 240)


def test_where_nothing_says_how_many_answers_are_right_no_error_is_counted() -> None:
    assert accuracy_at(replace(found(), calibration=None), 0.0) is None


def test_a_share_of_right_answers_is_taken_where_answers_are_written() -> None:
    bare = replace(found(), calibration=None)
    written = replace(bare, metric=replace(bare.metric, name="exact_match", test=0.5, test_ci95=(0.4, 0.6)))

    assert accuracy_at(written, 0.3).likely == Decimal("0.5")


def test_an_hour_of_a_machine_that_was_bought_is_its_price_over_its_hours_and_power() -> None:
    bought = Machine(price=480_000, months=[36, 48, 60], hours_per_month=100, watts=500, price_per_kwh=30)
    hourly = machine_hourly(Business(currency="JPY", machine=bought).machine)

    assert hourly.likely == Decimal(480_000) / 4800 + 15
    assert hourly.low == Decimal(480_000) / 6000 + 15
    assert hourly.high == Decimal(480_000) / 3600 + 15
    assert hourly.kind == "estimated"
    assert machine_hourly(Machine()) is None


def test_people_of_the_project_cost_what_the_work_costs_unless_said_otherwise() -> None:
    work = {"currency": "JPY", "hourly_cost": 3000}

    assert quantities(Business(**work))["staff_hourly"].source == "business.hourly_cost"
    own = quantities(Business(**work, staff=Staff(hourly_cost=5000, labelling_hours=8, review_hours=[2, 3, 4])))
    assert own["staff_hourly"].likely == 5000
    assert (own["trial_staff_hours"].low, own["trial_staff_hours"].high) == (10, 12)


def test_what_was_not_entered_is_named_with_what_follows() -> None:
    nothing = known_of(Business(currency="JPY"), found(), training_seconds=None)

    assert [each.key for each in nothing.missing] == [f"business.{key}" for key in CONSEQUENCES]
    assert {each.kind for each in nothing.quantities} == {"measured"}
    some = known_of(
        Business(currency="JPY", machine=Machine(hourly=100), error_rate=0.0), found(), training_seconds=None
    )
    assert {"business.machine", "business.error_rate"}.isdisjoint(each.key for each in some.missing)
