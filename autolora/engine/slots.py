"""A slot: one adapter's weights, optimiser, schedule and place in its data order. Knows one base, no neighbours."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from autolora.engine.base import ResidentBase
from autolora.engine.dropout import mix
from autolora.engine.order import epoch_batches
from autolora.engine.weights import Weights
from autolora.records import AdapterConfig

CLIP_NORM = 1.0
"""Each slot's gradient is clipped to this norm, as transformers' Trainer does by default."""


@dataclass
class Slot:
    """One adapter being trained."""

    id: str
    config: AdapterConfig
    seed: int
    train: str
    """Name of the split that it trains on."""
    lengths: NDArray[np.int64]
    """Tokens of every row of that split ``(rows,)``."""
    weights: Weights
    optimiser: torch.optim.Optimizer
    most_rows: int
    """Rows of it that pass at once; a larger batch passes in pieces."""
    step: int = 0
    """Optimiser steps done."""
    seconds: float = 0.0
    """Device time spent on this slot."""
    loss_sum: float = 0.0
    loss_steps: int = 0
    """Steps in ``loss_sum``; both start anew at a rung."""
    recomputes: bool = False
    """Whether layers keep only their input for backward: slower, in far less memory."""
    losses: list[Tensor] = field(default_factory=list)
    """Losses of steps that were not read back from the device yet."""
    finite: list[Tensor] = field(default_factory=list)
    """Whether loss and gradients were finite numbers, of steps for which that was not read back yet."""
    _epoch: tuple[int, list[NDArray[np.int64]]] | None = None

    @property
    def parameters(self) -> dict[str, Tensor]:
        """What it trains by PEFT's names, as in ``adapter_model.safetensors``."""
        return self.weights.named(self.weights.values.detach())

    @property
    def steps_in_epoch(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return math.ceil(len(self.lengths) / self.config.batch_size)

    @property
    def total_steps(self) -> int:
        """Optimiser steps of the full schedule."""
        return max(1, round(self.config.epochs * self.steps_in_epoch))

    def batch_rows(self) -> NDArray[np.int64]:
        """Return the data rows of the next step; adapters of one seed see the same rows at the same step."""
        epoch, batch = divmod(self.step, self.steps_in_epoch)
        if self._epoch is None or self._epoch[0] != epoch:
            batches = epoch_batches(self.lengths, self.config.batch_size, seed=self.seed, epoch=epoch)
            self._epoch = (epoch, batches)
        return self._epoch[1][batch]

    def longest_due(self) -> int:
        """Return the tokens of the longest row of the next step."""
        return int(self.lengths[self.batch_rows()].max())

    def learning_rate(self) -> float:
        """Return the rate of the next step: linear climb, then linear fall to 0 over the full schedule."""
        warmup = math.ceil(self.config.warmup_share * self.total_steps)
        if self.step < warmup:
            share = self.step / warmup
        else:
            share = max(0.0, (self.total_steps - self.step) / max(1, self.total_steps - warmup))
        return self.config.learning_rate * share

    def update(self, loss: Tensor) -> None:
        """Clip and apply the gradients at hand and count the step; if one is no finite number, the weights stay.

        Nothing is read back from the device: the fused optimiser itself looks at ``found_inf``, as with a scaler.

        Args:
            loss: Of the step, a scalar.
        """
        self.weights.complete_gradient()
        norm = nn.utils.clip_grad_norm_([self.weights.values], CLIP_NORM)
        finite = torch.isfinite(norm) & torch.isfinite(loss)
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate()
        self.optimiser.found_inf = (~finite).float()  # type: ignore[attr-defined]
        self.optimiser.step()
        self.weights.clear_gradient()
        self.losses.append(loss)
        self.finite.append(finite)
        self.step += 1

    def diverged_at(self) -> int | None:
        """Return the first step, from 1, with a number that was not finite, if there was one; waits for the device."""
        if not self.finite:
            return None
        read = torch.stack(self.finite).tolist()
        self.finite.clear()
        return self.step - len(read) + read.index(False) + 1 if False in read else None

    def mean_loss(self) -> float:
        """Return the mean loss since the last call of ``start_rung``."""
        if self.losses:
            self.loss_sum += float(torch.stack(self.losses).sum())
            self.loss_steps += len(self.losses)
            self.losses.clear()
        return self.loss_sum / self.loss_steps if self.loss_steps else float("nan")

    def start_rung(self) -> None:
        """Forget the losses so far."""
        self.losses.clear()
        self.loss_sum, self.loss_steps = 0.0, 0


def build(
    base: ResidentBase,
    slot_id: str,
    config: AdapterConfig,
    *,
    seed: int,
    train: str,
    lengths: NDArray[np.int64],
    most_rows: int,
) -> Slot:
    """Make a slot's weights on the base's device and plug them into its packed layers."""
    low_rank: dict[str, tuple[Tensor, Tensor]] = {}
    for name, module in base.architecture.full_names(config.layers, config.target_modules).items():
        fan_in, fan_out = base.architecture.shapes[module]
        # PEFT's initialisation: Kaiming uniform with a = sqrt(5) for A, which is 1/sqrt(fan_in), and 0 for B.
        a = _uniform((config.rank, fan_in), 1 / math.sqrt(fan_in), _stream(seed, name))
        low_rank[name] = a, torch.zeros(fan_out, config.rank)
    full: dict[str, Tensor] = {}
    for name, packed in base.copies.items():
        for own, template in packed.template.named_parameters():
            is_fresh = f"{name}.{own}" in base.fresh
            full[f"{name}.{own}"] = (
                _fresh(packed.template, own, template, _stream(seed, f"{name}.{own}"), base) if is_fresh else template
            )
    weights = Weights(
        low_rank,
        full,
        scaling=config.scaling,
        device=base.device,
        dtype=base.adapter_dtype,
        product_dtype=base.dtype,
    )
    for name, share in weights.low_rank.items():
        share.dropout, share.seed = config.dropout, mix(seed, zlib.crc32(name.encode()))
        base.linears[name].shares[slot_id] = share
    for name, packed in base.copies.items():
        own_names = (own for own, _ in packed.template.named_parameters())
        packed.copies[slot_id] = {own: weights.full[f"{name}.{own}"] for own in own_names}
    optimiser = torch.optim.AdamW(
        [weights.values], lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    return Slot(
        id=slot_id,
        config=config,
        seed=seed,
        train=train,
        lengths=lengths,
        weights=weights,
        optimiser=optimiser,
        most_rows=min(config.batch_size, most_rows),
    )


def remove(base: ResidentBase, slot_id: str) -> None:
    """Unplug a slot's weights from the base, whichever are there."""
    for module in base.linears.values():
        module.shares.pop(slot_id, None)
    for copies in base.copies.values():
        copies.copies.pop(slot_id, None)


def _fresh(module: nn.Module, name: str, template: Tensor, stream: torch.Generator, base: ResidentBase) -> Tensor:
    """Return starting values for a weight that no checkpoint has: the family's own for linear modules."""
    if isinstance(module, nn.Linear):
        if name == "bias":
            return torch.zeros(template.shape)
        spread = float(getattr(base.model.config, "initializer_range", None) or 0.02)
        return torch.randn(template.shape, generator=stream) * spread
    return torch.ones(template.shape) if name == "weight" and template.dim() == 1 else torch.zeros(template.shape)


def _stream(seed: int, name: str) -> torch.Generator:
    """Return a stream for one weight, so that adapting more modules changes no other weight's start."""
    return torch.Generator().manual_seed(mix(seed, zlib.crc32(name.encode()), 1))


def _uniform(shape: tuple[int, int], bound: float, stream: torch.Generator) -> Tensor:
    return (torch.rand(shape, generator=stream, dtype=torch.float64) * 2 - 1) * bound
