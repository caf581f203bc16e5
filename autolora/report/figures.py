"""Plain records of what each figure shows. Knows records, not plotly: drawing is another file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from autolora.objectives import Objective
from autolora.records import Candidate, TrialRecord, TrialState
from autolora.report import text, words
from autolora.report.source import SearchReport

PointKind = Literal["chosen", "front", "beaten", "stopped", "failed", "refused", "unfinished", "baseline"]
Cost = Literal["trainable_params", "peak_memory_bytes"]


@dataclass(frozen=True, kw_only=True)
class ParetoPoint:
    """One trial or baseline."""

    label: str
    kind: PointKind
    cost: float
    """Parameters or bytes."""
    score: float | None
    """On the validation split; None for a trial that has none."""
    note: str
    """What a reader sees when pointing at it."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """A baseline without an adapter: it has a score, but no place on an axis of adapter costs."""

    label: str
    score: float


@dataclass(frozen=True, kw_only=True)
class ParetoFigure:
    """Metric against one cost."""

    cost: Cost
    metric: str
    split: str
    """Split and rows behind the scores, e.g. ``"validation, 340 rows"``."""
    points: tuple[ParetoPoint, ...]
    line: tuple[tuple[float, float], ...]
    """Cost and score of the trials that no other completed trial beats on both, by rising cost."""
    levels: tuple[Level, ...]
    unplaced: int
    """Trials that ended before their cost was known."""
    missing: str = ""
    """Why there is nothing to draw."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Scores of one trial at its rungs."""

    trial: int
    kind: Literal["chosen", "complete", "stopped", "failed", "unfinished"]
    points: tuple[tuple[float, float], ...]
    """Share of the full training length, and score."""


@dataclass(frozen=True, kw_only=True)
class RungFigure:
    """How the trials developed."""

    metric: str
    split: str
    shares: tuple[float, ...]
    """Every rung that some trial reached."""
    curves: tuple[Curve, ...]
    missing: str = ""


@dataclass(frozen=True, kw_only=True)
class ConfirmedPoint:
    """One confirmed candidate."""

    label: str
    chosen: bool
    validation: float
    validation_ci95: tuple[float, float]
    seeds: tuple[float, ...]
    """Validation score of each completed seed."""
    test: float | None
    test_ci95: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class ConfirmedFigure:
    """Confirmed candidates with their intervals."""

    metric: str
    less_is_better: bool
    points: tuple[ConfirmedPoint, ...]
    """Best validation score first."""
    missing: str = ""


def pareto_figure(report: SearchReport, cost: Cost) -> ParetoFigure:
    """Return the metric against trainable parameters or against predicted peak memory."""
    line = front_line(
        [
            (float(value), trial.metric)
            for trial in report.trials
            if trial.state is TrialState.COMPLETE
            and (value := getattr(trial, cost)) is not None
            and trial.metric is not None
            and math.isfinite(trial.metric)
        ],
        report.guide,
    )
    placed = [trial for trial in report.trials if getattr(trial, cost) is not None]
    adapters, levels = _baselines(report.confirm.candidates if report.confirm else (), cost)
    if report.guide != report.metric:  # baselines were scored by another metric than trials were compared by
        reference = report.recommendation.search.hypervolume_reference if report.recommendation else {}
        free = reference.get("metric_floor")
        adapters, levels = (), (Level(label="Base", score=free),) if free is not None else ()
    chosen = report.chosen_trial
    points = tuple(
        _trial_point(trial, cost, line, is_chosen=chosen is not None and trial.number == chosen.number)
        for trial in placed
    )
    nothing = not any(point.score is not None for point in points)
    return ParetoFigure(
        cost=cost,
        metric=text.metric_name(report.guide.name),
        split=words.split_rows(report, "validation", exploring=True),
        points=points + adapters,
        line=line,
        levels=levels,
        unplaced=len(report.trials) - len(placed),
        missing=f"There is no trade-off to draw. {words.why_no_complete_trial(report.trials)}" if nothing else "",
    )


def front_line(points: Sequence[tuple[float, float]], metric: Objective) -> tuple[tuple[float, float], ...]:
    """Return the points of (cost, score) that no other beats, by rising cost; equal points count once."""
    line: list[tuple[float, float]] = []
    for cost, score in sorted(points, key=lambda point: (point[0], metric.loss(point[1]))):
        if not line or metric.better(score, line[-1][1]):
            line.append((cost, score))
    return tuple(line)


def _trial_point(
    trial: TrialRecord, cost: Cost, line: tuple[tuple[float, float], ...], *, is_chosen: bool
) -> ParetoPoint:
    value = float(getattr(trial, cost))
    score = trial.metric if trial.metric is not None and math.isfinite(trial.metric) else None
    kind: PointKind
    if is_chosen:
        kind = "chosen"
    elif trial.state is TrialState.COMPLETE:
        kind = "front" if (value, score) in line else "beaten"
    elif trial.state is TrialState.STOPPED:
        kind = "stopped"
    elif trial.state is TrialState.REFUSED:
        kind = "refused"
    else:
        kind = "failed" if trial.state.is_failure else "unfinished"
    return ParetoPoint(label=f"Trial {trial.number}", kind=kind, cost=value, score=score, note=_note(trial))


