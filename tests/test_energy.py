from __future__ import annotations

import importlib.util
import logging
import time
from decimal import Decimal

import pytest

from autolora.business import Energy
from autolora.carbon import grams_of
from autolora.energy import Meter, energy_used
from autolora.store import RunFolder

pytestmark = pytest.mark.unit

needs_codecarbon = pytest.mark.skipif(
    importlib.util.find_spec("codecarbon") is None, reason="no codecarbon (the extra energy)"
)


@pytest.fixture
def without_codecarbon(monkeypatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "codecarbon" else find(name))


@needs_codecarbon
def test_a_meter_counts_on_from_what_earlier_processes_drew_and_says_nothing(
    capfd, caplog, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.WARNING)
    meter = Meter(before=2.0)
    first = meter.kilowatt_hours()
    until = time.monotonic() + 1.2
    while time.monotonic() < until:
        pass
    second = meter.kilowatt_hours()
    meter.close()

    assert 2.0 <= first < second < 2.01
    assert meter.kilowatt_hours() is None, "it was closed"
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_without_codecarbon_nothing_is_counted(without_codecarbon) -> None:
    meter = Meter()

    assert meter.kilowatt_hours() is None
    meter.close()


def test_what_earlier_processes_drew_is_in_the_events(tmp_path) -> None:
    run = RunFolder.create(tmp_path / "run", "version: 1\n")
    assert energy_used(run) == 0.0
    run.event("confirm", kwh=0.02)
    run.event("interrupted", kwh=0.05)
    run.event("trial", number=3)

    assert energy_used(run) == 0.05


@needs_codecarbon
def test_a_kilowatt_hours_carbon_is_that_of_the_country_unless_it_was_entered() -> None:
    assert 100 < grams_of(Energy(country="JPN")) < 1000
    assert grams_of(Energy(country="JPN", grams_per_kwh=(400, 420, 450))) == Decimal("420")
    assert grams_of(Energy(country="XYZ")) is None


def test_without_a_country_or_the_table_nothing_is_said_of_carbon(without_codecarbon) -> None:
    assert grams_of(Energy()) is None
    assert grams_of(Energy(country="JPN")) is None
    assert grams_of(Energy(grams_per_kwh=30)) == 30
