"""Names of a model's layers and of the linear modules in them: plain values, which no library is needed for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Layers(NamedTuple):
    """A list of layers of one kind."""

    name: str
    """Dotted, e.g. ``"bert.encoder.layer"``."""
    depth: int
    """Number of layers."""
    modules: tuple[str, ...]
    """Linear modules inside each."""


def names_in(stacks: Iterable[Layers], layer: int, modules: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the dotted name of each module that a layer has, and the module's."""
    for layers in stacks:
        if layer < layers.depth:
            yield from ((f"{layers.name}.{layer}.{module}", module) for module in modules if module in layers.modules)
            return
        layer -= layers.depth
