"""What a search would take: the engines are started and timed, nothing is trained, and nothing is written."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from autolora import plan as plans
from autolora import request
from autolora.forecast import SPREAD, adapters_of, expected, parts_of, total_of
from autolora.portions import Portions, sizes_of
from autolora.prepared import startable
from autolora.records.forecast import Forecast
from autolora.request import Request
from autolora.starting import measured_work, started


def forecast(wanted: Request, *, stage: Callable[[str], None] = lambda text: None) -> Forecast:
    """Return what the search of a request would take on this machine.

    Args:
        wanted: What is asked for.
        stage: Is told what is being done.

    Raises:
        InputError: If anything about the request is wrong, as a search would say it.
    """
    begun = time.monotonic()
    wanted = request.with_paths_from(wanted, Path.cwd())
    stage("Reading the data")
    prepared = startable(wanted)
    stage("Starting the engine and timing it")
    portions = Portions(dataset=prepared.dataset, seed=wanted.seed, limited=True)
    with started(prepared, portions) as (_, engines):
        work, costs = measured_work(prepared, engines), engines.facts.costs
        assert work is not None, "the engines were not timed"
        taken = time.monotonic() - begun
        budget = math.inf if prepared.minutes is None else prepared.minutes * 60
        sizes = sizes_of(prepared.dataset)
        made = expected(budget, sizes, work, begun=taken)
        return Forecast(
            name=wanted.name,
            base_model=prepared.checkpoint.id,
            device=engines.facts.device,
            engines=len(engines.ready()),
            classes=len(prepared.dataset.classes),
            rows={"train": sizes.train, "validation": sizes.validation, "test": sizes.test},
            trials=wanted.budget.trials,
            trainings=made.trainings,
            finalists=made.confirm.depth.finalists,
            baselines=wanted.baselines,
            parts=parts_of(made),
            seconds=total_of(made, budget),
            spread=SPREAD,
            budget_seconds=None if math.isinf(budget) else budget,
            enough=made.enough,
            in_words=plans.in_words(made, budget),
            adapters=adapters_of(prepared.space, costs),
            weight_bytes=costs.weight_bytes,
            training_seconds=work.epochs * sizes.train * work.per_default_row,
            seconds_a_thousand=1000 * (work.per_answer if work.writes else work.per_score),
            calibration_seconds=taken,
        )
