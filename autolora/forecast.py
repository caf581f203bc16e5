"""What a search will take, by its plan and by speeds that were measured. Pure arithmetic; trains nothing.

A part's likely time is what the plan counts of it; ``SPREAD`` is how far the whole may be off
(``benchmarks/forecasts.py`` compares).
"""

from __future__ import annotations

from dataclasses import replace

from autolora import plan as plans
from autolora.engine.costs import CostModel
from autolora.grids import default_config
from autolora.limits import extremes
from autolora.plan import Plan, Sizes, Work
from autolora.records.forecast import AdapterForecast, PartForecast, Seconds
from autolora.space import Space

SPREAD = 0.3
"""Share by which the whole may take more or less."""
TRIAL_SHARE = 0.35
"""Of its full length, what a trial is trained on average where all that are wanted are tried."""


def expected(budget: float, sizes: Sizes, work: Work, *, begun: float) -> Plan:
    """Return the plan of a search with what its parts are likely to take, none of them without an end.

    Args:
        budget: Seconds of the whole search; infinite without a limit.
        sizes: Rows that there are.
        work: What they take.
        begun: Seconds that reading and starting take.
    """
    made = plans.make(budget, sizes, work, begun=begun)
    full = work.exploring(made.explore_train, made.explore_validation)
    explore = min(made.explore_seconds, TRIAL_SHARE * work.trials * full)
    return replace(
        made, explore_seconds=explore, confirm_seconds=work.confirming(made.confirm), trainings=explore / full
    )


def parts_of(made: Plan) -> tuple[PartForecast, ...]:
    """Return the parts of a plan with their likely times."""
    confirm = made.confirm
    return (
        PartForecast(name="start", seconds=made.begun, train=0, scored=0),
        PartForecast(
            name="explore", seconds=made.explore_seconds, train=made.explore_train, scored=made.explore_validation
        ),
        PartForecast(name="confirm", seconds=made.confirm_seconds, train=confirm.train, scored=confirm.validation),
        PartForecast(name="close", seconds=made.closing_seconds, train=0, scored=made.test),
    )


def total_of(made: Plan, budget: float) -> Seconds:
    """Return what a plan takes: at least, most likely and at most, which is never more than the budget."""
    likely = min(made.seconds, budget)
    return (1 - SPREAD) * likely, likely, min((1 + SPREAD) * likely, budget)


def adapters_of(space: Space, costs: CostModel) -> tuple[AdapterForecast, ...]:
    """Return what the cheapest and the dearest adapter of a space cost, and the default."""
    batch_size, epochs = int(space.usual("batch_size")), float(space.usual("epochs"))
    cheapest, dearest = extremes(space, costs)
    of_name = {"cheapest": cheapest, "default": default_config(costs, epochs, batch_size), "dearest": dearest}
    return tuple(
        AdapterForecast(
            name=name,  # type: ignore[arg-type]
            trainable_params=costs.trainable_params(config),
            adapter_bytes=costs.adapter_bytes(config),
            peak_memory_bytes=costs.peak_memory_bytes(config),
        )
        for name, config in of_name.items()
    )
