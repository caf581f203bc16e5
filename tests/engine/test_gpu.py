"""What the other tests show on a CPU, shown again where numbers are made in another way and memory is another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from autolora.engine import norms, state, together, writing
from autolora.engine.measure import peak_bytes
from autolora.engine.row_cache import MemoryRows, RowCache
from autolora.engine.start import start
from autolora.errors import TrialDiverged
from tests.conftest import relabelled
from tests.engine.plain_peft import PlainPeft
from tests.engine.test_four_bit import CHOICES, PARAMS, WIDTH
from tests.engine.test_prefix import configs_with_cuts
from tests.engine.test_promise import (
    STEPS,
    engine_for,
    mixed_configs,
    spec_of,
    trained_with_joins_and_leaves,
    worst_relative_difference,
)
from tests.engine.test_writing import trained

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")]

GPU = "cuda"


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("family", ["bert", "llama"])
def test_a_pack_with_joins_and_leaves_equals_plain_peft_alone_on_a_cpu(
    family, joint, tiny_folder, tiny_dataset
) -> None:
    engine = engine_for(tiny_folder(family), tiny_dataset, device=GPU)
    engine.base.pack.together = joint
    configs = mixed_configs(engine)
    plain = {name: PlainPeft(engine, config, seed=7) for name, config in configs.items()}

    ours = trained_with_joins_and_leaves(engine, configs)

    for name, solo in plain.items():
        solo.train(STEPS)
        assert worst_relative_difference(ours[name], solo.tensors()) < 1e-8, name


@pytest.mark.parametrize("joint", [False, True])
def test_slots_that_join_at_several_layers_train_as_without_a_cache(joint, tiny_folder, tiny_dataset) -> None:
    cache = RowCache(MemoryRows(1 << 24), device=torch.device(GPU))
    reusing, plain = (
        engine_for(tiny_folder("bert", layers=4), tiny_dataset, device=GPU, cache=it) for it in (cache, None)
    )
    configs = configs_with_cuts(reusing)
    for engine in (reusing, plain):
        engine.base.pack.together = joint

    ours, theirs = (trained_with_joins_and_leaves(engine, configs) for engine in (reusing, plain))

    for name in configs:
        assert worst_relative_difference(ours[name], theirs[name]) < 1e-8, name


def test_a_slot_that_diverges_is_found_later_and_costs_its_neighbour_nothing(tiny_folder, tiny_dataset) -> None:
    engine, quiet = (engine_for(tiny_folder(), tiny_dataset, device=GPU) for _ in range(2))
    configs = mixed_configs(engine)
    for name in ("small", "wide"):
        engine.admit(name, configs[name], seed=0)
    quiet.admit("wide", configs["wide"], seed=0)
    failures = {}
    for step in range(20):
        if step == 3:
            next(iter(engine.slots["small"].parameters.values())).fill_(float("nan"))
        failures |= engine.step(["small", "wide"])
        quiet.step(["wide"])

    assert isinstance(failures["small"], TrialDiverged)
    assert "step 4" in str(failures["small"])
    ours, theirs = (state.adapter_tensors(e.slots["wide"]) for e in (engine, quiet))
    assert worst_relative_difference(ours, theirs) < 1e-8


def test_a_slot_resumed_from_a_file_goes_on_as_if_it_had_never_stopped(tiny_folder, tiny_dataset, tmp_path) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset, device=GPU)
    config = replace(mixed_configs(engine)["wide"], dropout=0.2)
    for name in ("whole", "broken"):
        engine.admit(name, config, seed=1)
    for _ in range(7):
        engine.step(["whole", "broken"])
    state.write(engine.snapshot("broken"), tmp_path / "slot.safetensors")
    engine.release("broken")
    engine.admit("broken", config, seed=1, state=state.read(tmp_path / "slot.safetensors"))
    for _ in range(9):
        engine.step(["whole", "broken"])

    ours, theirs = (state.adapter_tensors(engine.slots[name]) for name in ("broken", "whole"))
    assert worst_relative_difference(ours, theirs) < 1e-9


@pytest.mark.parametrize("precision", ["exact", "fast", "4bit"])
def test_an_engine_starts_learns_and_predicts_its_memory(precision, tiny_folder, tiny_dataset) -> None:
    folder = tiny_folder("llama", layers=4, width=WIDTH)
    engine, facts = start(spec_of(folder, tiny_dataset, precision, choices=CHOICES))
    config = facts.costs.config(PARAMS)
    slot = engine.admit("x", config, seed=0)
    before = (engine.outputs("x", "train") == engine.splits["train"].targets).mean()
    for _ in range(slot.total_steps):
        assert engine.step(["x"]) == {}

    assert (engine.outputs("x", "train") == engine.splits["train"].targets).mean() > before + 0.2
    assert np.isfinite(slot.mean_loss())
    measured = peak_bytes(
        str(folder),
        config,
        num_labels=3,
        length=24,
        precision=precision,
        attention=facts.attention,
        fused_norms=facts.fused_norms,
        device=GPU,
    )
    assert facts.costs.peak_memory_bytes(config) == pytest.approx(measured, rel=0.1)


def test_both_ways_of_taking_products_are_timed(tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset, dtype=torch.float32, device=GPU)

    assert together.choose(engine) == engine.base.pack.together
    assert not engine.slots


@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_both_ways_of_computing_norms_are_timed(family, tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(family), tiny_dataset, dtype=torch.float32, device=GPU)

    assert norms.choose(engine) in (True, False)
    assert not engine.slots


@pytest.mark.parametrize("family", ["llama", "gemma3", "t5"])
def test_adapters_that_write_train_as_plain_peft_does_on_a_cpu(family, tiny_folder, tiny_dataset) -> None:
    folder = tiny_folder(family, writes=True)
    engine = engine_for(folder, relabelled(tiny_dataset, "generation"), device=GPU)
    on_cpu = engine_for(folder, relabelled(tiny_dataset, "generation"))
    configs = mixed_configs(engine)
    plain = {name: PlainPeft(on_cpu, config, seed=7) for name, config in configs.items()}

    ours = trained_with_joins_and_leaves(engine, configs)

    for name, solo in plain.items():
        solo.train(STEPS)
        assert worst_relative_difference({k: v.cpu() for k, v in ours[name].items()}, solo.tensors()) < 1e-6, name


@pytest.mark.parametrize("family", ["llama", "gemma3", "t5"])
def test_what_is_written_on_a_gpu_is_what_is_written_on_a_cpu(family, tiny_folder, tiny_dataset) -> None:
    written = {}
    for device in ("cpu", GPU):
        engine = engine_for(
            tiny_folder(family, writes=True), relabelled(tiny_dataset, "generation"), dtype=torch.float32, device=device
        )
        names = list(trained(engine))
        found = writing.answers(engine, names, "test", most_tokens=9)
        written[device] = [answer.tolist() for name in names for answer in found[name]]

    assert np.mean([one == other for one, other in zip(written["cpu"], written[GPU], strict=True)]) >= 0.95
