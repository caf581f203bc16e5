"""Bases in 4 bits: trained on as they are, and the same in plain transformers and peft."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from autolora import bundle_check
from autolora.bundle import peft_config
from autolora.engine import device as devices
from autolora.engine import four_bit, state
from autolora.engine.costs import CostModel
from autolora.engine.measure import peak_bytes
from autolora.engine.start import start
from autolora.errors import EngineError
from autolora.loading import FOUR_BIT
from tests.engine.test_promise import engine_for, mixed_configs, spec_of

pytestmark = pytest.mark.tiny
needs_bf16 = pytest.mark.skipif(
    not devices.has_bf16(torch.device("cpu")), reason="4 bits need a CPU with instructions for bf16"
)

WIDTH = 128
"""On a CPU the package's own products want a multiple of 64."""
PARAMS = {
    "rank": 4, "alpha_over_rank": 1, "use_rslora": False, "target_modules": "all_linear", "layers": "all",
    "learning_rate": 1e-2, "dropout": 0.0, "warmup_share": 0.0, "weight_decay": 0.0, "epochs": 4.0, "batch_size": 8,
}  # fmt: skip


CHOICES = (("all_linear", "all"),)


def in_four_bits(folder, dataset, **options):
    return engine_for(folder, dataset, dtype=None, precision="4bit", **options)


@needs_bf16
@pytest.mark.parametrize("family", ["bert", "distilbert", "llama", "gpt2"])
def test_an_adapter_trained_on_4_bits_gives_the_same_answers_in_plain_peft_on_4_bits(
    family, tiny_folder, tiny_dataset, tmp_path
) -> None:
    folder = tiny_folder(family, width=WIDTH)
    engine, facts = start(spec_of(folder, tiny_dataset, "4bit", choices=CHOICES))
    config = facts.costs.config(PARAMS)
    slot = engine.admit("x", config, seed=0)
    before = engine.outputs("x", "train") == engine.splits["train"].targets
    for _ in range(slot.total_steps):
        assert engine.step(["x"]) == {}
    assert (engine.outputs("x", "train") == engine.splits["train"].targets).mean() > before.mean() + 0.2

    save_file(state.adapter_tensors(slot), tmp_path / "adapter_model.safetensors", {"format": "pt"})
    (tmp_path / "adapter_config.json").write_text(json.dumps(peft_config(config, facts)))
    request = {"texts": list(tiny_dataset.validation.texts), "max_length": 24, "num_labels": 3}
    plain = bundle_check.logits_of(str(tmp_path), str(folder), request | {"quantization": FOUR_BIT})

    ours = engine.logits("x", "validation")
    assert (plain.argmax(1) == ours.argmax(1)).mean() > 0.95
    assert np.abs(plain - ours).mean() < 0.05 * np.abs(plain).mean()


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_slots_on_4_bits_do_not_depend_on_their_neighbours(family, tiny_folder, tiny_dataset) -> None:
    folder = tiny_folder(family, layers=4)
    packed, alone = (in_four_bits(folder, tiny_dataset, chunk_rows=rows) for rows in (64, 1))
    configs = mixed_configs(packed)
    for engine in (packed, alone):
        for name in ("small", "wide", "low"):
            engine.admit(name, configs[name], seed=0)
    for _ in range(6):
        assert packed.step(["small", "wide", "low"]) == {}
        for name in ("small", "wide", "low"):
            assert alone.step([name]) == {}

    for name in ("small", "wide", "low"):
        ours, theirs = packed.logits(name, "validation"), alone.logits(name, "validation")
        assert np.abs(ours - theirs).mean() < 0.05 * np.abs(theirs).mean()


@needs_bf16
def test_weights_in_4_bits_take_less_memory_and_are_counted_as_what_they_stand_for(tiny_folder, tiny_dataset) -> None:
    folder = tiny_folder("llama", layers=4, width=WIDTH)
    (_, packed), (_, fast) = (
        start(spec_of(folder, tiny_dataset, precision, choices=CHOICES)) for precision in ("4bit", "fast")
    )

    assert packed.base_params == fast.base_params
    assert packed.weight_bytes < 0.5 * fast.weight_bytes
    assert packed.precision == "4bit"


@needs_bf16
def test_memory_is_predicted_for_4_bits_too(tiny_folder, tiny_dataset) -> None:
    folder = tiny_folder("llama", layers=4, width=WIDTH)
    _, facts = start(spec_of(folder, tiny_dataset, "4bit", choices=CHOICES))
    costs: CostModel = facts.costs
    for changes in ({}, {"rank": 16}, {"batch_size": 16}):
        config = replace(costs.config(PARAMS), **changes)
        measured = peak_bytes(
            str(folder), config, num_labels=3, length=24, precision="4bit", attention=facts.attention, device="cpu"
        )
        assert costs.peak_memory_bytes(config) == pytest.approx(measured, rel=0.1), changes


def test_without_the_package_4_bits_are_refused_with_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(four_bit, "is_there", lambda: False)

    with pytest.raises(EngineError, match="precision 4bit needs the package bitsandbytes") as fault:
        devices.pick_precision(torch.device("cpu"), "4bit")
    assert fault.value.hint == "pip install 'autolora[4bit]'"
