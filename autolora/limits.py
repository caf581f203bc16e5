"""Whether a search space can keep the limits at all. Knows spaces and costs; trains nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from autolora.engine.costs import CostModel
from autolora.errors import SpaceError
from autolora.parameters import Choice, Parameter
from autolora.records import AdapterConfig
from autolora.request import Limits
from autolora.space import Space
from autolora.values import is_number


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
    configs = _configs(it, costs, _least)
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


def extremes(it: Space, costs: CostModel) -> tuple[AdapterConfig, AdapterConfig]:
    """Return the configurations of a space that take least and most memory."""
    least, most = _configs(it, costs, _least), _configs(it, costs, _most)
    return min(least, key=costs.peak_memory_bytes), max(most, key=costs.peak_memory_bytes)


def _configs(it: Space, costs: CostModel, value: Callable[[Parameter], object]) -> list[AdapterConfig]:
    """Return a configuration of every pair of modules and layers, with one value of each parameter."""
    some = {name: value(parameter) for name, parameter in it.parameters.items()}
    return [costs.config(it.fixed | some | {"target_modules": m, "layers": layers}) for m, layers in pairs(it)]


def _least(parameter: Parameter) -> object:
    """Return the cheapest value: of numbers the least; any will do for what costs nothing."""
    if not isinstance(parameter, Choice):
        return parameter.low
    numbers = [value for value in parameter.values if is_number(value)]
    return min(numbers) if len(numbers) == len(parameter.values) else parameter.values[0]


def _most(parameter: Parameter) -> object:
    """Return the dearest value."""
    if not isinstance(parameter, Choice):
        return parameter.high
    numbers = [value for value in parameter.values if is_number(value)]
    return max(numbers) if len(numbers) == len(parameter.values) else parameter.values[0]
