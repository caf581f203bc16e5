"""Measures a resident base for the cost model: what a pass takes at its peak, for each choice of modules and layers.

Counted, not modelled: one pass of two rows, forward and back. It grows with the rows; with the rank only by what every
adapted module keeps of each token.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, NamedTuple

from torch import Tensor, nn

from autolora.engine.costs import PROBE_RANK, CostModel, Kind, key
from autolora.engine.engine import Engine
from autolora.engine.live_bytes import peak_in
from autolora.records import AdapterConfig

_PROBE_ROWS = 2


def cost_model(engine: Engine, choices: Iterable[tuple[Any, Any]]) -> CostModel:
    """Return the costs of every pair of (target_modules, layers) choices on the engine's base.

    Raises:
        BaseModelError: If the model lacks modules or layers that a choice names.
    """
    base = engine.base
    kinds: dict[str, Kind] = {}
    counted: dict[tuple[tuple[str, ...], tuple[int, ...]], Pass] = {}
    length = engine.task.max_length
    for modules_choice, layers_choice in choices:
        modules = base.architecture.modules(modules_choice)
        layers = base.architecture.layer_range(layers_choice)
        if (modules, layers) not in counted:
            counted[modules, layers] = in_pass(engine, modules, layers, length)
        kinds[key(modules_choice, layers_choice)] = Kind(
            modules=modules,
            layers=layers,
            params_per_rank=base.architecture.trainable_params(rank=1, modules=modules, layers=layers),
            pass_bytes_per_row=counted[modules, layers].bytes_per_row,
            pass_bytes=counted[modules, layers].bytes,
            tokens_per_row=counted[modules, layers].tokens_per_row,
        )
    return CostModel(
        kinds=kinds,
        weight_bytes=base.weight_bytes,
        base_params=base.parameter_count,
        head_params=base.head_parameter_count,
        width=base.dtype.itemsize,
        num_labels=engine.task.problem.num_labels,
        length=length,
    )


class Pass(NamedTuple):
    """What a pass forward and back takes at its peak."""

    bytes_per_row: float
    bytes: float
    """Whatever the rows."""
    tokens_per_row: float
    """That adapters work on: a token counts once for every adapted module that it passes through."""


def in_pass(engine: Engine, modules: tuple[str, ...], layers: tuple[int, ...], length: int) -> Pass:
    """Return what a pass of rows of ``length`` tokens takes."""
    name = "memory probe"
    config = AdapterConfig(rank=PROBE_RANK, alpha=1, target_modules=modules, layers=layers, learning_rate=1e-3)
    slot = engine.admit(name, config, seed=0)
    # Views of weights pass by too; what they show is not the pass's.
    weights = [*engine.base.model.parameters(), *engine.base.model.buffers(), *slot.weights.held]
    there = sum({w.untyped_storage().data_ptr(): w.untyped_storage().nbytes() for w in weights}.values())
    tokens = 0

    def count(_: nn.Module, args: tuple[Tensor, ...]) -> None:
        nonlocal tokens
        tokens += args[0].shape[:-1].numel()

    def peak_of(rows: int) -> int:
        nonlocal tokens
        tokens = 0
        with peak_in(engine.base.device, weights) as peak:
            engine.probe_pass([name], rows, length)
        return peak.bytes - there

    with ExitStack() as after:
        after.callback(engine.release, name)
        for module in engine.base.linears.values():
            if name in module.shares:
                after.callback(module.register_forward_pre_hook(count).remove)
        whole = peak_of(_PROBE_ROWS)
        tokens_per_row = tokens / _PROBE_ROWS
        # Of a pass that writes, logits over the vocabulary take the same whatever its rows.
        per_row = whole / _PROBE_ROWS if engine.task.problem.name != "generation" else whole - peak_of(_PROBE_ROWS - 1)
    return Pass(per_row, whole - _PROBE_ROWS * per_row, tokens_per_row)
