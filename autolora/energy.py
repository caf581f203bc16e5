"""What this machine draws while a search works: codecarbon's offline tracker, where that is installed.

codecarbon reads the counters of processor and GPU where the system shows them, and else estimates from load and usual
power (docs.codecarbon.io, methodology). It counts the whole machine, and no other one of a cluster. Nothing is sent.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from autolora.store import RunFolder

_EVERY_SECONDS = 15
_ANY_COUNTRY = "JPN"
"""The tracker wants one; what it makes of it is not used."""


class Meter:
    """Counts from now on, in a thread of its own; counts nothing where codecarbon is not installed."""

    def __init__(self, before: float = 0.0) -> None:
        """Begin.

        Args:
            before: Kilowatt hours that earlier processes counted for the same search.
        """
        self._before, self._latest = before, _Latest()
        self._tracker = None
        if importlib.util.find_spec("codecarbon") is not None:
            starting = ThreadPoolExecutor(1)  # it looks about the machine for a second or two, while the search goes on
            self._tracker = starting.submit(_started, self._latest)
            starting.shutdown(wait=False)

    def kilowatt_hours(self) -> float | None:
        """Return what was drawn so far, None where nothing counts."""
        if self._tracker is None:
            return None
        self._tracker.result().flush()
        return self._before + self._latest.kilowatt_hours

    def close(self) -> None:
        """Count no further."""
        if self._tracker is not None:
            self._tracker.result().stop()
            self._tracker = None


class _Latest:
    """What the tracker handed over last; see codecarbon's ``BaseOutput``."""

    kilowatt_hours = 0.0

    def out(self, total: Any, delta: Any) -> None:
        self.kilowatt_hours = float(total.energy_consumed)

    def live_out(self, total: Any, delta: Any) -> None:
        self.out(total, delta)

    def task_out(self, data: Any, experiment_name: str) -> None:
        """Tasks are not told apart."""

    def exit(self) -> None:
        """There is nothing to close."""


def energy_used(run: RunFolder) -> float:
    """Return the kilowatt hours that earlier processes counted."""
    return max((float(event["kwh"]) for event in run.events() if event.get("kwh") is not None), default=0.0)


def _started(latest: _Latest) -> Any:
    codecarbon = importlib.import_module("codecarbon")
    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    tracker = codecarbon.OfflineEmissionsTracker(
        country_iso_code=_ANY_COUNTRY,
        measure_power_secs=_EVERY_SECONDS,
        output_methods=[],
        output_handlers=[latest],
        allow_multiple_runs=True,
        log_level="critical",
    )
    tracker.start()
    return tracker
