"""Ray Tune's two seams, a searcher and a scheduler, both only spelling for the boards."""

from __future__ import annotations

from typing import Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from autolora.search.boards import Boards


class BoardSearcher(Searcher):
    """Asks the boards for the next lease, and tells them of ends.

    Tune pickles a searcher when a Tuner is made; the studies' connections are not part of that, nor of any state that
    Tune keeps: the studies are the only truth.
    """

    def __init__(self, boards: Boards) -> None:
        super().__init__()
        self._boards: Boards | None = boards

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_boards": None}

    @property
    def boards(self) -> Boards:
        """The live boards; a pickled searcher has none."""
        if self._boards is None:
            raise RuntimeError("this searcher was unpickled and has no study; resume the run folder instead")
        return self._boards

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        """Accept Tune's settings; objectives are the studies' own."""
        return True

    def set_max_concurrency(self, max_concurrent: int) -> bool:
        """Limit concurrency ourselves: ``suggest`` gives None while the engines are full."""
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next lease's configuration, None to wait, or FINISHED."""
        suggestion = self.boards.next(trial_id)
        return str(Searcher.FINISHED) if suggestion is None and self.boards.over else suggestion

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell the boards of an end; the last result comes here only, not to the scheduler."""
        self.boards.end(trial_id, result, error=error)

    def save(self, checkpoint_path: str) -> None:
        """Keep nothing: the studies are the only truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing, likewise."""

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Keep nothing, likewise."""


class DominatedStop(FIFOScheduler):
    """Stops at a rung, or between rungs when newer results say so, what another trial dominates."""

    def __init__(self, boards: Boards) -> None:
        super().__init__()
        self._boards: Boards | None = boards

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_boards": None}

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Return Tune's CONTINUE or STOP."""
        stops = self._boards is None or self._boards.hear(trial.trial_id, result)
        return str(TrialScheduler.STOP if stops else TrialScheduler.CONTINUE)
