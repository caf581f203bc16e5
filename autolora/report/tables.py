"""Rows of the page's tables as plain records. Computes no new number and knows no HTML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autolora.records import QUANTILES, BaselineSummary, Candidate, Recommendation, SplitName, TrialRecord, TrialState
from autolora.report import words
from autolora.report.figures import validation_ci95
from autolora.report.source import SearchReport
from autolora.verdict import kept_default

SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """The recommended configuration or a baseline, side by side with the others."""

    name: str
    description: str
    chosen: bool
    tag: str
    """What the verdict says of this row: ``"recommended"``, ``"best adapter found"``, or nothing."""
    validation: float | None
    """None when no seed was trained in full."""
    validation_ci95: tuple[float, float] | None
    """None when the candidate was not confirmed."""
    test: float | None
    test_ci95: tuple[float, float] | None
    difference: tuple[float, float, float] | None
    """Chosen minus this one on the same test rows: (difference, low, high) at 95 %."""
    trainable_params: int
    adapter_bytes: int
    predicted_bytes: int
    measured_bytes: int | None
    seconds: float | None
    """Device time of the confirmation, all seeds; None when no record has it."""
    seconds_a_thousand: float | None
    """Of a thousand answers; None when nobody measured it."""


def comparison(report: SearchReport) -> tuple[ComparisonRow, ...]:
    """Return the recommended configuration first, then the baselines from the plainest up.

    Without a recommendation all confirmed candidates are compared.
    """
    candidates = report.confirm.candidates if report.confirm else ()
    recommendation = report.recommendation
    if recommendation is None:
        return tuple(_confirmed_row(report, candidate) for candidate in confirmed(report))
    rows = [row] if (row := _recommended_row(report, recommendation)) else []
    chosen = report.chosen_candidate
    for name in sorted(recommendation.baselines, key=_order):
        if chosen is None or chosen.name != name:
            candidate = next((one for one in candidates if one.name == name), None)
            rows.append(_baseline_row(report, name, recommendation.baselines[name], candidate))
    return tuple(rows)


def _order(name: str) -> tuple[int, str]:
    known = words.BASELINE_ORDER
    return (known.index(name) if name in known else len(known), name)


def _recommended_row(report: SearchReport, recommendation: Recommendation) -> ComparisonRow | None:
    if recommendation.metric is None:
        return None
    candidate = report.chosen_candidate
    description = candidate.description if candidate else ""
    if recommendation.config is not None and not description:
        description = words.configuration(recommendation.config)
    return ComparisonRow(
        name=words.chosen_name(report),
        description=description,
        chosen=True,
        tag="recommended" if recommendation.verdict == "adopt" else "best adapter found",
        validation=recommendation.metric.validation,
        validation_ci95=_interval(report, candidate),
        test=recommendation.metric.test,
        test_ci95=recommendation.metric.test_ci95,
        difference=None,
        trainable_params=recommendation.trainable_params,
        adapter_bytes=recommendation.adapter_bytes,
        predicted_bytes=recommendation.peak_memory_bytes.predicted,
        measured_bytes=recommendation.peak_memory_bytes.measured,
        seconds=candidate.seconds if candidate else None,
        seconds_a_thousand=recommendation.seconds_a_thousand,
    )


def _baseline_row(
    report: SearchReport, name: str, baseline: BaselineSummary, candidate: Candidate | None
) -> ComparisonRow:
    return ComparisonRow(
        name=words.baseline_name(name),
        description=baseline.description,
        chosen=False,
        tag="recommended" if name == _kept_default(report) else "",
        validation=baseline.metric.validation,
        validation_ci95=_interval(report, candidate),
        test=baseline.metric.test,
        test_ci95=baseline.metric.test_ci95,
        difference=_difference(report, name),
        trainable_params=baseline.trainable_params,
        adapter_bytes=baseline.adapter_bytes,
        predicted_bytes=baseline.peak_memory_bytes.predicted,
        measured_bytes=baseline.peak_memory_bytes.measured,
        seconds=baseline.seconds,
        seconds_a_thousand=baseline.seconds_a_thousand,
    )


def _confirmed_row(report: SearchReport, candidate: Candidate) -> ComparisonRow:
    return ComparisonRow(
        name=words.candidate_name(candidate),
        description=candidate.description,
        chosen=False,
        tag="",
        validation=candidate.validation,
        validation_ci95=_interval(report, candidate),
        test=candidate.test,
        test_ci95=candidate.test_ci95,
        difference=_difference(report, candidate.name),
        trainable_params=candidate.trainable_params,
        adapter_bytes=candidate.adapter_bytes,
        predicted_bytes=candidate.peak_memory_bytes,
        measured_bytes=None,
        seconds=candidate.seconds,
        seconds_a_thousand=candidate.seconds_a_thousand,
    )


def _kept_default(report: SearchReport) -> str:
    """Return which of the default's two forms the verdict keeps, a review's too; empty when it keeps neither."""
    found = report.recommendation
    if found is None:
        return ""
    return kept_default(
        found.verdict, {name: each.metric.validation for name, each in found.baselines.items()}, report.metric
    )


def _interval(report: SearchReport, candidate: Candidate | None) -> tuple[float, float] | None:
    return validation_ci95(candidate, report.metric) if candidate else None


def _difference(report: SearchReport, name: str) -> tuple[float, float, float] | None:
    return report.confirm.paired_test_differences.get(name) if report.confirm else None


def confirmed(report: SearchReport) -> tuple[Candidate, ...]:
    """Return the confirmed candidates: finalists from the best down, then baselines from the plainest up."""
    candidates = report.confirm.candidates if report.confirm else ()
    finalists = [one for one in candidates if one.kind == "finalist"]
    baselines = [one for one in candidates if one.kind == "baseline"]
    return (
        *sorted(finalists, key=lambda one: (report.metric.loss(one.validation or 0.0), one.name)),
        *sorted(baselines, key=lambda one: _order(one.name)),
    )


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """How many rows of a class each split has."""

    name: str
    rows: tuple[int, ...]
    """In the order of ``SPLITS``."""


def class_rows(report: SearchReport) -> tuple[ClassRow, ...]:
    """Return rows per class and split."""
    counts = [report.data.class_counts.get(split, ()) for split in SPLITS]
    return tuple(
        ClassRow(name=name, rows=tuple(row[place] if place < len(row) else 0 for row in counts))
        for place, name in enumerate(report.data.classes)
    )


def number_rows(report: SearchReport) -> tuple[tuple[str, tuple[float, ...]], ...]:
    """Return the quantiles of each split's labels where labels are numbers: name, and a value a split."""
    columns = [report.data.number_quantiles.get(split, ()) for split in SPLITS]
    if not all(len(column) == len(QUANTILES) for column in columns):
        return ()
    return tuple(zip(QUANTILES, zip(*columns, strict=True), strict=True))


