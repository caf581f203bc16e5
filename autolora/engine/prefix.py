"""Hidden states of rows before a layer: what no adapter has touched yet is the same for all, and computed once.

Below the first layer that a slot adapts, a row's hidden states do not depend on the slot. So they are taken from a
cache, or computed for all slots of a step at once, each row once.

Knows layers, rows and a cache; knows no slots.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from autolora.engine.row_cache import Key, RowCache, key_of
from autolora.engine.stack import Stack


class Wanted(NamedTuple):
    """Rows whose hidden states before a layer are wanted."""

    layer: int
    tokens: Sequence[NDArray[np.int32]]


class Prefixes:
    """Of one resident base."""

    def __init__(
        self, stack: Stack, cache: RowCache, forward: Callable[[Sequence[NDArray[np.int32]]], Any], *, chunk_rows: int
    ) -> None:
        """Take them from ``cache``, or from a pass.

        Args:
            stack: Of the base.
            cache: Where they are kept.
            forward: Passes rows, padded on the right, through the model.
            chunk_rows: How many rows may pass at once.
        """
        self.stack, self.cache = stack, cache
        self._forward = forward
        self._chunk_rows = chunk_rows

    @torch.no_grad()
    def before(self, wanted: Sequence[Wanted], length: int) -> list[Tensor]:
        """Return, for each of ``wanted``, hidden states ``(rows, length, width)``; zeros stand behind a row's end."""
        keys = [[key_of(want.layer, tokens) for tokens in want.tokens] for want in wanted]
        found: dict[Key, Tensor] = {}
        missing: dict[bytes, tuple[NDArray[np.int32], set[int]]] = {}
        for want, names in zip(wanted, keys, strict=True):
            for key, tokens in zip(names, want.tokens, strict=True):
                if key in found:
                    continue
                kept = self.cache.get(key)
                if kept is not None:
                    found[key] = kept
                else:
                    missing.setdefault(key.row, (tokens, set()))[1].add(key.layer)
        found |= self._computed(missing)
        return [_padded([found[key] for key in names], length) for names in keys]

    def _computed(self, missing: dict[bytes, tuple[NDArray[np.int32], set[int]]]) -> dict[Key, Tensor]:
        """Compute rows as far up as they are wanted, rows of like lengths together, and keep them."""
        alike: dict[frozenset[int], list[tuple[bytes, NDArray[np.int32]]]] = defaultdict(list)
        for row, (tokens, wanted) in missing.items():
            alike[frozenset(wanted)].append((row, tokens))
        found: dict[Key, Tensor] = {}
        for layers, rows in alike.items():
            rows.sort(key=lambda pair: len(pair[1]))
            for at in range(0, len(rows), self._chunk_rows):
                chunk = rows[at : at + self._chunk_rows]
                seen = self.stack.before(layers, partial(self._forward, [row_tokens for _, row_tokens in chunk]))
                new = [
                    # A copy: a view would keep the padded batch in memory.
                    (Key(layer, row), hidden[place, : len(row_tokens)].clone())
                    for layer, hidden in seen.items()
                    for place, (row, row_tokens) in enumerate(chunk)
                ]
                self.cache.put(new)
                found.update(new)
        return found


def _padded(rows: list[Tensor], length: int) -> Tensor:
    padded = pad_sequence(rows, batch_first=True)
    return functional.pad(padded, (0, 0, 0, length - padded.shape[1]))
