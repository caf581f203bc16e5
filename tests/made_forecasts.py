"""A made-up forecast of a search on reviews, and the business that it is for."""

from __future__ import annotations

from autolora.records.forecast import AdapterForecast, Forecast, PartForecast

PARTS = (
    PartForecast(name="start", seconds=10.0, train=0, scored=0),
    PartForecast(name="explore", seconds=200.0, train=1_916, scored=483),
    PartForecast(name="confirm", seconds=300.0, train=1_916, scored=483),
    PartForecast(name="close", seconds=50.0, train=0, scored=601),
)


def forecast(**other) -> Forecast:
    given = {
        "name": "reviews",
        "base_model": "minilm",
        "device": "CPU, 2 threads (x86_64)",
        "engines": 1,
        "classes": 2,
        "rows": {"train": 1_916, "validation": 483, "test": 601},
        "trials": 24,
        "trainings": 7.2,
        "finalists": 3,
        "baselines": "quick",
        "parts": PARTS,
        "seconds": (392.0, 560.0, 728.0),
        "spread": 0.3,
        "budget_seconds": None,
        "enough": True,
        "in_words": "No time limit: everything is done on all 1,916 training and 601 test rows.",
        "adapters": (
            AdapterForecast(name="cheapest", trainable_params=1_538, adapter_bytes=6_152, peak_memory_bytes=10**8),
            AdapterForecast(
                name="default", trainable_params=74_498, adapter_bytes=297_992, peak_memory_bytes=4 * 10**8
            ),
            AdapterForecast(
                name="dearest", trainable_params=1_200_000, adapter_bytes=4_800_000, peak_memory_bytes=10**9
            ),
        ),
        "weight_bytes": 90_000_000,
        "training_seconds": 20.0,
        "seconds_a_thousand": 2.5,
        "calibration_seconds": 12.0,
    }
    return Forecast(**given | other)
