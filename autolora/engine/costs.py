"""What a configuration costs, known before training: trained parameters, bytes on disk, predicted peak memory.

A plain value that travels from the engine, which measured the model, to the search, which never loads it.

peak = frozen weights + 16 bytes per trained parameter (weight, gradient and two AdamW moments in float32)
     + the low-rank matrices once more, in the precision in which they are multiplied
     + what a pass forward and back takes at its peak: activations saved for backward, and the passing ones

What a pass takes was measured on the base with a small batch, at rank ``PROBE_RANK``; it grows with the rows, and with
the rank by what is kept of the low-rank products. It is the peak of the configuration trained alone; allocators'
fragmentation is not in it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from autolora.errors import SpaceError
from autolora.records import AdapterConfig

BYTES_PER_TRAINED_PARAMETER = 16
BYTES_PER_STORED_PARAMETER = 4
PROBE_RANK = 1
"""Rank at which passes were measured."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a choice of modules and layers means in one model."""

    modules: tuple[str, ...]
    layers: tuple[int, ...]
    params_per_rank: int
    """Low-rank parameters at rank 1."""
    pass_bytes_per_row: float
    """What a pass takes at its peak for each row of full length, at rank ``PROBE_RANK``."""
    tokens_per_row: float
    """Tokens of a row that adapters work on, once for each adapted module."""
    pass_bytes: float = 0.0
    """What a pass takes at its peak whatever its rows: logits over a vocabulary come a few at a time."""


def key(modules: object, layers: object) -> str:
    """Return the name under which the kind of a pair of choices is kept."""
    return json.dumps([modules, layers])


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Rows a second that an engine was seen to work through, at the lengths of the data's own rows."""

    train_dearest: float
    """By the adapter that keeps most for backward, usually every module of every layer."""
    train_cheapest: float
    """By the one that keeps least, usually of the last layer."""
    score: float
    answer: float = math.inf
    """Answers written, by adapters that write together; infinite where none is written."""


@dataclass(frozen=True, kw_only=True)
class CostModel:
    """Costs of every configuration that the kinds span on one base."""

    kinds: dict[str, Kind]
    weight_bytes: int
    base_params: int
    """Parameters of the base with one head."""
    head_params: int
    """Parameters that every adapter trains beside its low-rank matrices."""
    width: int
    """Bytes of a hidden state's number."""
    num_labels: int
    length: int
    """Tokens of a row."""

    def config(self, params: dict[str, Any]) -> AdapterConfig:
        """Return the configuration that search-space values stand for.

        Args:
            params: A value for every parameter of the space, sampled or fixed.

        Raises:
            SpaceError: If modules and layers are a pair that was not prepared, or a value is out of bounds.
        """
        name = key(params["target_modules"], params["layers"])
        if name not in self.kinds:
            raise SpaceError(f"modules and layers {name} are not in the search space")
        kind = self.kinds[name]
        return AdapterConfig(
            rank=int(params["rank"]),
            alpha=float(params["rank"] * params["alpha_over_rank"]),
            use_rslora=bool(params["use_rslora"]),
            target_modules=kind.modules,
            layers=kind.layers,
            learning_rate=float(params["learning_rate"]),
            dropout=float(params["dropout"]),
            warmup_share=float(params["warmup_share"]),
            weight_decay=float(params["weight_decay"]),
            epochs=float(params["epochs"]),
            batch_size=int(params["batch_size"]),
        )

    def trainable_params(self, config: AdapterConfig) -> int:
        """Return how many parameters the configuration trains."""
        return config.rank * self._kind(config).params_per_rank + self.head_params

    def adapter_bytes(self, config: AdapterConfig) -> int:
        """Return the size of its weights on disk, in float32."""
        return BYTES_PER_STORED_PARAMETER * self.trainable_params(config)

    def peak_memory_bytes(self, config: AdapterConfig) -> int:
        """Return the predicted peak of training it alone."""
        kind = self._kind(config)
        # Of each low-rank product its middle is kept.
        per_row = kind.pass_bytes_per_row + (config.rank - PROBE_RANK) * self.width * kind.tokens_per_row
        multiplied = self.width * config.rank * kind.params_per_rank
        trained = BYTES_PER_TRAINED_PARAMETER * self.trainable_params(config)
        return int(self.weight_bytes + trained + multiplied + kind.pass_bytes + config.batch_size * per_row)

    def _kind(self, config: AdapterConfig) -> Kind:
        for kind in self.kinds.values():
            if (kind.modules, kind.layers) == (config.target_modules, config.layers):
                return kind
        raise SpaceError(f"no costs are known for modules {config.target_modules} in layers {config.layers}")
