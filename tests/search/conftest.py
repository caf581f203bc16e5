from __future__ import annotations

import pytest

from autolora.engine.start import EngineSpec
from autolora.space import Choice, Float, Space
from autolora.tasks.problems import problem_of

TINY_SPACE = Space(
    name="tiny",
    parameters={
        "rank": Choice(values=(1, 2, 4)),
        "target_modules": Choice(values=("attention_qv", "all_linear")),
        "layers": Choice(values=("last_1", "all")),
        "learning_rate": Float(low=1e-4, high=1.5e-2, log=True),
    },
    fixed={"alpha_over_rank": 4, "epochs": 10, "batch_size": 8, "max_length": 24},
)


@pytest.fixture(scope="session")
def tiny_spec(tiny_folder, tiny_dataset) -> EngineSpec:
    """Return what an engine on the tiny model needs."""
    return EngineSpec(
        folder=str(tiny_folder()),
        base_id="tiny-bert",
        problem=problem_of(tiny_dataset),
        max_length=24,
        train=tiny_dataset.train,
        validation=tiny_dataset.validation,
        precision="exact",
        choices=tuple((m, layers) for m in ("attention_qv", "all_linear") for layers in ("last_1", "all")),
    )
