"""The loss of tokens over a large vocabulary, a few tokens at a time, so that the vocabulary does not set the memory.

The head that turns hidden states into logits is frozen, so the only gradient is that of the hidden states. It is
computed on the way forward, chunk by chunk, and kept in place of the logits; what is kept is as wide as a hidden state,
not as a vocabulary. (The same idea as in Liger Kernel's fused linear cross-entropy, arXiv 2410.10989.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

CHUNK_BYTES = {"cpu": 32 * 2**20, "cuda": 256 * 2**20}
"""Logits in float32 that are in memory at a time."""


def token_losses(hidden: Tensor, targets: Tensor, logits_of: Callable[[Tensor], Tensor], vocabulary: int) -> Tensor:
    """Return the cross-entropy of each token ``(n,)``, in at least float32.

    Args:
        hidden: Last hidden states ``(n, width)``.
        targets: The tokens that follow them ``(n,)``.
        logits_of: Turns hidden states ``(k, width)`` into logits ``(k, vocabulary)``; trains nothing.
        vocabulary: Tokens that there are.
    """
    rows = max(1, CHUNK_BYTES[hidden.device.type] // (4 * vocabulary))
    losses: Tensor = _Losses.apply(hidden, targets, logits_of, rows)  # type: ignore[no-untyped-call]
    return losses


class _Losses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, targets: Tensor, logits_of: Callable[[Tensor], Tensor], rows: int) -> Tensor:
        wanted = hidden.requires_grad
        losses, gradients = [], []
        for at in range(0, len(hidden), rows):
            own, due = hidden[at : at + rows], targets[at : at + rows]
            with torch.set_grad_enabled(wanted):
                leaf = own.detach().requires_grad_(wanted)
                logits = logits_of(leaf)
                wide = logits if logits.element_size() >= 4 else logits.float()
                loss = cross_entropy(wide, due, reduction="none")
                if wanted:
                    gradients.append(torch.autograd.grad(loss.sum(), leaf)[0])
            losses.append(loss.detach())
        ctx.save_for_backward(*([torch.cat(gradients)] if wanted else []))
        return torch.cat(losses)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (gradient,) = ctx.saved_tensors
        return gradient * grads[0].to(gradient.dtype).unsqueeze(1), None, None, None
