"""What pages are made from: whole, in part, and with hostile text in every place."""

from __future__ import annotations

from dataclasses import replace

from autolora.records import (
    Finding,
    Prompts,
    Reason,
    TrialState,
)
from autolora.records.robustness import RobustnessRecord
from autolora.report import SearchReport
from tests.report.made_up.beside import answers, predictions, review, robustness
from tests.report.made_up.search import confirm, data, recommendation, trials


def report() -> SearchReport:
    """Return the finished search."""
    return SearchReport(
        request={
            "version": 1,
            "name": "product-reviews",
            "data": {"path": "/home/someone/reviews.csv", "text": "text", "label": "label", "test": None, "rows": 1140},
            "base_model": "sentence-transformers/all-MiniLM-L6-v2",
            "metric": "macro_f1",
            "space": "encoder",
            "limits": {"max_params": 1_000_000, "max_memory": 850_000_000, "min_metric": None},
            "budget": {"trials": 24, "minutes": 60},
            "seed": 0,
        },
        data=data(),
        trials=trials(),
        confirm=confirm(),
        recommendation=recommendation(),
        events=(
            {"at": "2025-03-01T12:00:00Z", "event": "search started", "trials": 24},
            {"at": "2025-03-01T12:58:11Z", "event": "test split opened", "candidates": 7},
        ),
        predictions=predictions(),
        robustness=robustness(),
        review=review(),
    )


def unconfirmed() -> SearchReport:
    """Return the same search before its finalists were confirmed."""
    return replace(report(), confirm=None, recommendation=None, predictions=None, robustness=None, review=None)


def all_failed() -> SearchReport:
    """Return a search in which every trial ran out of memory before its first rung."""
    broken = tuple(
        replace(
            trial, state=TrialState.OUT_OF_MEMORY, metric=None, rungs=(), cause="does not fit on the device, even alone"
        )
        for trial in trials()
    )
    return replace(unconfirmed(), trials=broken)


def writing() -> SearchReport:
    """Return a search whose adapters write."""
    good = report()
    assert good.recommendation is not None
    assert good.recommendation.metric is not None
    return replace(
        good,
        request={**good.request, "metric": "chrf"},
        data=replace(good.data, problem="generation", classes=(), text_column="prompt", label_column="completion"),
        recommendation=replace(
            good.recommendation,
            problem="generation",
            metric=replace(good.recommendation.metric, name="chrf"),
            calibration=None,
            prompts=Prompts(
                chat_template=True,
                plain="{prompt}",
                in_pairs=False,
                stops=(2,),
                longest_answer=40,
                example="<|user|>\nquestion 1",
            ),
        ),
        answers=answers(),
        predictions=None,
        robustness=RobustnessRecord(left_out="Answers are written here; noise is put to rows that are labelled."),
    )


def many(count: int) -> SearchReport:
    """Return a finished search with so many trials."""
    given = trials()
    return replace(report(), trials=tuple(replace(given[number % 24], number=number) for number in range(count)))


HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=alert(1)>\"'&{{7*7}}%{x}"
"""What a careless page would run, load or mangle."""


def hostile() -> SearchReport:
    """Return a search with hostile text in every place that a user, a file or an error can fill."""
    good = report()
    assert good.recommendation is not None
    assert good.confirm is not None
    return replace(
        good,
        request={"name": HOSTILE, HOSTILE: HOSTILE, "list": [HOSTILE, {"inner": HOSTILE}]},
        data=replace(
            good.data,
            source=HOSTILE,
            hash=HOSTILE,
            text_column=HOSTILE,
            label_column=HOSTILE,
            classes=(HOSTILE, "positive"),
            findings=(Finding(code="x", severity="warning", message=HOSTILE),),
        ),
        trials=tuple(
            replace(trial, cause=HOSTILE, params={**trial.params, HOSTILE: trial.number}) for trial in good.trials
        ),
        confirm=replace(
            good.confirm,
            candidates=tuple(
                replace(
                    one,
                    description=HOSTILE,
                    name=one.name if one.name.startswith("finalist") else HOSTILE + one.name,
                    seeds=tuple(replace(seed, cause=HOSTILE) for seed in one.seeds),
                )
                for one in good.confirm.candidates
            ),
        ),
        recommendation=replace(
            good.recommendation,
            name=HOSTILE,
            reasons=(Reason(text=HOSTILE, fields=(HOSTILE, "recommendation.name")),),
            would_change=(Reason(text=HOSTILE, fields=(HOSTILE,)),),
            versions={HOSTILE: HOSTILE},
            base_model={"id": HOSTILE, "hash": HOSTILE},
            baselines={
                HOSTILE + name: replace(one, description=HOSTILE) for name, one in good.recommendation.baselines.items()
            },
            metric=replace(good.recommendation.metric, name=HOSTILE) if good.recommendation.metric else None,
        ),
        events=({HOSTILE: HOSTILE},),
        review=review(HOSTILE),
        predictions=replace(
            predictions(),
            predicted=predictions().predicted | {HOSTILE: predictions().truth},
            updates={f"10 {HOSTILE}": 1.0},
        ),
        answers=replace(
            answers(HOSTILE), rows=tuple(replace(row, prompt=HOSTILE, wanted=HOSTILE) for row in answers(HOSTILE).rows)
        ),
    )
