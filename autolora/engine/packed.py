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


class _Part(NamedTuple):
    """One segment's share in a product."""

    start: int
    stop: int
    scaling: float
    mask: Tensor | None


class _PackedProduct(torch.autograd.Function):
    """The frozen product of all rows, with each segment's low-rank product added in place.

    One function for both and for all segments: autograd sees no view that is written to (which costs it copies of whole
    gradients), keeps a single reference to ``x``, and the shares' gradients are added to that of the frozen product
    where it stands. Rows without an adapter cost nothing.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, parts: tuple[_Part, ...], *shares: Tensor
    ) -> Tensor:
        y = nn.functional.linear(x, weight, bias)
        cast = [share.to(x.dtype) for share in shares]
        middles = []
        for part, a, b in zip(parts, cast[::2], cast[1::2], strict=True):
            middle = _rows(x, part) @ a.T
            y[part.start : part.stop].view(-1, y.shape[-1]).addmm_(middle, b.T, alpha=part.scaling)
            middles.append(middle)
        ctx.parts, ctx.share_dtypes = parts, [share.dtype for share in shares]
        ctx.save_for_backward(x, weight, *cast, *middles)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad_y,) = grads
        x, weight, *saved = ctx.saved_tensors
        count = len(ctx.parts)
        cast, middles = saved[: 2 * count], saved[2 * count :]
        grad_y = grad_y.contiguous()
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = (grad_y.view(-1, grad_y.shape[-1]) @ weight).view(x.shape)
        share_grads: list[Tensor] = []
        for part, a, b, middle in zip(ctx.parts, cast[::2], cast[1::2], middles, strict=True):
            grad_out = grad_y[part.start : part.stop].view(-1, grad_y.shape[-1])
            grad_middle = (grad_out @ b).mul_(part.scaling)
            share_grads += [grad_middle.T @ _rows(x, part), (grad_out.T @ middle).mul_(part.scaling)]
            if grad_x is not None:
                target = grad_x[part.start : part.stop]
                if part.mask is None:
                    target.view(-1, x.shape[-1]).addmm_(grad_middle, a)
                else:
                    target.add_((grad_middle @ a).view(target.shape).mul_(part.mask))
        cast_back = (grad.to(dtype) for grad, dtype in zip(share_grads, ctx.share_dtypes, strict=True))
        return (grad_x, None, None, None, *cast_back)


def _rows(x: Tensor, part: _Part) -> Tensor:
    """Return a segment's input as the adapter sees it ``(rows · tokens, in)``."""
    rows = x[part.start : part.stop]
    return (rows if part.mask is None else rows * part.mask).flatten(0, -2)


class PackedLinear(nn.Module):
    """A frozen linear module and the low-rank shares of the slots that adapt it."""

    def __init__(self, base: nn.Module, pack: Pack) -> None:
        super().__init__()
        self.base = base
        self.pack = pack
        self.shares: dict[str, LowRank] = {}
        # transformers' Conv1D stores its weight the other way round.
        self._is_turned = type(base).__name__ == "Conv1D"

    def forward(self, x: Tensor) -> Tensor:
        """Return the module's output ``(rows, ..., out_features)`` with every segment's share added."""
        parts: list[_Part] = []
        shares: list[Tensor] = []
        for slot, start, stop in self.pack.segments:
            share = self.shares.get(slot)
            if share is not None:
                parts.append(_Part(start, stop, share.scaling, self._mask(share, slot, x[start:stop])))
                shares += [share.a, share.b]
        if not parts:
            y: Tensor = self.base(x)
            return y
        weight, bias = self.base.weight, self.base.bias
        turned = weight.T if self._is_turned else weight
        added: Tensor = _PackedProduct.apply(x, turned, bias, tuple(parts), *shares)  # type: ignore[no-untyped-call]
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
