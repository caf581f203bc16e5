"""Settings as points: what a search space's members look like to a model of them. Knows no trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from autolora.domains import DOMAINS
from autolora.parameters import Choice, Parameter
from autolora.space import Space
from autolora.values import plain

_Axes = Callable[[Any], tuple[float, ...]]


class Encoder:
    """Turns the members of one space into points, each axis from 0 to 1.

    What has a size (numbers, named layers and groups of modules) takes one axis, on the scale on which it is searched;
    of choices without one, each takes an axis of its own.
    """

    def __init__(self, space: Space) -> None:
        """Take up a space's parameters."""
        self._axes = {name: _axes(name, parameter) for name, parameter in space.parameters.items()}

    def point(self, params: Mapping[str, Any]) -> tuple[float, ...]:
        """Return the point of a member; a setting from elsewhere is taken as the nearest number or as none."""
        return tuple(at for name, axes in self._axes.items() for at in axes(plain(params[name])))


def along(share: float) -> float:
    """Return a share of training as a coordinate: thrice as much of it is half an axis, and all of it is 1."""
    return 1.0 + math.log(share) / math.log(9)


def _axes(name: str, parameter: Parameter) -> _Axes:
    if not isinstance(parameter, Choice):
        return _on_line(float, parameter.low, parameter.high, log=parameter.log)
    sizes = {value: size for value in parameter.values if (size := DOMAINS[name].size(value)) is not None}
    if len(sizes) < len(parameter.values):
        return lambda given: tuple(float(given == value) for value in parameter.values)
    least, most = min(sizes.values()), max(sizes.values())
    return _on_line(lambda given: sizes[given], least, most, log=least > 0)


def _on_line(size: Callable[[Any], float], low: float, high: float, *, log: bool) -> _Axes:
    scale: Callable[[float], float] = math.log if log else float
    start, length = scale(low), scale(high) - scale(low)
    return lambda given: ((scale(size(given)) - start) / length if length else 0.0,)
