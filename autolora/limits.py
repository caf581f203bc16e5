"""Whether a search space can keep the limits at all. Knows spaces and costs; trains nothing."""

from __future__ import annotations

from itertools import product

from autolora.engine.costs import CostModel
from autolora.errors import SpaceError
from autolora.request import Limits
from autolora.space import Space


def pairs(it: Space) -> tuple[tuple[object, object], ...]:
    """Return every pair of modules and layers that the space can ask for."""

    def values(name: str) -> tuple[object, ...]:
        parameter = it.parameters.get(name)
        return tuple(parameter.values) if parameter is not None else (it.fixed[name],)  # type: ignore[union-attr]

    return tuple(product(values("target_modules"), values("layers")))


def check_limits(it: Space, limits: Limits, costs: CostModel) -> None:
    """Refuse limits that no configuration of the space keeps.

    Raises:
        SpaceError: Naming the least that the space can do.
    """
    rank = it.parameters.get("rank")
    least_rank = it.fixed["rank"] if rank is None else min(rank.values) if hasattr(rank, "values") else rank.low
    batch = it.parameters.get("batch_size")
    least_batch = (
        it.fixed["batch_size"] if batch is None else min(batch.values) if hasattr(batch, "values") else batch.low
    )
    some = {name: p.values[0] if hasattr(p, "values") else p.low for name, p in it.parameters.items()}
    configs = [
        costs.config(
            it.fixed | some | {"rank": least_rank, "batch_size": least_batch, "target_modules": m, "layers": layers}
        )
        for m, layers in pairs(it)
    ]
    params = min(costs.trainable_params(c) for c in configs)
    memory = min(costs.peak_memory_bytes(c) for c in configs)
    if limits.max_params is not None and params > limits.max_params:
        raise SpaceError(
            f"max_params is {limits.max_params:,}, but the smallest adapter of the space {it.name!r} trains {params:,}",
            "raise max_params, or search a space with lower ranks or fewer layers",
        )
    if limits.max_memory is not None and memory > limits.max_memory:
        raise SpaceError(
            f"max_memory is {limits.max_memory:,} bytes, but the least that the space {it.name!r} needs is {memory:,}",
            "raise max_memory, or search a space with fewer layers or a smaller batch",
        )
