"""The engines of a request whose parts were checked: started, and known to keep its limits. Trains nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autolora.engine.start import EngineSpec
from autolora.grids import DEFAULT_CHOICE, HEAD_CHOICE
from autolora.limits import check_limits, pairs
from autolora.plan import Work
from autolora.portions import Portions, work_of
from autolora.prepared import Prepared
from autolora.search.cluster import open_cluster
from autolora.search.engines import Engines
from autolora.search.pool import Pool, open_pool
from autolora.tasks.problems import problem_of


@contextmanager
def started(prepared: Prepared, portions: Portions) -> Iterator[tuple[Path, Engines]]:
    """Start a cluster, or join one, with an engine at every place, and end both.

    Yields:
        A folder for files of no value afterwards, and the engines. Where time is limited their speed was measured.

    Raises:
        AutoloraError: What cannot be started, or which limit no adapter of the space keeps.
    """
    with (
        open_cluster(prepared.request.address) as scratch,
        open_pool(str(prepared.checkpoint.folder), base_id=prepared.checkpoint.id) as pool,
    ):
        yield scratch, begun(pool, prepared, portions)


def begun(pool: Pool, prepared: Prepared, portions: Portions, *, task: str = "") -> Engines:
    """Have a pool's engines load a request's task.

    Args:
        pool: Of engines on its base.
        prepared: The request.
        portions: Its rows.
        task: What the engines call it.

    Raises:
        AutoloraError: What cannot be loaded, or which limit no adapter of the space keeps; nothing is loaded then.
    """
    engines = Engines.begun(pool, spec_of(prepared, portions), task=task)
    try:
        check_limits(prepared.space, prepared.request.limits, engines.facts.costs)
    except BaseException:
        engines.end()
        raise
    return engines


def spec_of(prepared: Prepared, portions: Portions) -> EngineSpec:
    """Return what an engine needs for a request; where time is limited its speed is measured."""
    train, validation = portions.first()
    return EngineSpec(
        folder=str(prepared.checkpoint.folder),
        base_id=prepared.checkpoint.id,
        problem=problem_of(prepared.dataset),
        max_length=prepared.max_length,
        train=train,
        validation=validation,
        precision=prepared.request.precision,
        cache_bytes=prepared.request.prefix_cache,
        choices=(
            *pairs(prepared.space),
            DEFAULT_CHOICE,
            *((HEAD_CHOICE,) if prepared.dataset.problem != "generation" else ()),
        ),
        timed_batch=int(prepared.space.usual("batch_size")) if portions.limited else 0,
    )


def measured_work(prepared: Prepared, engines: Engines) -> Work | None:
    """Return what the parts of a search take, None where the engines' speed was not measured."""
    rates = engines.facts.rates
    if rates is None:
        return None
    return work_of(
        prepared.dataset,
        rates,
        prepared.space,
        trials=prepared.request.budget.trials,
        engines=len(engines.ready()),
        closed=len(prepared.closed),
        baselines=prepared.request.baselines,
    )
