from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from autolora.data import subset
from autolora.engine import state
from autolora.engine.base import load_base
from autolora.engine.checkpoint import find
from autolora.engine.engine import Engine
from autolora.errors import EngineError, TrialDiverged
from autolora.tasks.problems import SingleLabel
from autolora.tasks.sequence import SequenceTask
from tests.engine.test_promise import engine_for, mixed_configs, worst_relative_difference

pytestmark = pytest.mark.tiny


def test_a_slot_that_diverges_is_quarantined_without_touching_its_neighbours(tiny_folder, tiny_dataset) -> None:
    engine, quiet = (engine_for(tiny_folder(), tiny_dataset, chunk_rows=64) for _ in range(2))
    configs = mixed_configs(engine)
    for name in ("small", "wide"):
        engine.admit(name, configs[name], seed=0)
    quiet.admit("wide", configs["wide"], seed=0)
    failures = {}
    for step in range(6):
        if step == 3:
            with torch.no_grad():
                next(iter(engine.slots["small"].parameters.values())).fill_(float("nan"))
        failures |= engine.step(["small", "wide"])
        quiet.step(["wide"])

    assert isinstance(failures["small"], TrialDiverged)
    assert "step 4" in str(failures["small"])
    assert engine.slots["small"].step == 3
    ours, theirs = (state.adapter_tensors(e.slots["wide"]) for e in (engine, quiet))
    assert worst_relative_difference(ours, theirs) < 1e-9


def test_a_device_that_is_not_asked_at_every_step_says_later_where_a_slot_diverged(tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset, chunk_rows=64)
    engine._unread_steps = 5  # as on a GPU, where each question waits for all that was asked of it
    slot = engine.admit("small", mixed_configs(engine)["small"], seed=0)
    engine.admit("wide", mixed_configs(engine)["wide"], seed=0)
    original, bad = engine._pass, iter([False, False, True, False, False, False, True])

    def spoilt(tokens):
        logits = original(tokens)
        rows = next(s for s in engine.base.pack.segments if s.slot == "small") if next(bad) else slice(0)
        return logits.index_fill(0, torch.arange(len(logits))[rows.start : rows.stop], float("nan"))

    engine._pass = spoilt
    kept = []
    for step in range(5):
        failures = engine.step(["small", "wide"])
        kept.append(state.adapter_tensors(slot))
        assert set(failures) == ({"small"} if step == 4 else set())

    assert "at step 3 of" in str(failures["small"])
    assert slot.step == 2
    assert all(torch.equal(kept[1][name], kept[2][name]) for name in kept[1])
    engine.step(["small", "wide"])
    engine.step(["small", "wide"])
    with pytest.raises(TrialDiverged, match="at step 4 of"):
        engine.outputs("small", "validation")


def test_training_learns_what_the_words_tell(tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset, dtype=torch.float32)
    config = replace(
        mixed_configs(engine)["wide"], learning_rate=1e-2, use_rslora=False, alpha=16, epochs=20.0, batch_size=16
    )
    slot = engine.admit("x", config, seed=0)
    before = (engine.outputs("x", "train") == engine.splits["train"].targets).mean()
    for _ in range(slot.total_steps):
        engine.step(["x"])

    after = (engine.outputs("x", "train") == engine.splits["train"].targets).mean()
    assert before < 0.6
    assert after > 0.8


def test_fast_precision_keeps_adapters_in_float32_and_scores_near_exact(tiny_folder, tiny_dataset) -> None:
    exact = engine_for(tiny_folder(), tiny_dataset, dtype=torch.float32)
    task = exact.task
    checkpoint = find(str(tiny_folder()))
    base = load_base(checkpoint, task, precision="fast", device=torch.device("cpu"))
    fast = Engine(base, task, exact.splits)
    config = mixed_configs(exact)["wide"]
    for engine in (exact, fast):
        engine.admit("x", config, seed=0)
        for _ in range(10):
            assert engine.step(["x"]) == {}

    assert {p.dtype for p in fast.slots["x"].parameters.values()} == {torch.float32}
    assert next(fast.base.linears.values().__iter__()).base.weight.dtype == torch.bfloat16
    assert np.abs(fast.logits("x", "test") - exact.logits("x", "test")).max() < 0.1


