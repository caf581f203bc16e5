"""The order of rows in an epoch: batches of like lengths, the same for all adapters of a seed. Knows lengths only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WINDOW_BATCHES = 8
"""Batches among which rows are sorted by length: enough to save most padding, few enough to keep batches varied."""


def epoch_batches(lengths: NDArray[np.int64], batch_size: int, *, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """Return the data rows of every batch of an epoch, each row once.

    Rows are shuffled, sorted by length inside windows of a few batches, cut into batches, and the batches shuffled
    (transformers' ``group_by_length`` does about the same). It depends on nothing but the arguments, so adapters that
    share seed and batch size see the same rows at the same step.

    Args:
        lengths: Tokens of each row ``(rows,)``.
        batch_size: Rows of a batch; the smallest batch is one of the last window.
        seed: Of the adapter.
        epoch: From 0.
    """
    random = np.random.default_rng([seed, epoch])
    shuffled = random.permutation(len(lengths))
    window = batch_size * _WINDOW_BATCHES
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(shuffled), window):
        rows = shuffled[start : start + window]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches += [rows[at : at + batch_size] for at in range(0, len(rows), batch_size)]
    return [batches[at] for at in random.permutation(len(batches))]
