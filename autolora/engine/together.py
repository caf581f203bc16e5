"""Whether low-rank products of several slots are taken together, or one slot after the other: whichever is faster here.

A GPU works through small products faster than it can be asked for them, and filling matrices up to the highest rank of
a pack costs it little; how little turns on the device and on the base's width. So both are timed, in passes of slots
of mixed ranks forward and back through every layer.
"""

from __future__ import annotations

from contextlib import ExitStack

from autolora.engine.device import least_seconds
from autolora.engine.engine import Engine
from autolora.engine.trial_pass import ROWS, usual_length
from autolora.records import AdapterConfig

_RANKS = (4, 8, 16, 32)


def choose(engine: Engine) -> bool:
    """Time both where slots pass together at all, have the engine use the faster one, and return whether it is joint.

    Args:
        engine: With no slot taken.
    """
    pack, arch = engine.base.pack, engine.base.architecture
    length = usual_length(engine)
    if engine.chunk_tokens < len(_RANKS) * ROWS * length:
        return pack.together
    names = [f"rank {rank} probe" for rank in _RANKS]
    seconds = {}
    with ExitStack() as after:
        for name, rank in zip(names, _RANKS, strict=True):
            config = AdapterConfig(
                rank=rank,
                alpha=rank,
                target_modules=arch.modules("all_linear"),
                layers=arch.layer_range("all"),
                learning_rate=1e-3,
            )
            engine.admit(name, config, seed=0)
            after.callback(engine.release, name)
        for joined in (False, True):
            pack.together = joined
            seconds[joined] = least_seconds(engine.base.device, lambda: engine.probe_pass(names, ROWS, length))
    pack.together = seconds[True] < seconds[False]
    return pack.together
