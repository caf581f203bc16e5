"""Bases in 4 bits, packed by bitsandbytes: a quarter of the memory of bf16, and slower, since every product unpacks.

As QLoRA has it (arXiv 2305.14314): NF4 with constants that are quantised again; products in bf16, adapters in float32.

Knows weights; knows no slots.
"""

from __future__ import annotations

import logging
import math
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from autolora.loading import FOUR_BIT


def is_there() -> bool:
    """Return whether the package that packs weights is installed."""
    return find_spec("bitsandbytes") is not None


def options(device: torch.device) -> dict[str, Any]:
    """Return what transformers must be told to pack the weights while it loads them."""
    from transformers import BitsAndBytesConfig

    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # on a CPU it asks for a kernel that nothing here uses
    return {"quantization_config": BitsAndBytesConfig(**FOUR_BIT), "device_map": {"": device}}


def is_packed(weight: Any) -> bool:
    """Return whether a weight is packed."""
    return getattr(weight, "quant_state", None) is not None


def unpacked(weight: Any) -> Tensor:
    """Return a packed weight as a matrix ``(out, in)``, in the precision of its products."""
    from bitsandbytes.functional import dequantize_4bit

    matrix: Tensor = dequantize_4bit(weight.data, weight.quant_state)
    return matrix


def count(weight: Any) -> int:
    """Return how many parameters a weight holds, packed or not."""
    return math.prod(weight.quant_state.shape) if is_packed(weight) else int(weight.numel())
