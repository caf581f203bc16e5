"""What a report is made from: the records of one search. Knows no file, no engine and no page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from autolora.objectives import Objective, guide_of, recorded_metric
from autolora.records import (
    AnswersRecord,
    Candidate,
    ConfirmRecord,
    DataRecord,
    PredictionsRecord,
    Recommendation,
    SplitName,
    TrialRecord,
)
from autolora.records.review import ReviewRecord
from autolora.records.robustness import RobustnessRecord


@dataclass(frozen=True, kw_only=True)
class SearchReport:
    """Everything that a run folder holds about one search."""

    request: dict[str, Any]
    """Content of ``task.yaml``, every default filled in."""
    data: DataRecord
    trials: tuple[TrialRecord, ...]
    confirm: ConfirmRecord | None
    """None until the finalists have been trained again."""
    recommendation: Recommendation | None
    """None until the search has been judged."""
    events: tuple[dict[str, Any], ...]
    """Lines of ``events.jsonl`` in order."""
    answers: AnswersRecord | None = None
    """What was answered to the test rows, where answers are written."""
    predictions: PredictionsRecord | None = None
    """What is said of the test rows, where they are labelled."""
    robustness: RobustnessRecord | None = None
    """How adapters do on test rows with noise."""
    review: ReviewRecord | None = None
    """What those who do the work said of its answers."""
    holds_texts: bool = True
    """Whether prompts and answers from the data may stand in it."""
    reopened_test: bool = False
    """Whether the test split had been opened before, for another choice."""

    @property
    def name(self) -> str:
        """What the user calls the task."""
        if self.recommendation is not None:
            return self.recommendation.name
        return str(self.request.get("name") or self.data.source)

    @property
    def metric_key(self) -> str:
        """The metric's name in the records, e.g. ``"macro_f1"``."""
        if self.recommendation is not None and self.recommendation.metric is not None:
            return self.recommendation.metric.name
        metric = self.request.get("metric")
        return metric if isinstance(metric, str) and metric else "score"

    @property
    def metric(self) -> Objective:
        """The metric."""
        return recorded_metric(self.metric_key)

    @property
    def guide(self) -> Objective:
        """The metric that trials are compared by."""
        return guide_of(self.metric, self.data.problem)

    @property
    def base_model(self) -> str:
        """Id of the base model, or an empty text when no record names one."""
        if self.recommendation is not None:
            return self.recommendation.base_model.get("id", "")
        model = self.shareable_request.get("base_model")
        return model if isinstance(model, str) else ""

    @property
    def shareable_request(self) -> dict[str, Any]:
        """The request with absolute paths cut to their last name: where files lie is nobody else's business."""
        cut: dict[str, Any] = _without_folders(self.request)
        return cut

    @property
    def chosen_trial(self) -> TrialRecord | None:
        """The trial that the recommendation speaks of."""
        if self.recommendation is None or self.recommendation.trial is None:
            return None
        return next((trial for trial in self.trials if trial.number == self.recommendation.trial), None)

    @property
    def chosen_candidate(self) -> Candidate | None:
        """The confirmed candidate that the recommendation speaks of: by its trial, else by its configuration."""
        if self.recommendation is None or self.confirm is None or self.recommendation.config is None:
            return None
        for candidate in self.confirm.candidates:
            if self.recommendation.trial is not None and candidate.trial == self.recommendation.trial:
                return candidate
        for candidate in self.confirm.candidates:
            if candidate.config == self.recommendation.config:
                return candidate
        return None

    def rows_in(self, split: SplitName) -> int:
        """Return how many rows a split has."""
        return len(self.data.split_row_ids.get(split, ()))

    def rows_used(self, split: SplitName, *, exploring: bool = False) -> int:
        """Return how many of a split's rows finalists and baselines, or the trials before them, were given."""
        planned, confirmed = self._first("plan"), self._first("confirm")
        if split == "test":
            used = planned.get("test")
        elif exploring:
            used = planned.get(f"explore_{split}")
        else:
            used = confirmed.get(split)
        return int(used) if used is not None else self.rows_in(split)

    def _first(self, kind: str) -> dict[str, Any]:
        return next((event for event in self.events if event.get("event") == kind), {})

    @property
    def predicting_candidate(self) -> Candidate | None:
        """The chosen candidate, if it is known what it says of the test rows."""
        chosen, found = self.chosen_candidate, self.predictions
        return chosen if chosen is not None and found is not None and chosen.name in found.predicted else None


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_folders(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_folders(inner) for inner in value]
    if isinstance(value, str):
        for path in (PurePosixPath(value), PureWindowsPath(value)):
            if path.is_absolute() and path.name:
                return path.name
    return value
