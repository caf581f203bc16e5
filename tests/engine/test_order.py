from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.engine.order import epoch_batches

pytestmark = pytest.mark.unit


@given(st.integers(1, 200), st.integers(1, 20), st.integers(0, 5), st.integers(0, 3))
def test_an_epoch_holds_every_row_once_in_full_batches_but_one(rows, batch_size, seed, epoch) -> None:
    lengths = np.random.default_rng(rows).integers(1, 60, rows)
    batches = epoch_batches(lengths, batch_size, seed=seed, epoch=epoch)

    assert sorted(np.concatenate(batches).tolist()) == list(range(rows))
    assert sorted(len(b) for b in batches)[1:] == [batch_size] * (len(batches) - 1)
    assert len(batches) == -(-rows // batch_size)


def test_batches_hold_rows_of_like_length() -> None:
    lengths = np.random.default_rng(0).integers(4, 64, 800)
    batches = epoch_batches(lengths, 16, seed=0, epoch=0)
    padded = sum(len(b) * lengths[b].max() for b in batches)
    at_random = sum(16 * lengths[at : at + 16].max() for at in range(0, 800, 16))

    assert padded < 1.15 * lengths.sum()
    assert at_random > 1.6 * lengths.sum()


def test_epochs_and_seeds_differ_and_repeat() -> None:
    lengths = np.arange(100) % 7
    one, again, other_epoch, other_seed = (
        np.concatenate(epoch_batches(lengths, 8, seed=s, epoch=e)).tolist() for s, e in ((1, 0), (1, 0), (1, 1), (2, 0))
    )

    assert one == again
    assert one != other_epoch
    assert one != other_seed
