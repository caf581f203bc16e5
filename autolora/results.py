"""A finished or unfinished search as a value: read from its run folder, asked for its table and its recommendation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autolora.errors import RunFolderError
from autolora.objectives import Objective, guide_of, recorded_metric
from autolora.records import (
    AnswersRecord,
    ConfirmRecord,
    DataRecord,
    PredictionsRecord,
    Recommendation,
    TrialRecord,
)
from autolora.records.review import ReviewRecord
from autolora.records.robustness import RobustnessRecord
from autolora.store import RunFolder

COLUMNS = (
    "trial", "state", "metric", "trainable_params", "peak_memory_bytes", "trained_share", "rank", "alpha", "use_rslora",
    "target_modules", "layers", "learning_rate", "seconds", "cause",
)  # fmt: skip
"""Of a trial as a flat row."""


@dataclass(frozen=True, kw_only=True)
class SearchRecord:
    """Everything a run folder says about its search."""

    path: Path
    request: dict[str, Any]
    data: DataRecord
    trials: tuple[TrialRecord, ...]
    confirm: ConfirmRecord | None
    """None until the finalists have been trained again."""
    recommendation: Recommendation | None
    """None until the search has been judged."""
    answers: AnswersRecord | None = None
    """What was answered to the test rows, where answers are written."""
    predictions: PredictionsRecord | None = None
    """What is said of the test rows, where they are labelled."""
    robustness: RobustnessRecord | None = None
    """How adapters do on test rows with noise; None before these were looked at."""
    review: ReviewRecord | None = None
    """What those who do the work said of its answers; None where they were not asked."""
    events: tuple[dict[str, Any], ...]

    @property
    def metric(self) -> Objective:
        """The metric that decides."""
        return recorded_metric(str(self.request.get("metric", "")))

    @property
    def guide(self) -> Objective:
        """The metric that trials are compared by."""
        return guide_of(self.metric, self.data.problem)

    def leaderboard(self) -> list[dict[str, Any]]:
        """Return the trials as flat rows, best metric first; those without a score last."""
        metric = self.guide
        ordered = sorted(
            self.trials, key=lambda t: (t.metric is None, metric.loss(t.metric or 0.0), t.trainable_params or 0)
        )
        return [row(trial) for trial in ordered]


def read(path: str | Path) -> SearchRecord:
    """Return what a run folder holds.

    Raises:
        RunFolderError: If it is none, is damaged, or its search has not read its data yet.
    """
    run = RunFolder.existing(Path(path))
    data = run.data()
    if data is None:
        raise RunFolderError(
            f"the search in {str(path)!r} ended before it had read its data", "start it again with --resume"
        )
    return SearchRecord(
        path=run.path,
        request=run.request(),
        data=data,
        trials=run.trials(),
        confirm=run.confirm(),
        recommendation=run.recommendation(),
        answers=run.answers(),
        predictions=run.predictions(),
        robustness=run.robustness(),
        review=run.review(),
        events=run.events(),
    )


def row(trial: TrialRecord) -> dict[str, Any]:
    """Return a trial as one flat row of ``COLUMNS``."""
    config = trial.config
    return {
        "trial": trial.number,
        "state": trial.state.value,
        "metric": trial.metric,
        "trainable_params": trial.trainable_params,
        "peak_memory_bytes": trial.peak_memory_bytes,
        "trained_share": trial.rungs[-1].share if trial.rungs else 0.0,
        "rank": config.rank if config else None,
        "alpha": config.alpha if config else None,
        "use_rslora": config.use_rslora if config else None,
        "target_modules": trial.params.get("target_modules") or (list(config.target_modules) if config else None),
        "layers": trial.params.get("layers") or (list(config.layers) if config else None),
        "learning_rate": config.learning_rate if config else None,
        "seconds": round(trial.seconds, 2),
        "cause": trial.cause,
    }
