"""LoRA dropout masks that depend on (seed, step, row) alone, so that packs and padding never change them."""

from __future__ import annotations

import torch
from torch import Tensor


def row_masks(rows: Tensor, share: float, *, seed: int, step: int, row_ids: Tensor) -> Tensor:
    """Return masks of ``rows``' shape ``(batch, ..., features)`` holding 0 or 1 / (1 - share).

    Each row draws from a stream of its own, from its first token on: a longer padding only appends to it. Streams
    are drawn on the CPU, which makes them the same on every device.

    Args:
        rows: Input of the adapter; only shape, dtype and device count.
        share: Probability of a zero, in (0, 1).
        seed: Of the slot and module.
        step: Optimiser step, from 0.
        row_ids: Data row of each batch row ``(batch,)``.
    """
    masks = []
    for row in row_ids.tolist():
        stream = torch.Generator().manual_seed(mix(seed, step, row))
        masks.append(torch.rand(rows[0].numel(), generator=stream).view(rows.shape[1:]) >= share)
    return torch.stack(masks).to(device=rows.device, dtype=rows.dtype).div_(1.0 - share)


def mix(*values: int) -> int:
    """Return a 63-bit seed that differs for different tuples (splitmix64 over each value in turn)."""
    state = 0x9E3779B97F4A7C15
    for value in values:
        state = (state ^ (value & 0xFFFFFFFFFFFFFFFF)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1
