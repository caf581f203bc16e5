"""How attention is computed: by the family's own code or by torch's fused kernel, whichever is faster on this base.

Which one wins turns on device, precision, length and the torch at hand: on a CPU the backward of the fused kernel took
half of a training step, on a GPU it is the other way round. So both are timed, in passes forward and back through every
layer; the usual one stays unless the other is clearly faster.
"""

from __future__ import annotations

from typing import Any

from autolora.engine import trial_pass
from autolora.engine.base import usual_attention
from autolora.engine.engine import Engine

IMPLEMENTATIONS = ("eager", "sdpa")
_CLEARLY = 1.15
"""How many times as fast the other must be."""
_WORTH_SECONDS = 0.01
"""A pass that takes no longer than this says nothing."""


def choose(engine: Engine) -> str:
    """Time both on rows of the training split's length, have the engine use one, and return which."""
    usual = usual_attention(engine.base.device)
    other = next(name for name in IMPLEMENTATIONS if name != usual)
    seconds = {name: _seconds(engine, name) for name in (usual, other)}
    chosen = other if seconds[usual] > max(_WORTH_SECONDS, _CLEARLY * seconds[other]) else usual
    use(engine.base.model, chosen)
    return chosen


def use(model: Any, name: str) -> None:
    """Have a model compute attention this way from now on."""
    if hasattr(model, "set_attn_implementation"):
        model.set_attn_implementation(name)
    else:
        model.config._attn_implementation = name  # transformers before it had a method for this


def _seconds(engine: Engine, name: str) -> float:
    """Return the least seconds of a pass forward and back; infinity where the family has no such implementation."""
    try:
        use(engine.base.model, name)
    except (ImportError, ValueError):
        return float("inf")
    return trial_pass.seconds(engine)
