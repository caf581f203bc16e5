"""The peak memory of training one configuration alone, measured in a process of its own.

Protocol: the base and one slot are loaded; three optimiser steps on rows of full length; the peak is the largest sum of
bytes held by live tensors (CPU: every storage that passes through the dispatcher, until it is freed; CUDA: the
allocator's own peak). Python, libraries and the allocator's slack are not in it.
"""

from __future__ import annotations

import json
import sys
import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from autolora.records import AdapterConfig, from_json

_STEPS = 3


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of tensor storages made inside the block, and keeps the peak."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = 0
        self.peak = 0
        self._seen: set[int] = set()

    def hold(self, tensor: torch.Tensor) -> None:
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
            if isinstance(leaf, torch.Tensor):
                self.hold(leaf)
        return out


def peak_bytes(folder: str, config: AdapterConfig, *, num_labels: int, length: int, precision: str, device: str) -> int:
    """Return the measured peak in bytes; to be called in a fresh process."""
    import numpy as np

    from autolora.engine import device as devices
    from autolora.engine.base import load_base
    from autolora.engine.checkpoint import find
    from autolora.engine.engine import Engine
    from autolora.tasks.problems import SingleLabel
    from autolora.tasks.sequence import Encoded, SequenceTask

    place = devices.pick(device)
    task = SequenceTask(problem=SingleLabel(classes=tuple(map(str, range(num_labels)))), max_length=length)
    base = load_base(find(folder), task, precision=precision, device=place)  # type: ignore[arg-type]
    rows = config.batch_size * _STEPS
    data = Encoded(
        tokens=tuple(np.ones(length, dtype=np.int32) for _ in range(rows)),
        targets=np.zeros(rows, dtype=np.int64),
        full_lengths=np.full(rows, length),
        unknown_share=0.0,
    )
    engine = Engine(base, task, {"train": data})
    if place.type == "cuda":
        torch.cuda.reset_peak_memory_stats(place)
    counter = LiveBytes()
    with counter:
        for tensor in base.model.parameters():
            counter.hold(tensor)
        engine.admit("alone", config, seed=0)
        for _ in range(_STEPS):
            engine.step(["alone"])
    return int(torch.cuda.max_memory_allocated(place)) if place.type == "cuda" else counter.peak


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    wanted["config"] = from_json(wanted["config"], AdapterConfig)
    print(peak_bytes(**wanted))
