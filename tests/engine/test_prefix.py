"""Promise 1 with reused prefixes: what is computed once for all slots changes none of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autolora.engine import state
from autolora.engine.row_cache import FileRows, MemoryRows, RowCache
from autolora.records import AdapterConfig
from tests.conftest import relabelled
from tests.engine.plain_peft import PlainPeft
from tests.engine.test_promise import (
    STEPS,
    engine_for,
    trained_with_joins_and_leaves,
    worst_relative_difference,
)

pytestmark = [pytest.mark.tiny, pytest.mark.usefixtures("unrounded")]

FAMILIES = ("bert", "distilbert", "roberta", "llama", "qwen2", "qwen3", "gemma3", "gpt2")


def in_memory(limit_bytes: int = 1 << 24) -> RowCache:
    return RowCache(MemoryRows(limit_bytes))


def configs_with_cuts(engine) -> dict[str, AdapterConfig]:
    """Return adapters whose first layers differ, on a model of four."""
    modules = engine.base.architecture.modules

    def config(rank: int, group: str, layers: tuple[int, ...], rate: float, **others) -> AdapterConfig:
        return AdapterConfig(
            rank=rank,
            alpha=2 * rank,
            target_modules=modules(group),
            layers=layers,
            learning_rate=rate,
            epochs=6.0,
            **{"batch_size": 8, **others},
        )

    return {
        "last": config(1, "attention_qv", (3,), 1e-2),
        "whole": config(4, "all_linear", (0, 1, 2, 3), 3e-3),
        "half": config(8, "mlp", (2, 3), 5e-3, weight_decay=0.01),
        "gap": config(2, "attention", (1, 3), 1e-2, batch_size=5),
    }


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_packs_that_mix_first_layers_equal_plain_peft_alone(family, together, tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(family, layers=4), tiny_dataset, chunk_rows=64, cache=in_memory())
    assert engine.base.stack is not None, "this family is to reuse prefixes"
    engine.base.pack.together = together
    configs = configs_with_cuts(engine)
    plain = {name: PlainPeft(engine, config, seed=7) for name, config in configs.items()}

    ours = trained_with_joins_and_leaves(engine, configs)

    for name, solo in plain.items():
        solo.train(STEPS)
        assert worst_relative_difference(ours[name], solo.tensors()) < 1e-9, name


@pytest.mark.parametrize("family", ["llama", "gemma2", "gemma3", "gpt2", "phi", "opt"])
def test_packs_that_write_reuse_prefixes_too(family, tiny_folder, tiny_dataset) -> None:
    folder, dataset = tiny_folder(family, layers=4, writes=True), relabelled(tiny_dataset, "generation")
    engine = engine_for(folder, dataset, chunk_rows=64, cache=in_memory())
    assert engine.base.stack is not None, "this family is to reuse prefixes"
    configs = configs_with_cuts(engine)
    plain = {name: PlainPeft(engine, config, seed=7) for name, config in configs.items()}

    ours = trained_with_joins_and_leaves(engine, configs)

    for name, solo in plain.items():
        solo.train(STEPS)
        assert worst_relative_difference(ours[name], solo.tensors()) < 1e-9, name


@pytest.mark.parametrize("cache", ["none", "nothing fits", "little fits"])
def test_nothing_changes_with_the_cache(cache, tiny_folder, tiny_dataset) -> None:
    caches = {"none": None, "nothing fits": in_memory(0), "little fits": in_memory(50_000)}
    folder = tiny_folder("bert", layers=4)
    reusing = engine_for(folder, tiny_dataset, chunk_rows=64, cache=in_memory())
    other = engine_for(folder, tiny_dataset, chunk_rows=64, cache=caches[cache])
    configs = configs_with_cuts(reusing)

    ours, theirs = (trained_with_joins_and_leaves(engine, configs) for engine in (reusing, other))

    for name in configs:
        assert worst_relative_difference(ours[name], theirs[name]) < 1e-9, name


def test_scores_are_those_of_the_whole_model(tiny_folder, tiny_dataset) -> None:
    folder = tiny_folder("llama", layers=4)
    reusing = engine_for(folder, tiny_dataset, cache=in_memory())
    whole = engine_for(folder, tiny_dataset)
    config = configs_with_cuts(whole)["half"]
    for engine in (reusing, whole):
        engine.admit("x", config, seed=3)
        engine.step(["x"])

    assert np.abs(reusing.logits("x", "test") - whole.logits("x", "test")).max() < 1e-6


def counted_passes(engine) -> list[list[int]]:
    """Have an engine note how many rows every layer worked on, pass by pass."""
    passes: list[list[int]] = []
    for layer, block in enumerate(engine.base.stack.blocks):
        attention = block.attention.self.query

        def note(_, args, layer=layer) -> None:
            if layer == 0 or not passes or passes[-1][layer] or any(passes[-1][layer:]):
                passes.append([0] * engine.base.stack.depth)
            passes[-1][layer] = len(args[0])

        attention.register_forward_pre_hook(note)
    return passes


def test_rows_of_several_slots_pass_the_lower_layers_once_and_never_again(tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder("bert", layers=4), tiny_dataset, chunk_rows=64, cache=in_memory())
    configs = configs_with_cuts(engine)
    for name in ("last", "half"):
        engine.admit(name, configs[name], seed=7)
    engine.admit("last again", configs["last"], seed=7)
    passes = counted_passes(engine)

    engine.step(["last", "last again", "half"])
    first_step = passes[:]
    per_epoch = engine.slots["last"].steps_in_epoch
    for _ in range(per_epoch - 1):
        engine.step(["last", "half"])
    passes.clear()
    for _ in range(per_epoch):
        engine.step(["last", "half"])

    # One pass of the eight rows through layers 0 to 2, then each slot's rows from its first layer on.
    assert first_step == [[8, 8, 8, 0], [0, 0, 8, 24]]
    assert passes == [[0, 0, 8, 16]] * per_epoch


def test_a_family_whose_layers_share_more_than_hidden_states_trains_without(tiny_folder, tiny_dataset) -> None:
    from autolora.engine.stack import prepare

    class Layer(torch.nn.Module):
        def forward(self, hidden, shared):
            shared.count += 1
            return hidden * shared.count

    class Shared:
        count = 0

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Embedding(64, 4)
            self.layers = torch.nn.ModuleList([Layer(), Layer()])

        def forward(self, input_ids, attention_mask):
            hidden, shared = self.embed(input_ids), Shared()
            for layer in self.layers:
                hidden = layer(hidden, shared)
            return type("Output", (), {"logits": hidden[:, 0]})

    model = Model()
    before = model(torch.arange(6).view(2, 3), None).logits

    assert prepare(model, list(model.layers), heads=(), pad_token=0) is None
    assert torch.equal(model(torch.arange(6).view(2, 3), None).logits, before)


def test_what_was_computed_is_found_by_the_next_engine(tiny_folder, tiny_dataset, tmp_path) -> None:
    folder = tiny_folder("bert", layers=4)

    def engine_with_file():
        file = FileRows(
            tmp_path / "rows",
            limit_bytes=1 << 24,
            identity="this base",
            width=32,
            dtype=torch.float64,
            warn=pytest.fail,
        )
        return engine_for(folder, tiny_dataset, chunk_rows=64, cache=RowCache(MemoryRows(0), file))

    first = engine_with_file()
    config = configs_with_cuts(first)["last"]
    first.admit("x", config, seed=7)
    for _ in range(STEPS):
        first.step(["x"])
    first.cache.close()
    second = engine_with_file()
    second.admit("x", config, seed=7)
    passes = counted_passes(second)
    for _ in range(STEPS):
        second.step(["x"])

    assert {tuple(rows) for rows in passes} == {(0, 0, 0, 8)}
    theirs, ours = (state.adapter_tensors(engine.slots["x"]) for engine in (first, second))
    assert worst_relative_difference(ours, theirs) < 1e-9
