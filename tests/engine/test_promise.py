"""Promise 1: a slot does not depend on its neighbours, and equals plain PEFT trained alone."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from autolora.engine import state
from autolora.engine.base import load_base
from autolora.engine.checkpoint import find
from autolora.engine.engine import Engine
from autolora.engine.start import EngineSpec
from autolora.records import AdapterConfig
from autolora.tasks.kinds import task_of
from autolora.tasks.problems import problem_of
from autolora.tasks.task import load_tokenizer
from tests.conftest import relabelled
from tests.engine.plain_peft import PlainPeft

pytestmark = pytest.mark.tiny

STEPS = 20
LENGTH = 24


def engine_for(
    folder, dataset, *, chunk_rows=0, dtype=torch.float64, cache=None, precision="exact", device="cpu"
) -> Engine:
    checkpoint = find(str(folder))
    task = task_of(problem_of(dataset), max_length=LENGTH, folder=checkpoint.folder)
    base = load_base(checkpoint, task, precision=precision, device=torch.device(device), dtype=dtype)
    tokenizer = load_tokenizer(checkpoint.folder)
    splits = {name: task.encode(tokenizer, getattr(dataset, name)) for name in ("train", "validation", "test")}
    # As many rows as are asked for pass at once, whatever their lengths.
    packing = {"chunk_tokens": chunk_rows * LENGTH, "most_padding": math.inf} if chunk_rows else {}
    return Engine(base, task, splits, cache=cache, **packing)


def spec_of(folder, dataset, precision, **options) -> EngineSpec:
    """Return what an engine of its own is started with on the same rows."""
    return EngineSpec(
        folder=str(folder),
        base_id="tiny",
        problem=problem_of(dataset),
        max_length=LENGTH,
        train=dataset.train,
        validation=dataset.validation,
        precision=precision,
        **options,
    )


def mixed_configs(engine: Engine) -> dict[str, AdapterConfig]:
    """Return configurations that differ in rank, scaling, modules, layers, rate, decay, warm-up and batch size."""
    modules = engine.base.architecture.modules
    common = {"epochs": 6.0, "batch_size": 8}
    return {
        "small": AdapterConfig(
            rank=1, alpha=2, target_modules=modules("attention_qv"), layers=(1,), learning_rate=1e-2, **common
        ),
        "wide": AdapterConfig(
            rank=8,
            alpha=8,
            use_rslora=True,
            target_modules=modules("all_linear"),
            layers=(0, 1),
            learning_rate=3e-3,
            **common,
        ),
        "low": AdapterConfig(
            rank=4,
            alpha=16,
            target_modules=modules("mlp"),
            layers=(0,),
            learning_rate=5e-3,
            warmup_share=0.1,
            weight_decay=0.01,
            **common,
        ),
        "other_batch": AdapterConfig(
            rank=2,
            alpha=2,
            target_modules=modules("attention"),
            layers=(0, 1),
            learning_rate=2e-2,
            epochs=6.0,
            batch_size=5,
        ),
    }


def worst_relative_difference(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> float:
    assert ours.keys() == theirs.keys()
    return max(float((ours[k] - theirs[k]).norm() / theirs[k].norm().clamp_min(1e-12)) for k in ours)


def trained_with_joins_and_leaves(engine: Engine, configs: dict[str, AdapterConfig]) -> dict[str, dict]:
    """Return four adapters after ``STEPS`` steps each, in packs that change: two begin, one joins them, one follows."""
    first, second, late, last = configs
    for name in (first, second):
        engine.admit(name, configs[name], seed=7)
    for _ in range(4):
        assert engine.step([first, second]) == {}
    engine.admit(late, configs[late], seed=7)
    for _ in range(STEPS - 4):
        assert engine.step([late, second, first]) == {}
    ours = {name: state.adapter_tensors(engine.slots[name]) for name in (first, second)}
    for name in (first, second):
        engine.release(name)
    engine.admit(last, configs[last], seed=7)
    for _ in range(4):
        assert engine.step([late, last]) == {}
    ours[late] = state.adapter_tensors(engine.slots[late])
    for _ in range(STEPS - 4):
        assert engine.step([last]) == {}
    ours[last] = state.adapter_tensors(engine.slots[last])
    return ours


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta", "llama", "gpt2"])
def test_a_pack_with_joins_and_leaves_equals_plain_peft_alone(
    family, together, tiny_folder, tiny_dataset, unrounded
) -> None:
    engine = engine_for(tiny_folder(family), tiny_dataset, chunk_rows=12)
    engine.base.pack.together = together
    configs = mixed_configs(engine)
    plain = {name: PlainPeft(engine, config, seed=7) for name, config in configs.items()}

    ours = trained_with_joins_and_leaves(engine, configs)

    for name, solo in plain.items():
        solo.train(STEPS)
        assert worst_relative_difference(ours[name], solo.tensors()) < 1e-9, name


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "gemma2", "gemma3", "gpt2", "phi", "opt", "t5"])
def test_adapters_that_write_are_packed_as_others_are(family, tiny_folder, tiny_dataset, unrounded) -> None:
    folder = tiny_folder(family, writes=True)
    engine = engine_for(folder, relabelled(tiny_dataset, "generation"), chunk_rows=12)
    configs = mixed_configs(engine)
    plain = {name: PlainPeft(engine, config, seed=7) for name, config in configs.items()}

    ours = trained_with_joins_and_leaves(engine, configs)

    for name, solo in plain.items():
        solo.train(STEPS)
        assert worst_relative_difference(ours[name], solo.tensors()) < 1e-9, name


@pytest.mark.parametrize(("family", "problem"), [("bert", "single_label"), ("llama", "generation")])
def test_between_slots_whose_products_are_taken_together_may_stand_one_without_any_and_with_other_rows(
    family, problem, tiny_folder, tiny_dataset, unrounded
) -> None:
    folder = tiny_folder(family, writes=problem == "generation")
    dataset = relabelled(tiny_dataset, problem) if problem == "generation" else tiny_dataset
    engine = engine_for(folder, dataset, chunk_rows=30)
    engine.base.pack.together = True
    wide = mixed_configs(engine)["wide"]
    modules = engine.base.architecture.modules
    configs = {
        "first": wide,
        "between": replace(wide, target_modules=modules("mlp"), batch_size=5, rank=2),
        "last": replace(wide, target_modules=modules("attention"), rank=4),
    }
    plain = {name: PlainPeft(engine, config, seed=7) for name, config in configs.items()}
    for name, config in configs.items():
        engine.admit(name, config, seed=7)

    for _ in range(STEPS):
        assert engine.step(list(configs)) == {}

    for name, solo in plain.items():
        solo.train(STEPS)
        assert worst_relative_difference(state.adapter_tensors(engine.slots[name]), solo.tensors()) < 1e-9, name


@pytest.mark.parametrize("problem", ["multi_label", "regression"])
@pytest.mark.parametrize("family", ["bert", "llama"])
def test_other_labels_are_packed_as_classes_are(family, problem, tiny_folder, tiny_dataset, unrounded) -> None:
    engine = engine_for(tiny_folder(family), relabelled(tiny_dataset, problem), chunk_rows=12)
    configs = mixed_configs(engine)
    plain = {name: PlainPeft(engine, config, seed=7) for name, config in configs.items()}

    engine.admit("wide", configs["wide"], seed=7)
    assert engine.step(["wide"]) == {}
    for name in ("small", "low"):
        engine.admit(name, configs[name], seed=7)
    for _ in range(STEPS - 1):
        assert engine.step(["wide", "small", "low"]) == {}
    ours = {"wide": state.adapter_tensors(engine.slots["wide"])}
    assert engine.step(["small", "low"]) == {}
    ours |= {name: state.adapter_tensors(engine.slots[name]) for name in ("small", "low")}

    for name, tensors in ours.items():
        plain[name].train(STEPS)
        assert worst_relative_difference(tensors, plain[name].tensors()) < 1e-9, name


def test_in_float32_the_gradients_of_one_step_agree_with_peft(tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset, dtype=torch.float32)
    configs = mixed_configs(engine)
    for name, config in configs.items():
        engine.admit(name, config, seed=3)
    # B starts at 0, which makes A's gradient 0: give it values so that both gradients are tested.
    generator = torch.Generator().manual_seed(5)
    for slot in engine.slots.values():
        with torch.no_grad():
            for parameter in slot.parameters.values():
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
    plain = {n: PlainPeft(engine, c, seed=3, start=state.adapter_tensors(engine.slots[n])) for n, c in configs.items()}

    kept: dict[str, dict[str, torch.Tensor]] = {}
    for name, slot in engine.slots.items():

        def keep_gradients(loss, name=name, slot=slot):
            slot.weights.complete_gradient()
            kept[name] = {key: g.clone() for key, g in slot.weights.named(slot.weights.gradient).items()}

        slot.update = keep_gradients  # type: ignore[method-assign]
    engine.step(list(configs))

    for name, solo in plain.items():
        assert worst_relative_difference(kept[name], solo.gradients()) < 1e-5, name


def test_a_slot_resumed_from_a_file_goes_on_as_if_it_had_never_stopped(tiny_folder, tiny_dataset, tmp_path) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset)
    config = replace(mixed_configs(engine)["wide"], dropout=0.2)
    engine.admit("whole", config, seed=1)
    engine.admit("broken", config, seed=1)
    for _ in range(7):
        engine.step(["whole", "broken"])
    state.write(engine.snapshot("broken"), tmp_path / "slot.safetensors")
    engine.release("broken")
    for _ in range(9):
        engine.step(["whole"])

    engine.admit("broken", config, seed=1, state=state.read(tmp_path / "slot.safetensors"))
    for _ in range(9):
        engine.step(["broken"])

    whole, broken = (state.adapter_tensors(engine.slots[name]) for name in ("whole", "broken"))
    assert worst_relative_difference(broken, whole) < 1e-9


def test_dropout_masks_do_not_depend_on_the_pack(tiny_folder, tiny_dataset) -> None:
    config_of = mixed_configs
    alone = engine_for(tiny_folder(), tiny_dataset, chunk_rows=8)
    packed = engine_for(tiny_folder(), tiny_dataset, chunk_rows=64)
    config = replace(config_of(alone)["wide"], dropout=0.3)
    alone.admit("x", config, seed=2)
    for name, other in config_of(packed).items():
        packed.admit(name, other, seed=9)
    packed.admit("x", config, seed=2)
    for _ in range(10):
        alone.step(["x"])
        packed.step([*config_of(packed), "x"])

    ours, theirs = state.adapter_tensors(packed.slots["x"]), state.adapter_tensors(alone.slots["x"])
    without = engine_for(tiny_folder(), tiny_dataset)
    without.admit("x", replace(config, dropout=0.0), seed=2)
    for _ in range(10):
        without.step(["x"])
    assert worst_relative_difference(ours, theirs) < 1e-9
    assert worst_relative_difference(ours, state.adapter_tensors(without.slots["x"])) > 1e-3


@pytest.mark.parametrize("family", ["bert", "roberta", "llama"])
def test_a_head_alone_beside_adapters_is_what_plain_torch_makes_of_it(family, tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(family), tiny_dataset)
    adapter = mixed_configs(engine)["small"]
    head = replace(adapter, target_modules=())
    # In plain PEFT: low-rank matrices that add nothing yet, and are never trained.
    plain = PlainPeft(engine, adapter, seed=7)
    plain.parameters = [p for name, p in plain.model.named_parameters() if p.requires_grad and "lora_" not in name]
    plain.train(STEPS)

    engine.admit("head", head, seed=7)
    engine.admit("adapter", adapter, seed=7)
    for _ in range(STEPS):
        assert engine.step(["head", "adapter"]) == {}

    ours = state.adapter_tensors(engine.slots["head"])
    theirs = {name: tensor for name, tensor in plain.tensors().items() if "lora_" not in name}
    assert worst_relative_difference(ours, theirs) < 1e-9
