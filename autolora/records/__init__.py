"""Frozen values that rooms hand to each other and that the run folder keeps. They know no library but msgspec.

Sizes are bytes, durations seconds, times ISO 8601 in UTC, shares between 0 and 1; every name says which.
"""

from __future__ import annotations

from autolora.records.as_json import from_json, to_json
from autolora.records.confirmed import (
    AnsweredRow,
    AnswersRecord,
    Candidate,
    ConfirmRecord,
    GeneralText,
    PredictionsRecord,
    Prompts,
    SeedResult,
    SensitivityPoint,
)
from autolora.records.data import DataRecord, Dataset, Finding, Split
from autolora.records.kinds import QUANTILES, Label, Precision, ProblemType, SplitName, TrialState, Verdict
from autolora.records.machine import Fact
from autolora.records.recommendation import (
    BaselineSummary,
    Calibration,
    CoveragePoint,
    DataSummary,
    FrontPoint,
    MemorySummary,
    MetricSummary,
    Reason,
    Recommendation,
    ReliabilityBin,
    SearchSummary,
)
from autolora.records.trials import AdapterConfig, RungRecord, Score, TrialRecord

__all__ = [
    "QUANTILES",
    "AdapterConfig",
    "AnsweredRow",
    "AnswersRecord",
    "BaselineSummary",
    "Calibration",
    "Candidate",
    "ConfirmRecord",
    "CoveragePoint",
    "DataRecord",
    "DataSummary",
    "Dataset",
    "Fact",
    "Finding",
    "FrontPoint",
    "GeneralText",
    "Label",
    "MemorySummary",
    "MetricSummary",
    "Precision",
    "PredictionsRecord",
    "ProblemType",
    "Prompts",
    "Reason",
    "Recommendation",
    "ReliabilityBin",
    "RungRecord",
    "Score",
    "SearchSummary",
    "SeedResult",
    "SensitivityPoint",
    "Split",
    "SplitName",
    "TrialRecord",
    "TrialState",
    "Verdict",
    "from_json",
    "to_json",
]