def token_lengths(report: SearchReport) -> tuple[tuple[str, int], ...]:
    """Return the quantiles of the lengths of training texts, in tokens, with their names."""
    names = ("shortest", "5 %", "25 %", "median", "75 %", "95 %", "longest")
    lengths = report.data.token_lengths
    return tuple(zip(names, lengths, strict=True)) if len(lengths) == len(names) else ()


@dataclass(frozen=True, kw_only=True)
class FailureRow:
    """Trials that failed alike."""

    state: TrialState
    cause: str
    trials: tuple[int, ...]
    seconds: float
    """Device time that they took together."""


def failures(report: SearchReport) -> tuple[FailureRow, ...]:
    """Return the failed trials by state and cause, in the order in which each first came up."""
    alike: dict[tuple[TrialState, str], list[TrialRecord]] = {}
    for trial in report.trials:
        if trial.state.is_failure:
            alike.setdefault((trial.state, trial.cause), []).append(trial)
    return tuple(
        FailureRow(
            state=state,
            cause=cause,
            trials=tuple(trial.number for trial in trials),
            seconds=sum(trial.seconds for trial in trials),
        )
        for (state, cause), trials in alike.items()
    )


def flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every entry of nested values as a dotted path and its text."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(inner, dict) for inner in value):
        for place, inner in enumerate(value):
            yield from flat(inner, f"{path}[{place}]")
    elif isinstance(value, list | tuple):
        yield path, ", ".join(str(inner) for inner in value) or "none"
    else:
        yield path, "none" if value is None or value == {} else str(value)
