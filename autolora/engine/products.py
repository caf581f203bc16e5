"""The frozen product of a batch with the low-rank products of several slots added: one function for autograd.

Slots' products are taken one slot after the other, or together: then matrices of slots with as many rows are laid one
behind the other, narrower ones filled up with zeros, and each of the four kinds of product is one call however many
slots there are. A GPU works through small products faster than it can be asked for them; a CPU does not.

Knows tensors and runs of rows; knows no slots, models or optimisers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from autolora.engine.weights import LowRank


class Run(NamedTuple):
    """Rows ``start`` to ``stop`` of a batch, an equal part of them for each of ``shares``; None adds nothing."""

    start: int
    stop: int
    shares: tuple[LowRank | None, ...]
    mask: Tensor | None
    """Of dropout, in the shape of the rows."""


def add(x: Tensor, weight: Callable[[], Tensor], bias: Tensor | None, runs: tuple[Run, ...]) -> Tensor:
    """Return ``x weightᵀ + bias`` with every run's low-rank products added.

    Args:
        x: Input ``(rows, ..., in)``.
        weight: Returns the frozen one ``(out, in)``; asked again for backward, since one that is packed is not to be
            kept unpacked.
        bias: Frozen ``(out,)``.
        runs: Of the batch, in its order. Backward adds to their shares' gradients where they stand.
    """
    anchor = torch.zeros((), requires_grad=bool(runs))
    y: Tensor = _Product.apply(x, anchor, weight, bias, runs)  # type: ignore[no-untyped-call]
    return y


class _Product(torch.autograd.Function):
    """Autograd sees no view that is written to (which costs it copies of whole gradients) and one reference to ``x``.

    The shares' gradients are added to where they belong, not handed back: autograd would copy each by itself. So the
    shares are no inputs, and ``anchor``, a number that nobody needs, has backward come by where ``x`` would not.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        anchor: Tensor,
        weight: Callable[[], Tensor],
        bias: Tensor | None,
        runs: tuple[Run, ...],
    ) -> Tensor:
        y = nn.functional.linear(x, weight(), bias)
        saved = []
        for run in runs:
            rows, out = _parts(x, run), _parts(y, run)
            a = _stacked([share.a if share else None for share in run.shares])
            b = _stacked([share.b if share else None for share in run.shares])
            middle = _masked(rows, run) @ a.mT
            (out.baddbmm_ if out.dim() == 3 else out.addmm_)(middle, b)
            saved += [a, b, middle]
        ctx.weight, ctx.runs = weight, runs
        ctx.save_for_backward(x, *saved)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad_y,) = grads
        x, *saved = ctx.saved_tensors
        grad_y = grad_y.contiguous()
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = (grad_y.view(-1, grad_y.shape[-1]) @ ctx.weight()).view(x.shape)
        for run, a, b, middle in zip(ctx.runs, saved[::3], saved[1::3], saved[2::3], strict=True):
            grad_out = _parts(grad_y, run)
            grad_middle = grad_out @ b.mT
            grad_a = grad_middle.mT @ _masked(_parts(x, run), run)
            grad_b = middle.mT @ grad_out
            _hand_over(run.shares, grad_a, grad_b)
            if grad_x is None:
                continue
            target = _parts(grad_x, run)
            if run.mask is None:
                (target.baddbmm_ if target.dim() == 3 else target.addmm_)(grad_middle, a)
            else:
                target.add_((grad_middle @ a).mul_(run.mask.view(target.shape)))
        return (grad_x, None, None, None, None)


def _parts(whole: Tensor, run: Run) -> Tensor:
    """Return a run's rows as one matrix, or as one for each of its shares ``(shares, rows · tokens, features)``."""
    rows = whole[run.start : run.stop]
    count = len(run.shares)
    return rows.reshape(-1, rows.shape[-1]) if count == 1 else rows.reshape(count, -1, rows.shape[-1])


def _masked(rows: Tensor, run: Run) -> Tensor:
    return rows if run.mask is None else rows * run.mask.view(rows.shape)


def _stacked(matrices: Sequence[Tensor | None]) -> Tensor:
    """Return one matrix as it is, or several of any ranks one behind the other ``(matrices, highest rank, width)``."""
    there = [matrix for matrix in matrices if matrix is not None]
    if len(matrices) == 1:
        return there[0]
    rank, width = max(len(matrix) for matrix in there), there[0].shape[1]
    nothing = there[0].new_zeros(rank, width)
    filled = []
    for matrix in matrices:
        filled += [nothing] if matrix is None else [matrix, nothing[len(matrix) :]]
    return torch.cat([part for part in filled if len(part)]).view(len(matrices), rank, width)


def _hand_over(shares: Sequence[LowRank | None], grad_a: Tensor, grad_b: Tensor) -> None:
    """Add to each share's gradients what is theirs of a product's."""
    if len(shares) == 1 and shares[0] is not None:
        shares[0].grad_a.add_(grad_a)
        shares[0].grad_b.add_(grad_b)
        return
    sums: list[Tensor] = []
    new: list[Tensor] = []
    for at, share in enumerate(shares):
        if share is not None:
            sums += [share.grad_a, share.grad_b]
            # All at once to the dtype of the sums: of two dtypes they would be added one by one.
            if not new:
                grad_a, grad_b = grad_a.to(share.grad_a.dtype), grad_b.to(share.grad_b.dtype)
            new += [grad_a[at, : len(share.a)], grad_b[at, : len(share.b)]]
    torch._foreach_add_(sums, new)
