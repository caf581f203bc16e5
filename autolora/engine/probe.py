"""A few made-up rows passed through a model, to try out what it bears. Knows no adapters and no data."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LENGTHS = (7, 5, 6)
"""Tokens of the rows; as many rows as no other dimension of a tensor is likely to have."""


@torch.no_grad()
def logits(model: nn.Module, pad_token: int) -> Tensor:
    """Return the logits of the rows ``(rows, num_labels)``.

    Args:
        model: A classifier in evaluation mode.
        pad_token: Is kept out of the rows' words.
    """
    device = next(model.parameters()).device
    words = [token for token in range(len(LENGTHS) * max(LENGTHS) + 1) if token != pad_token]
    ids = torch.full((len(LENGTHS), max(LENGTHS)), pad_token)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        ids[row, :length] = torch.tensor(words[row * max(LENGTHS) :][:length])
        mask[row, :length] = 1
    out: Tensor = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
    return out


def are_equal(ours: Tensor, theirs: Tensor) -> bool:
    """Return whether two passes differ by no more than rounding."""
    if ours.shape != theirs.shape:
        return False
    allowed = 0.05 if theirs.dtype.itemsize == 2 else 1e-4
    return bool((ours.float() - theirs.float()).norm() <= allowed * theirs.float().norm())
