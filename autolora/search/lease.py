"""A Ray Tune trial as a thin lease: it holds an engine slot while it lives and trains nothing itself.

``step`` returns within a second, with progress or a rung's result. That the next ``step`` is called at all is Tune's
decision to go on: only then is the engine allowed to train towards the next rung.
"""

from __future__ import annotations

from typing import Any

import ray
from ray import tune

from autolora.engine.jobs import Report
from autolora.errors import EngineLost
from autolora.search.engine_actor import answer

STEP_SECONDS = 0.5


class Lease(tune.Trainable):
    """Holds one slot of one engine.

    It claims the slot in its first step, not before: Tune may set up an actor for a trial, move the trial to a cached
    actor instead, and end the first one only after the trial itself has ended.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Note which slot to hold."""
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Note another slot, in the same process."""
        self._name = str(new_config["engine"])
        self._engine: Any = None
        self._slot = str(new_config["slot"])
        self._allowed_rung = int(new_config["first_rung"])
        self._token: int | None = None
        return True

    def step(self) -> dict[str, Any]:
        """Return the next report of the slot as a Tune result, or that its engine is lost."""
        try:
            report = self._report()
        except EngineLost as lost:
            return {"lost": lost, "done": True}
        if report.rung is not None:
            self._allowed_rung = max(self._allowed_rung, report.rung + 1)
        return {"report": report, "done": report.last}

    def _report(self) -> Report:
        if self._engine is None:
            try:
                self._engine = ray.get_actor(self._name)
            except ValueError as error:  # Ray knows no living actor of that name
                raise EngineLost("an engine process has ended", "resume the search") from error
        if self._token is None:
            self._token = answer(self._engine.claim.remote(self._slot))
        report: Report = answer(
            self._engine.poll.remote(self._slot, self._token, allowed_rung=self._allowed_rung, timeout_s=STEP_SECONDS)
        )
        return report

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing to save: the slot's state is the engine's."""

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Nothing to load."""
