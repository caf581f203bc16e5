"""The carbon dioxide of a kilowatt hour: as entered, or by the country's mix of sources as codecarbon has it."""

from __future__ import annotations

import importlib
import importlib.util
from decimal import Decimal

from autolora.business import Energy, ends


def grams_of(energy: Energy) -> Decimal | None:
    """Return the grams of a kilowatt hour, None where nothing says them."""
    if energy.grams_per_kwh is not None:
        return ends(energy.grams_per_kwh)[1]
    found = None if energy.country is None else _of_country(energy.country)
    return None if found is None else Decimal(str(found))


def _of_country(country: str) -> float | None:
    """Return the grams of a country's mix (ISO 3166, three letters); None without codecarbon, or if it has none."""
    if importlib.util.find_spec("codecarbon") is None:
        return None
    table = importlib.import_module("codecarbon.input").DataSource().get_global_energy_mix_data()
    found = table.get(country, {}).get("carbon_intensity")
    return None if found is None else float(found)