def test_scores_do_not_depend_on_how_rows_are_batched(tiny_folder, tiny_dataset, monkeypatch) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset)
    engine.admit("x", mixed_configs(engine)["wide"], seed=0)
    for _ in range(5):
        engine.step(["x"])
    together = engine.logits("x", "test")
    monkeypatch.setattr("autolora.engine.engine.SCORING_CHUNK_ROWS", 1)

    assert engine.logits("x", "test") == pytest.approx(together, abs=1e-6)


def test_release_frees_the_place_and_may_be_said_twice(tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset)
    config = mixed_configs(engine)["small"]
    engine.admit("x", config, seed=0)
    with pytest.raises(EngineError, match="taken"):
        engine.admit("x", config, seed=0)
    engine.release("x")
    engine.release("x")
    engine.admit("x", config, seed=0)

    assert sum(len(module.shares) for module in engine.base.linears.values()) == 2


def test_a_state_of_another_configuration_is_refused(tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset)
    configs = mixed_configs(engine)
    engine.admit("x", configs["small"], seed=0)
    kept = engine.snapshot("x")

    with pytest.raises(EngineError, match="another configuration"):
        engine.admit("y", configs["wide"], seed=0, state=kept)
    assert "y" not in engine.slots


def test_a_damaged_state_file_is_named(tmp_path) -> None:
    (tmp_path / "slot.safetensors").write_bytes(b"half of a file")

    with pytest.raises(EngineError, match=r"slot\.safetensors cannot be read"):
        state.read(tmp_path / "slot.safetensors")


def test_rows_at_a_step_are_the_same_for_all_adapters_of_a_seed(tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset)
    configs = mixed_configs(engine)
    first, second = (engine.admit(n, configs[n], seed=4) for n in ("small", "wide"))
    seen = []
    for _ in range(first.steps_in_epoch):
        assert first.batch_rows().tolist() == second.batch_rows().tolist()
        seen += first.batch_rows().tolist()
        engine.step(["small", "wide"])

    assert sorted(seen) == list(range(96))
    assert engine.admit("third", configs["small"], seed=5).batch_rows().tolist() != seen[:8]


def test_task_encoding_counts_unknown_tokens_and_cuts(tiny_folder, tiny_dataset) -> None:
    task = SequenceTask(problem=SingleLabel(classes=("a", "b")), max_length=4)
    split = replace(tiny_dataset.test, texts=("parcel van late door", "zzz card"), labels=(0, 1), row_ids=("1", "2"))

    encoded = task.encode(task.load_tokenizer(tiny_folder()), split)

    assert encoded.truncated_share == 0.5
    assert encoded.unknown_share == pytest.approx(1 / 4)
    assert encoded.full_lengths.tolist() == [6, 4]


def test_slots_train_on_the_split_they_name_beside_slots_on_another(tiny_folder, tiny_dataset) -> None:
    part = subset(tiny_dataset.train, 40, seed=0)
    together, alone = (engine_for(tiny_folder(), tiny_dataset, chunk_rows=64) for _ in range(2))
    for engine in (together, alone):
        engine.splits["part"] = engine.task.encode(engine.task.load_tokenizer(engine.base.checkpoint.folder), part)
        engine.admit("small", mixed_configs(engine)["small"], seed=0, train="part")
    together.admit("wide", mixed_configs(together)["wide"], seed=0)
    for _ in range(4):
        together.step(["small", "wide"])
        alone.step(["small"])

    assert together.slots["small"].steps_in_epoch == 5
    assert together.slots["wide"].steps_in_epoch == 12
    ours, theirs = (state.adapter_tensors(engine.slots["small"]) for engine in (together, alone))
    assert worst_relative_difference(ours, theirs) < 1e-9
