"""Layers that serve many adapters at once: one frozen product for all rows, then each slot adds its own share.

Knows tensors and row segments; knows nothing of tasks, optimisers or searches. A batch is the slots' rows one slot
after the other; ``Pack.segments`` says which rows belong to whom. Since a slot's rows only ever meet its own weights,
its numbers do not depend on its neighbours.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from autolora.engine.dropout import row_masks


class Segment(NamedTuple):
    """Rows ``start`` to ``stop`` of a batch belong to ``slot``."""

    slot: str
    start: int
    stop: int


@dataclass
class Pack:
    """What the packed layers of one model share: who owns which rows of the batch that is passing through."""

    segments: tuple[Segment, ...] = ()
    row_ids: dict[str, Tensor] = field(default_factory=dict)
    """Data row of each batch row, per slot; keys of the dropout masks."""
    steps: dict[str, int] = field(default_factory=dict)
    training: bool = False

    @contextmanager
    def serving(
        self,
        segments: tuple[Segment, ...],
        *,
        row_ids: dict[str, Tensor] | None = None,
        steps: dict[str, int] | None = None,
    ) -> Iterator[None]:
        """Route the rows of the batches inside the block; training (with dropout) if ``steps`` are given."""
        self.segments, self.row_ids, self.steps = segments, row_ids or {}, steps or {}
        self.training = steps is not None
        try:
            yield
        finally:
            self.segments, self.row_ids, self.steps, self.training = (), {}, {}, False


@dataclass
class LowRank:
    """One slot's share in one module: y += scaling · (x Aᵀ) Bᵀ, A ``(rank, in)`` and B ``(out, rank)``."""

    a: nn.Parameter
    b: nn.Parameter
    scaling: float
    dropout: float = 0.0
    seed: int = 0
    """Of this slot and module, for dropout masks."""


class _AddLowRank(torch.autograd.Function):
    """Add each segment's low-rank product to ``y`` in place.

    One function for all segments of a module keeps a single reference to ``x`` for backward instead of slices,
    copies and zero paddings; rows without an adapter cost nothing.
    """

    @staticmethod
    def forward(
        ctx: Any, y: Tensor, x: Tensor, parts: tuple[tuple[int, int, float, Tensor | None], ...], *weights: Tensor
    ) -> Tensor:
        ctx.mark_dirty(y)
        middles = []
        for (start, stop, scaling, mask), a, b in zip(parts, weights[::2], weights[1::2], strict=True):
            rows = x[start:stop] if mask is None else x[start:stop] * mask
            middle = rows.flatten(0, -2) @ a.to(x.dtype).T
            target = y[start:stop].view(-1, y.shape[-1])
            target.addmm_(middle, b.to(x.dtype).T, alpha=scaling)
            middles.append(middle)
        ctx.parts = parts
        ctx.save_for_backward(x, *weights, *middles)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad_y,) = grads
        x, *saved = ctx.saved_tensors
        count = len(ctx.parts)
        weights, middles = saved[: 2 * count], saved[2 * count :]
        grad_x = torch.zeros_like(x) if ctx.needs_input_grad[1] else None
        weight_grads: list[Tensor] = []
        for (start, stop, scaling, mask), a, b, middle in zip(
            ctx.parts, weights[::2], weights[1::2], middles, strict=True
        ):
            rows = x[start:stop] if mask is None else x[start:stop] * mask
            grad_out = grad_y[start:stop].reshape(-1, grad_y.shape[-1])
            grad_middle = (grad_out @ b.to(x.dtype)).mul_(scaling)
            weight_grads.append((grad_middle.T @ rows.flatten(0, -2)).to(a.dtype))
            weight_grads.append((grad_out.T @ middle).to(b.dtype).mul_(scaling))
            if grad_x is not None:
                part = (grad_middle @ a.to(x.dtype)).view_as(rows)
                grad_x[start:stop] = part if mask is None else part * mask
        return (grad_y, grad_x, None, *weight_grads)


class PackedLinear(nn.Module):
    """A frozen linear module and the low-rank shares of the slots that adapt it."""

    def __init__(self, base: nn.Module, pack: Pack) -> None:
        super().__init__()
        self.base = base
        self.pack = pack
        self.shares: dict[str, LowRank] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Return the module's output ``(rows, ..., out_features)`` with every segment's share added."""
        y: Tensor = self.base(x)
        parts: list[tuple[int, int, float, Tensor | None]] = []
        weights: list[Tensor] = []
        for slot, start, stop in self.pack.segments:
            share = self.shares.get(slot)
            if share is not None:
                parts.append((start, stop, share.scaling, self._mask(share, slot, x[start:stop])))
                weights += [share.a, share.b]
        if not parts:
            return y
        added: Tensor = _AddLowRank.apply(y, x, tuple(parts), *weights)  # type: ignore[no-untyped-call]
        return added

    def _mask(self, share: LowRank, slot: str, rows: Tensor) -> Tensor | None:
        if share.dropout == 0.0 or not self.pack.training:
            return None
        return row_masks(
            rows, share.dropout, seed=share.seed, step=self.pack.steps[slot], row_ids=self.pack.row_ids[slot]
        )


class PackedCopies(nn.Module):
    """A module that the checkpoint lacked (a classifier, a pooler): every slot trains a whole copy of its own.

    Copies are kept in the precision of the adapters, and their inputs raised to it.
    """

    def __init__(self, template: nn.Module, pack: Pack) -> None:
        super().__init__()
        # Hidden in a tuple: the template's weights belong to nobody and must not be found as parameters.
        self._template = (copy.deepcopy(template).requires_grad_(False),)
        self.pack = pack
        self.copies: dict[str, dict[str, nn.Parameter]] = {}

    @property
    def template(self) -> nn.Module:
        """The module as the model has it; says names and shapes."""
        return self._template[0]

    def forward(self, x: Tensor) -> Tensor:
        """Return each segment's rows passed through its own copy."""
        outputs = []
        for slot, start, stop in self.pack.segments:
            weights = self.copies[slot]
            rows = x[start:stop].to(next(iter(weights.values())).dtype)
            outputs.append(functional_call(self.template, dict[str, Tensor](weights), (rows,)))
        return torch.cat(outputs)
