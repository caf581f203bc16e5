"""Measures a resident base for the cost model: what one row keeps for backward, for each choice of modules and layers.

Counted, not modelled: one small forward pass with a hook on every tensor that autograd keeps
(``torch.autograd.graph.saved_tensors_hooks``), scaled linearly to a batch by the cost model.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autolora.engine.costs import PROBE_RANK, CostModel, Kind, key
from autolora.engine.engine import Engine
from autolora.records import AdapterConfig

_PROBE_ROWS = 2


def cost_model(engine: Engine, choices: Iterable[tuple[Any, Any]]) -> CostModel:
    """Return the costs of every pair of (target_modules, layers) choices on the engine's base.

    Raises:
        BaseModelError: If the model lacks modules or layers that a choice names.
    """
    base = engine.base
    kinds: dict[str, Kind] = {}
    counted: dict[tuple[tuple[str, ...], tuple[int, ...]], float] = {}
    length = engine.task.max_length
    for modules_choice, layers_choice in choices:
        modules = base.architecture.modules(modules_choice)
        layers = base.architecture.layer_range(layers_choice)
        if (modules, layers) not in counted:
            counted[modules, layers] = saved_bytes_per_row(engine, modules, layers, length)
        kinds[key(modules_choice, layers_choice)] = Kind(
            modules=modules,
            layers=layers,
            params_per_rank=base.architecture.trainable_params(rank=1, modules=modules, layers=layers),
            saved_bytes_per_row=counted[modules, layers],
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


def saved_bytes_per_row(engine: Engine, modules: tuple[str, ...], layers: tuple[int, ...], length: int) -> float:
    """Return the bytes that a row of ``length`` tokens keeps for backward; shared storages count once."""
    name = "memory probe"
    config = AdapterConfig(
        rank=PROBE_RANK, alpha=1, target_modules=modules, layers=layers, learning_rate=1e-3, batch_size=_PROBE_ROWS
    )
    slot = engine.admit(name, config, seed=0)
    known = {p.untyped_storage().data_ptr() for p in (*engine.base.model.parameters(), *slot.parameters.values())}
    storages: dict[int, int] = {}
    kept: list[Tensor] = []  # keeps addresses from being used again while we count

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            storages[storage.data_ptr()] = storage.nbytes()
            kept.append(tensor)
        return tensor

    try:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            engine.probe_forward(name, np.zeros(_PROBE_ROWS, dtype=np.int64), length)
    finally:
        engine.release(name)
    return sum(storages.values()) / _PROBE_ROWS
