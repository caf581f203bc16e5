"""Counts the most bytes that tensors took at once inside a block. Knows tensors only.

On a CPU every storage that passes through the dispatcher counts until it is freed; on CUDA it is the allocator's own
peak. Python, libraries and the allocator's slack are not in it.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Peak:
    """The most bytes at once; final when the block has ended."""

    bytes = 0


@contextmanager
def peak_in(device: torch.device, held: Iterable[Tensor] = ()) -> Iterator[Peak]:
    """Count what is made inside the block, and what is held already.

    Args:
        device: Where the tensors are.
        held: Tensors from before that count too (on CUDA only those that are named, too).
    """
    peak = Peak()
    if device.type == "cuda":
        storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in held}
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        yield peak
        peak.bytes = int(torch.cuda.max_memory_allocated(device)) - before + sum(storages.values())
        return
    counter = _LiveBytes()
    with counter:
        for tensor in held:
            counter.hold(tensor)
        yield peak
    peak.bytes = counter.peak


class _LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of tensor storages made inside the block, and keeps the peak."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = 0
        self.peak = 0
        self._seen: set[int] = set()

    def hold(self, tensor: Tensor) -> None:
        """Count a tensor's storage from now until it is freed."""
        storage = tensor.untyped_storage()
        address, size = storage._cdata, storage.nbytes()
        if address in self._seen or size == 0:
            return
        self._seen.add(address)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._drop, address, size)

    def _drop(self, address: int, size: int) -> None:
        self._seen.discard(address)
        self.now -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self.hold(leaf)
        return out
