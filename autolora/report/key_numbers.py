"""The few numbers that a reader looks for first, each with its split, its unit and where it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from autolora.records import Recommendation, TrialState
from autolora.report import text, words
from autolora.report.figures import validation_ci95
from autolora.report.source import SearchReport

Origin = Literal["measured", "estimated", "entered"]


@dataclass(frozen=True, kw_only=True)
class KeyNumber:
    """One number with its name."""

    label: str
    value: str
    detail: str
    """Unit, split, rows and interval, in words."""
    origin: Origin


def key_numbers(report: SearchReport) -> tuple[KeyNumber, ...]:
    """Return the numbers of the recommendation, or of the search alone while there is none."""
    recommendation = report.recommendation
    if recommendation is None:
        return (*_best_so_far(report), _search_so_far(report))
    return (
        _scores(report, recommendation)
        + (_sizes(report, recommendation) if recommendation.config is not None else ())
        + (
            KeyNumber(
                label="Search time",
                value=text.duration(recommendation.search.seconds),
                detail=f"{text.count(recommendation.search.trials, 'trial')} and their confirmation on "
                f"{recommendation.search.device}",
                origin="measured",
            ),
        )
    )


def _scores(report: SearchReport, recommendation: Recommendation) -> tuple[KeyNumber, ...]:
    metric = recommendation.metric
    if metric is None:
        return ()
    name = text.metric_name(metric.name)
    numbers = []
    if metric.test is not None:
        detail = words.split_rows(report, "test")
        if metric.test_ci95 is not None:
            detail += f"; 95 % interval {text.interval(*metric.test_ci95)}"
        numbers.append(
            KeyNumber(label=f"{name}, test", value=text.score(metric.test), detail=detail, origin="measured")
        )
    detail = words.split_rows(report, "validation")
    if (candidate := report.chosen_candidate) and (interval := validation_ci95(candidate, report.metric)):
        done = sum(seed.state is TrialState.COMPLETE for seed in candidate.seeds)
        detail += f", mean of {text.count(done, 'seed')}; 95 % interval {text.interval(*interval)}"
    numbers.append(
        KeyNumber(label=f"{name}, validation", value=text.score(metric.validation), detail=detail, origin="measured")
    )
    return tuple(numbers)


def _sizes(report: SearchReport, recommendation: Recommendation) -> tuple[KeyNumber, ...]:
    memory = recommendation.peak_memory_bytes
    predicted = f"predicted before training: {text.size(memory.predicted)}"
    return (
        KeyNumber(
            label="Trainable parameters",
            value=text.number(recommendation.trainable_params),
            detail=f"parameters; {text.percent(recommendation.trainable_fraction)} of the base model's",
            origin="measured",
        ),
        KeyNumber(
            label="Adapter size",
            value=text.size(recommendation.adapter_bytes),
            detail="weights on disk, head included",
            origin="measured",
        ),
        KeyNumber(
            label="Peak training memory",
            value=text.size(memory.predicted if memory.measured is None else memory.measured),
            detail="predicted; not measured" if memory.measured is None else f"measured alone; {predicted}",
            origin="estimated" if memory.measured is None else "measured",
        ),
    )


def _best_so_far(report: SearchReport) -> tuple[KeyNumber, ...]:
    scored = [
        (trial.metric, trial.number)
        for trial in report.trials
        if trial.state is TrialState.COMPLETE and trial.metric is not None and math.isfinite(trial.metric)
    ]
    if not scored:
        return ()
    value, number = min(scored, key=lambda one: (report.guide.loss(one[0]), one[1]))
    return (
        KeyNumber(
            label=f"Best {text.metric_name(report.guide.name)} so far, validation",
            value=text.score(value),
            detail=f"{words.split_rows(report, 'validation', exploring=True)}; trial {number}, the best of "
            f"{len(scored)}, and so better than it will prove",
            origin="measured",
        ),
    )


def _search_so_far(report: SearchReport) -> KeyNumber:
    return KeyNumber(
        label="Device time so far",
        value=text.duration(sum(trial.seconds for trial in report.trials)),
        detail=f"{text.count(len(report.trials), 'trial')}"
        + (f": {words.state_counts(report.trials)}" if report.trials else ""),
        origin="measured",
    )
