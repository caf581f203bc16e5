from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch

from autolora.engine.measure import peak_bytes
from autolora.engine.memory import cost_model
from autolora.errors import BaseModelError, SpaceError
from tests.conftest import relabelled
from tests.engine.test_promise import engine_for, mixed_configs

pytestmark = pytest.mark.tiny

CHOICES = [(m, layers) for m in ("attention_qv", "attention", "mlp", "all_linear") for layers in ("last_1", "all", [0])]
PARAMS = {
    "rank": 4, "alpha_over_rank": 2, "use_rslora": False, "target_modules": "all_linear", "layers": "all",
    "learning_rate": 1e-3, "dropout": 0.0, "warmup_share": 0.0, "weight_decay": 0.0, "epochs": 2, "batch_size": 8,
}  # fmt: skip


@pytest.fixture(scope="module")
def engine(tiny_folder, tiny_dataset):
    return engine_for(tiny_folder(), tiny_dataset, dtype=torch.float32)


@pytest.fixture(scope="module")
def costs(engine):
    return cost_model(engine, CHOICES)


def test_trained_parameters_are_those_of_the_slot(engine, costs) -> None:
    for name, config in mixed_configs(engine).items():
        slot = engine.admit(name, config, seed=0)

        assert costs.trainable_params(config) == sum(p.numel() for p in slot.parameters.values())
        engine.release(name)


def test_lower_cuts_higher_ranks_and_larger_batches_take_more_memory(engine, costs) -> None:
    config = costs.config(PARAMS | {"layers": "last_1"})
    last = costs.peak_memory_bytes(config)

    assert costs.peak_memory_bytes(costs.config(PARAMS)) > last
    assert costs.peak_memory_bytes(replace(config, rank=8)) > last
    assert costs.peak_memory_bytes(replace(config, batch_size=32)) > last
    assert last > engine.base.weight_bytes


@pytest.mark.parametrize(
    ("family", "writes"),
    [
        ("bert", False),
        ("llama", False),
        ("gpt2", False),
        ("llama", True),
        ("gemma3", True),
        ("gpt2", True),
        ("t5", True),
    ],
)
@pytest.mark.parametrize("precision", ["exact", "fast"])
def test_what_is_predicted_is_what_is_measured(family, writes, precision, tiny_folder, tiny_dataset) -> None:
    length, folder = 24, tiny_folder(family, layers=4, writes=writes)
    dtype = torch.float32 if precision == "exact" else torch.bfloat16
    dataset = relabelled(tiny_dataset, "generation") if writes else tiny_dataset
    engine = engine_for(folder, dataset, dtype=None, precision=precision)
    assert engine.base.dtype == dtype
    costs = cost_model(engine, CHOICES)
    off = {}
    for modules, layers, rank, rows in product(("attention_qv", "all_linear"), ("last_1", "all"), (1, 16), (4, 16)):
        config = costs.config(PARAMS | {"target_modules": modules, "layers": layers, "rank": rank, "batch_size": rows})
        measured = peak_bytes(
            str(folder),
            config,
            num_labels=3,
            length=length,
            precision=precision,
            attention="eager",
            device="cpu",
            writes=writes,
        )
        off[modules, layers, rank, rows] = costs.peak_memory_bytes(config) / measured - 1

    assert max(map(abs, off.values())) < 0.1, off


def test_measuring_leaves_no_slot_behind(engine, costs) -> None:
    assert not engine.slots
    assert not any(module.shares for module in engine.base.linears.values())


def test_what_the_model_lacks_is_named_with_what_it_has(engine) -> None:
    with pytest.raises(BaseModelError, match=r"no linear module 'q_proj'.*attention\.self\.query"):
        cost_model(engine, [(["q_proj"], "all")])
    with pytest.raises(BaseModelError, match="layers 0 to 1"):
        cost_model(engine, [("attention", [7])])
    with pytest.raises(BaseModelError, match="no range 'last_9' in a model of 2 layers"):
        cost_model(engine, [("attention", "last_9")])


def test_a_pair_that_was_not_measured_is_refused(costs) -> None:
    with pytest.raises(SpaceError, match="not in the search space"):
        costs.config(PARAMS | {"layers": [1]})
