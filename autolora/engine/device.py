"""The device an engine works on: which, how fast it multiplies, in which precision, how much memory it has free.

Knows no model.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch
from numpy.typing import NDArray

from autolora.engine import four_bit
from autolora.errors import EngineError
from autolora.records import Precision
from autolora.request import PrecisionWish

_CGROUP = Path("/sys/fs/cgroup")
_WORTH_IT = 1.2
"""How many times as fast bf16 products must be for a base in bf16: what is not a product is no faster in it."""
_SIZE = 1024
_TIMINGS = 5
_GOES = 3
_ENOUGH_SECONDS = 1.0
"""After this long no further go is timed."""


def pick(name: str = "auto") -> torch.device:
    """Return the device to train on: a CUDA device if there is one.

    Raises:
        EngineError: If the named device is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise EngineError(f"there is no device {name!r} here", "use cpu")
    return device


def has_bf16(device: torch.device) -> bool:
    """Return whether the device has instructions for products in bf16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def pick_precision(device: torch.device, wish: PrecisionWish = "auto") -> tuple[Precision, str]:
    """Return the precision that is wished for, and why it was chosen if that was left open.

    A CPU that has instructions for bf16 need not be fast at it: it is timed, for about half a second.

    Raises:
        EngineError: If the device lacks what is wished for.
    """
    if wish == "exact":
        return "exact", "it is asked for"
    if wish == "4bit" and not four_bit.is_there():
        raise EngineError("precision 4bit needs the package bitsandbytes", "pip install 'autolora[4bit]'")
    if not has_bf16(device):
        if wish in ("fast", "4bit"):
            raise EngineError(
                f"precision {wish} needs instructions for bf16, which {in_words(device)} has not",
                "use precision exact, or auto",
            )
        return "exact", "the device has no bf16 instructions"
    if wish == "fast" or wish == "4bit":
        return wish, "it is asked for"
    if device.type == "cuda":
        return "fast", "the device multiplies bf16"
    gain = matrix_rate(device, torch.bfloat16) / matrix_rate(device, torch.float32)
    why = f"products in bf16 are {gain:.1f} times as fast as in float32"
    return ("fast" if gain >= _WORTH_IT else "exact"), why


def matrix_rate(device: torch.device, dtype: torch.dtype, *, rows: int = _SIZE) -> float:
    """Return operations a second in products of two square matrices; the best of a few, whatever else runs beside."""
    a, b = (torch.ones(rows, rows, dtype=dtype, device=device) for _ in range(2))
    best = float("inf")
    for _ in range(_TIMINGS + 1):  # the first warms up; it is hardly the best
        start = time.perf_counter()
        torch.nn.functional.linear(a, b)
        synchronise(device)
        best = min(best, time.perf_counter() - start)
    return 2 * rows**3 / best


def least_seconds(device: torch.device, work: Callable[[], object]) -> float:
    """Return the least seconds that some work took in a few goes, of which the first may warm up."""
    best, begun = float("inf"), time.perf_counter()
    for _ in range(_GOES):
        start = time.perf_counter()
        work()
        synchronise(device)
        best = min(best, time.perf_counter() - start)
        if time.perf_counter() - begun > _ENOUGH_SECONDS:
            break
    return best


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what was asked of it; a CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def put(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    """Return a tensor of an array on a device; nobody waits for the way there."""
    tensor = torch.from_numpy(array)
    if device.type == "cpu":
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)  # from other memory the copy would wait for the device


def free_bytes(device: torch.device) -> int:
    """Return the device's memory that is free; on a CPU that of the machine, or of the container it is in."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = int(psutil.virtual_memory().available)
    try:
        limit, used = ((_CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return free  # no control group, or an older kind
    return free if limit == "max" else max(0, min(free, int(limit) - int(used)))


def in_words(device: torch.device) -> str:
    """Return what a person calls the device."""
    import platform

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads ({platform.machine()})"
