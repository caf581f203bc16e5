from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from autolora.engine import norms, state, trial_pass
from tests.engine.test_prefix import configs_with_cuts, in_memory
from tests.engine.test_promise import engine_for, worst_relative_difference

pytestmark = pytest.mark.tiny

LAYERS = 2


@pytest.mark.parametrize(
    ("family", "in_a_layer"),
    [("llama", 2), ("qwen2", 2), ("qwen3", 4), ("gemma3", 6), ("bert", 0), ("gpt2", 0)],
)
def test_every_rms_norm_is_found_and_no_other_norm(family, in_a_layer, tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(family), tiny_dataset, dtype=torch.float32)

    assert norms.use(engine.base, fused=True) == in_a_layer * LAYERS
    assert norms.use(engine.base, fused=False) == in_a_layer * LAYERS


def test_a_norm_that_does_more_is_left_as_it_is(tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder("llama"), tiny_dataset, dtype=torch.float32)
    norm = engine.base.model.get_submodule(engine.base.architecture.stacks[0].name)[0].input_layernorm

    class Shifted(type(norm)):
        def forward(self, hidden_states):
            return super().forward(hidden_states) + 0.5

    norm.__class__ = Shifted

    assert norms.use(engine.base, fused=True) == 2 * LAYERS - 1
    assert "forward" not in norm.__dict__


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3"])
def test_an_adapter_trains_to_the_same_weights_with_either(family, tiny_folder, tiny_dataset) -> None:
    trained = []
    for fused in (False, True):
        engine = engine_for(tiny_folder(family, layers=4), tiny_dataset, dtype=torch.float64, cache=in_memory())
        # Norms as they are after training: of fresh ones all weights are alike.
        generator = torch.Generator().manual_seed(1)
        for name, parameter in engine.base.model.named_parameters():
            if "norm" in name:
                parameter.data += 0.2 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
        assert norms.use(engine.base, fused=fused)
        engine.admit("x", configs_with_cuts(engine)["half"], seed=3)
        for _ in range(5):
            assert engine.step(["x"]) == {}
        trained.append(state.adapter_tensors(engine.slots["x"]))

    # Families round to float32 inside a norm, torch does not.
    assert worst_relative_difference(*trained) < 1e-4


@pytest.mark.parametrize(("own", "torchs", "fused"), [(2.0, 1.0, True), (1.0, 1.0, False), (1.0, 2.0, False)])
def test_torchs_is_used_where_it_is_clearly_faster(own, torchs, fused, tiny_folder, tiny_dataset, monkeypatch) -> None:
    engine = engine_for(tiny_folder("llama"), tiny_dataset, dtype=torch.float32)
    norm = engine.base.model.get_submodule(engine.base.architecture.stacks[0].name)[0].input_layernorm
    monkeypatch.setattr(trial_pass, "seconds", lambda engine: torchs if "forward" in norm.__dict__ else own)
    engine.base = replace(engine.base, device=torch.device("cuda"))

    assert norms.choose(engine) == fused
    assert ("forward" in norm.__dict__) == fused


def test_on_a_cpu_nothing_is_timed(tiny_folder, tiny_dataset, monkeypatch) -> None:
    engine = engine_for(tiny_folder("llama"), tiny_dataset, dtype=torch.float32)
    monkeypatch.setattr(trial_pass, "seconds", lambda engine: pytest.fail("timed"))

    assert not norms.choose(engine)
