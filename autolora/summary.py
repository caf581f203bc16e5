"""Puts what was found into ``recommendation.json``'s shape. Pure: decides and computes nothing but the hypervolume."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from autolora.confirm import Confirmed
from autolora.engine.start import EngineFacts
from autolora.objectives import BY_LIKELIHOOD, Objective
from autolora.pareto import PARAMS_BEST, PARAMS_WORST, WRITING_PARAMS_BEST, WRITING_PARAMS_WORST, hypervolume
from autolora.prospects import would_change
from autolora.recommend import front
from autolora.records import (
    BaselineSummary,
    Calibration,
    Candidate,
    Dataset,
    DataSummary,
    FrontPoint,
    MemorySummary,
    MetricSummary,
    Recommendation,
    SearchSummary,
    TrialRecord,
    TrialState,
)
from autolora.request import Request
from autolora.verdict import Choice


def recommendation(
    *,
    request: Request,
    trials: tuple[TrialRecord, ...],
    confirmed: Confirmed,
    choice: Choice,
    kept: str = "",
    metric: Objective,
    guide: Objective,
    facts: EngineFacts,
    dataset: Dataset,
    used: Dataset,
    seconds: float,
    kilowatt_hours: float | None = None,
    measured_memory: int | None,
    calibration: Calibration | None = None,
    rates: tuple[float, float] | None = None,
) -> Recommendation:
    """Return the recommendation of a search that has come to its end.

    Args:
        request: What was asked for.
        trials: All that were explored.
        confirmed: Finalists and baselines.
        choice: The decision.
        kept: Which of the default's forms it keeps; empty where it keeps none.
        metric: That decides.
        guide: By which trials were compared.
        facts: Of the engine.
        dataset: All rows.
        used: The rows that were confirmed on.
        seconds: Of the whole search.
        kilowatt_hours: Likewise; None where they were not counted.
        measured_memory: Of the chosen configuration alone; None where it was not measured.
        calibration: Of the adapter that the verdict would have used.
        rates: Lowest and highest learning rate that were searched; None where one rate was.
    """
    chosen = choice.candidate
    return Recommendation(
        name=request.name,
        verdict=choice.verdict,
        reasons=choice.reasons,
        would_change=would_change(confirmed.chosen, confirmed.record, metric, request.limits, rates=rates),
        kept=kept,
        problem=dataset.problem,
        threshold=chosen.seeds[0].threshold if chosen else None,
        config=chosen.config if chosen else None,
        trial=chosen.trial if chosen else None,
        metric=_metric(chosen, metric) if chosen else None,
        trainable_params=chosen.trainable_params if chosen else 0,
        trainable_fraction=chosen.trainable_params / facts.base_params if chosen else 0.0,
        adapter_bytes=chosen.adapter_bytes if chosen else 0,
        peak_memory_bytes=MemorySummary(predicted=chosen.peak_memory_bytes if chosen else 0, measured=measured_memory),
        seconds_a_thousand=chosen.seconds_a_thousand if chosen else None,
        baselines={
            c.name: BaselineSummary(
                description=c.description,
                metric=_metric(c, metric),
                trainable_params=c.trainable_params,
                trainable_fraction=c.trainable_params / facts.base_params,
                adapter_bytes=c.adapter_bytes,
                peak_memory_bytes=_memory(c),
                seconds=c.seconds,
                seconds_a_thousand=c.seconds_a_thousand,
                config=c.config,
            )
            for c in confirmed.record.candidates
            if c.kind == "baseline"
        },
        front=tuple(
            FrontPoint(
                trial=t.number,
                config=t.config,
                validation=t.metric,
                trainable_params=t.trainable_params or 0,
                peak_memory_bytes=t.peak_memory_bytes or 0,
            )
            for t in front(trials, guide)
            if t.config is not None and t.metric is not None
        ),
        search=replace(_search(trials, metric, guide, facts, confirmed.floor, seconds), kilowatt_hours=kilowatt_hours),
        versions=facts.versions,
        data=DataSummary(
            source=dataset.source,
            hash=dataset.hash,
            rows=len(dataset.train) + len(dataset.validation) + len(dataset.test),
            splits=_sizes(dataset),
            used=_sizes(used),
        ),
        base_model={"id": facts.base_id, "hash": facts.base_hash},
        precision=facts.precision,
        seed=chosen.seeds[0].seed if chosen else request.seed,
        calibration=calibration,
        prompts=facts.prompts,
        answers=dataset.answers if metric.name in BY_LIKELIHOOD and facts.prompts is not None else (),
    )


def _memory(candidate: Candidate) -> MemorySummary:
    """Return the memory of training a candidate: of what has no low-rank matrices it was measured."""
    if candidate.config is None and candidate.peak_memory_bytes:
        return MemorySummary(predicted=0, measured=candidate.peak_memory_bytes)
    return MemorySummary(predicted=candidate.peak_memory_bytes)


def _sizes(dataset: Dataset) -> dict[str, int]:
    return {"train": len(dataset.train), "validation": len(dataset.validation), "test": len(dataset.test)}


def _metric(candidate: Candidate, metric: Objective) -> MetricSummary:
    return MetricSummary(
        name=metric.name, validation=candidate.validation, test=candidate.test, test_ci95=candidate.test_ci95
    )


def _search(
    trials: tuple[TrialRecord, ...],
    metric: Objective,
    guide: Objective,
    facts: EngineFacts,
    floor: float,
    seconds: float,
) -> SearchSummary:
    counts = Counter(t.state for t in trials)
    points = front(trials, guide)
    smallest, largest = PARAMS_BEST, PARAMS_WORST
    if facts.prompts is not None:
        smallest, largest = WRITING_PARAMS_BEST, WRITING_PARAMS_WORST
    return SearchSummary(
        metric="" if guide == metric else guide.name,
        trials=len(trials) - counts[TrialState.REFUSED],
        completed=counts[TrialState.COMPLETE],
        stopped=counts[TrialState.STOPPED],
        failed=sum(count for state, count in counts.items() if state.is_failure),
        refused=counts[TrialState.REFUSED],
        seconds=seconds,
        device=facts.device,
        hypervolume=hypervolume(
            [t.metric or 0.0 for t in points],
            [t.trainable_params or 1 for t in points],
            floor=floor,
            best=1.0 if guide.best is None else guide.best,
            best_params=smallest,
            worst_params=largest,
        ),
        hypervolume_reference={"metric_floor": floor, "params_best": smallest, "params_worst": largest},
    )
