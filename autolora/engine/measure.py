"""The peak memory of training one configuration alone, measured in a process of its own.

Protocol: the base and one slot are loaded; three optimiser steps on rows of full length, every row through every layer;
the peak is that of ``live_bytes``.
"""

from __future__ import annotations

import json
import sys

from autolora.records import AdapterConfig, from_json

_STEPS = 3


def peak_bytes(
    folder: str,
    config: AdapterConfig,
    *,
    num_labels: int,
    length: int,
    precision: str,
    attention: str,
    device: str,
    fused_norms: bool = False,
    writes: bool = False,
) -> int:
    """Return the measured peak in bytes; to be called in a fresh process. Of what ``writes``, rows are all answer."""
    import numpy as np

    from autolora.engine import device as devices
    from autolora.engine import norms
    from autolora.engine.base import load_base
    from autolora.engine.checkpoint import find
    from autolora.engine.engine import Engine
    from autolora.engine.live_bytes import peak_in
    from autolora.tasks.kinds import task_of
    from autolora.tasks.problems import Generation, SingleLabel
    from autolora.tasks.task import Encoded

    place = devices.pick(device)
    checkpoint = find(folder)
    problem = Generation() if writes else SingleLabel(classes=tuple(map(str, range(num_labels))))
    task = task_of(problem, max_length=length, folder=checkpoint.folder)
    base = load_base(checkpoint, task, precision=precision, device=place, attention=attention)  # type: ignore[arg-type]
    norms.use(base, fused=fused_norms)
    rows = config.batch_size * _STEPS
    blank = task.blank(rows, length)
    data = Encoded(
        tokens=tuple(blank.tokens),
        targets=blank.targets,
        full_lengths=np.full(rows, length),
        unknown_share=0.0,
    )
    engine = Engine(base, task, {"train": data})
    with peak_in(place, base.model.parameters()) as peak:
        engine.admit("alone", config, seed=0)
        for _ in range(_STEPS):
            engine.step(["alone"])
    return peak.bytes


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    wanted["config"] = from_json(wanted["config"], AdapterConfig)
    print(peak_bytes(**wanted))
