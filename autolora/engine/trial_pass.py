"""Passes of made-up rows, forward and back through every layer: by them an engine chooses how it computes.

Knows engines; knows none of what is chosen between.
"""

from __future__ import annotations

import numpy as np

from autolora.engine.device import least_seconds
from autolora.engine.engine import Engine
from autolora.records import AdapterConfig

ROWS = 8
_LENGTH_QUANTILE = 0.75
_SLOT = "trial pass"


def usual_length(engine: Engine) -> int:
    """Return the tokens of a training row that is longer than most."""
    return int(np.quantile(engine.splits["train"].kept_lengths, _LENGTH_QUANTILE))


def smallest(engine: Engine) -> AdapterConfig:
    """Return the smallest adapter whose gradient goes through every layer; untrained, it adds nothing to the base."""
    lowest = tuple(engine.base.architecture.shapes)[:1]
    return AdapterConfig(rank=1, alpha=1, target_modules=lowest, layers=(0,), learning_rate=1e-3)


def seconds(engine: Engine) -> float:
    """Return the least seconds of a pass of the smallest adapter whose gradient goes through every layer.

    Args:
        engine: With no slot taken.
    """
    length = usual_length(engine)
    engine.admit(_SLOT, smallest(engine), seed=0)
    try:
        return least_seconds(engine.base.device, lambda: engine.probe_pass([_SLOT], ROWS, length))
    finally:
        engine.release(_SLOT)