def _note(trial: TrialRecord) -> str:
    parts = [f"Trial {trial.number}, {words.STATES[trial.state]}"]
    if trial.state is TrialState.STOPPED and trial.rungs:
        parts[0] += f" at {text.percent(trial.rungs[-1].share)} of the training"
    if trial.metric is not None:
        parts.append(f"score {text.score(trial.metric)}")
    if trial.trainable_params is not None:
        parts.append(text.count(trial.trainable_params, "parameter"))
    if trial.peak_memory_bytes is not None:
        parts.append(text.size(trial.peak_memory_bytes))
    if trial.config is not None:
        parts.append(f"rank {trial.config.rank}, layers {text.ranges(trial.config.layers)}")
    return "; ".join(parts)


def _baselines(candidates: Sequence[Candidate], cost: Cost) -> tuple[tuple[ParetoPoint, ...], tuple[Level, ...]]:
    baselines = [one for one in candidates if one.kind == "baseline"]
    points = tuple(
        ParetoPoint(
            label=words.candidate_name(one),
            kind="baseline",
            cost=float(getattr(one, cost)),
            score=score,
            note="; ".join(
                (
                    words.candidate_name(one),
                    f"score {text.score(score)}",
                    text.count(one.trainable_params, "parameter"),
                    text.size(one.peak_memory_bytes),
                )
            ),
        )
        for one in baselines
        if one.config is not None and (score := one.validation) is not None
    )
    levels = tuple(
        Level(label=words.candidate_name(one), score=one.validation)
        for one in baselines
        if one.config is None and one.validation is not None
    )
    return points, levels


def rung_figure(report: SearchReport) -> RungFigure:
    """Return the scores of every trial at every rung that it reached."""
    chosen = report.chosen_trial
    curves = tuple(
        Curve(trial=trial.number, kind=_curve_kind(trial, chosen), points=points)
        for trial in report.trials
        if (points := _scored_rungs(trial))
    )
    shares = tuple(sorted({share for curve in curves for share, _ in curve.points}))
    missing = "" if curves else "No trial reached a rung, so there is no development to draw."
    return RungFigure(
        metric=text.metric_name(report.guide.name),
        split=words.split_rows(report, "validation", exploring=True),
        shares=shares,
        curves=curves,
        missing=missing,
    )


def _scored_rungs(trial: TrialRecord) -> tuple[tuple[float, float], ...]:
    return tuple((rung.share, rung.score.value) for rung in trial.rungs if math.isfinite(rung.score.value))


def _curve_kind(
    trial: TrialRecord, chosen: TrialRecord | None
) -> Literal["chosen", "complete", "stopped", "failed", "unfinished"]:
    if chosen is not None and trial.number == chosen.number:
        return "chosen"
    if trial.state is TrialState.COMPLETE:
        return "complete"
    if trial.state is TrialState.STOPPED:
        return "stopped"
    return "failed" if trial.state.is_failure else "unfinished"


def confirmed_figure(report: SearchReport) -> ConfirmedFigure:
    """Return every confirmed candidate with its seeds and intervals."""
    candidates = report.confirm.candidates if report.confirm else ()
    chosen = report.chosen_candidate
    points = tuple(
        ConfirmedPoint(
            label=words.candidate_name(candidate),
            chosen=chosen is not None and candidate.name == chosen.name,
            validation=score,
            validation_ci95=interval,
            seeds=tuple(seed.validation.value for seed in candidate.seeds if seed.validation is not None),
            test=candidate.test,
            test_ci95=candidate.test_ci95,
        )
        for candidate in sorted(candidates, key=lambda one: (report.metric.loss(one.validation or 0.0), one.name))
        if (score := candidate.validation) is not None
        and (interval := validation_ci95(candidate, report.metric)) is not None
    )
    missing = "" if points else "No candidate was trained in full." if candidates else words.why_no_confirm(report)
    return ConfirmedFigure(
        metric=text.metric_name(report.metric_key),
        less_is_better=report.metric.direction == "minimize",
        points=points,
        missing=missing,
    )


def validation_ci95(candidate: Candidate, metric: Objective) -> tuple[float, float] | None:
    """Return the normal 95 % interval of a candidate's mean validation score, in bounds; None without a score."""
    if candidate.validation is None or candidate.validation_standard_error is None:
        return None
    reach = 1.96 * candidate.validation_standard_error
    return metric.inside(candidate.validation - reach), metric.inside(candidate.validation + reach)
