"""Ray Tune's two seams, a searcher and a scheduler, both only spelling for the board."""

from __future__ import annotations

from typing import Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from autolora.search.board import Board


class BoardSearcher(Searcher):
    """Asks the board for the next lease, and tells it of ends.

    Tune pickles a searcher when a Tuner is made; the study's connection is not part of that, nor of any state that
    Tune keeps: the study is the only truth.
    """

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board: Board | None = board

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_board": None}

    @property
    def board(self) -> Board:
        """The live board; a pickled searcher has none."""
        if self._board is None:
            raise RuntimeError("this searcher was unpickled and has no study; resume the run folder instead")
        return self._board

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        """Accept Tune's settings; objectives are the study's own."""
        return True

    def set_max_concurrency(self, max_concurrent: int) -> bool:
        """Limit concurrency ourselves: ``suggest`` gives None while the engines are full."""
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next lease's configuration, None to wait, or FINISHED."""
        with self.board.noting_errors():
            suggestion = self.board.next(trial_id)
        if suggestion is None and not self.board.open and self.board.finished:
            return str(Searcher.FINISHED)
        return suggestion

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell the board of an end; the last result comes here only, not to the scheduler."""
        if self.board.fault is not None:
            self.board.open.pop(trial_id, None)  # what Tune ends now goes on when the search is resumed
            return
        with self.board.noting_errors():
            if not error and result and trial_id in self.board.open:
                if "lost" in result:
                    self.board.lose(trial_id, result["lost"])
                elif "report" in result:
                    self.board.hear(trial_id, result["report"])
            self.board.end(trial_id, error=error)

    def save(self, checkpoint_path: str) -> None:
        """Keep nothing: the study is the only truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing, likewise."""

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Keep nothing, likewise."""


class DominatedStop(FIFOScheduler):
    """Stops at a rung, or between rungs when newer results say so, what another trial dominates."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board: Board | None = board

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_board": None}

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Return Tune's CONTINUE or STOP."""
        if self._board is None or trial.trial_id not in self._board.open:
            return str(TrialScheduler.STOP)
        if "report" not in result:
            return str(TrialScheduler.STOP)
        with self._board.noting_errors():
            stop = self._board.hear(trial.trial_id, result["report"])
        return str(TrialScheduler.STOP if stop else TrialScheduler.CONTINUE)
