"""A Ray Tune trial as a thin lease: it holds an engine slot while it lives and trains nothing itself.

``step`` returns within a second, with progress or a rung's result. That the next ``step`` is called at all is Tune's
decision to go on: only then is the engine allowed to train towards the next rung.
"""

from __future__ import annotations

from typing import Any

import ray
from ray import tune

from autolora.engine.runner import Job, Report
from autolora.records import from_json

STEP_SECONDS = 0.5


class Lease(tune.Trainable):
    """Holds one slot of one engine."""

    def setup(self, config: dict[str, Any], engines: list[Any] | None = None) -> None:
        """Take the slot that the configuration names."""
        self._engines = engines or []
        self._hold(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another slot in the same process."""
        self._hold(new_config)
        return True

    def _hold(self, config: dict[str, Any]) -> None:
        job = from_json(config["job"], Job)
        self._engine = self._engines[config["engine"]]
        self._slot = job.slot
        self._allowed_rung = int(config["first_rung"])
        self._token = ray.get(self._engine.admit.remote(job))

    def step(self) -> dict[str, Any]:
        """Return the next report of the slot as a Tune result."""
        report: Report = ray.get(
            self._engine.poll.remote(self._slot, self._token, allowed_rung=self._allowed_rung, timeout_s=STEP_SECONDS)
        )
        if report.rung is not None:
            self._allowed_rung = max(self._allowed_rung, report.rung + 1)
        return {"report": report, "done": report.last}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing to save: the slot's state is the engine's."""

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Nothing to load."""
