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
from autolora.errors import EngineError, TrialDiverged, TrialOutOfMemory
from autolora.tasks.problems import SingleLabel
from autolora.tasks.sequence import SequenceTask
from autolora.tasks.task import load_tokenizer
from tests.engine.test_promise import LENGTH, engine_for, mixed_configs, worst_relative_difference

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


def test_slots_pass_together_as_far_as_their_rows_are_of_about_one_length(tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset)
    engine.chunk_tokens, engine.most_padding = 60, 0.25
    short, long, longer = (np.full(24, tokens) for tokens in (4, 8, 10))
    for at, lengths in enumerate((short, longer, short, long, long, short, short)):
        config = replace(mixed_configs(engine)["small"], batch_size=3)
        engine.admit(str(at), config, seed=0).lengths = lengths

    groups = list(engine.chunks([str(at) for at in range(7)]))

    assert groups == [["0", "2", "5", "6"], ["3", "4"], ["1"]]
    engine.most_padding = 10.0
    assert list(engine.chunks(["0", "1", "3"])) == [["0", "3"], ["1"]], "what is padded counts in full"


def test_passes_are_no_larger_than_what_is_free(tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset, chunk_rows=64)
    engine.fit_to(free_bytes=10_000, bytes_per_row=1000.0)  # four fifths of it may be used
    slot = engine.admit("other_batch", replace(mixed_configs(engine)["other_batch"], batch_size=20), seed=0)
    engine.admit("small", mixed_configs(engine)["small"], seed=0)

    assert (slot.most_rows, engine.chunk_tokens) == (8, 8 * LENGTH)
    assert sorted(engine.chunks(["other_batch", "small"])) == [["other_batch"], ["small"]]
    engine.fit_to(free_bytes=0, bytes_per_row=1000.0)
    assert engine.most_rows == 1


class LittleMemory:
    """Has an engine's passes fail as if memory ran out, if too many rows of too dear slots pass forward and back."""

    def __init__(self, engine, *, rows: int, unless_recomputing: bool = False) -> None:
        self.seen: list[tuple[int, bool]] = []
        original = engine._pass

        def limited(passing):
            logits = original(passing)
            recomputing = engine.base.stack.recomputing
            if torch.is_grad_enabled():
                self.seen.append((len(passing.tokens), recomputing))
                if len(passing.tokens) > rows and not (recomputing and unless_recomputing):
                    raise torch.OutOfMemoryError("this device is small")
            return logits

        engine._pass = limited


def adapters_after(engine, configs, steps: int) -> dict[str, dict[str, torch.Tensor]]:
    for name, config in configs.items():
        engine.admit(name, config, seed=3)
    for _ in range(steps):
        assert engine.step(list(configs)) == {}
    return {name: state.adapter_tensors(engine.slots[name]) for name in configs}


@pytest.mark.parametrize(("rows", "unless_recomputing"), [(16, False), (8, False), (3, False), (0, True)])
def test_what_does_not_fit_at_once_passes_in_pieces_and_learns_the_same(
    rows, unless_recomputing, tiny_folder, tiny_dataset
) -> None:
    roomy, small = (engine_for(tiny_folder(), tiny_dataset, chunk_rows=64) for _ in range(2))
    configs = {
        name: replace(config, dropout=0.2 if name == "wide" else 0.0) for name, config in mixed_configs(roomy).items()
    }
    memory = LittleMemory(small, rows=rows, unless_recomputing=unless_recomputing)

    ours, theirs = adapters_after(small, configs, 6), adapters_after(roomy, configs, 6)

    for name in configs:
        assert worst_relative_difference(ours[name], theirs[name]) < 1e-9, name
    last = memory.seen[-4:]
    assert all(count <= max(rows, 1) for count, _ in last)
    assert all(recomputing == unless_recomputing for _, recomputing in last)


def test_what_cannot_be_scored_at_once_is_scored_in_pieces(tiny_folder, tiny_dataset) -> None:
    roomy, small = (engine_for(tiny_folder(), tiny_dataset) for _ in range(2))
    for engine in (roomy, small):
        engine.admit("x", mixed_configs(engine)["wide"], seed=3)
    original, most = small._pass, 5

    def limited(rows):
        if len(rows.tokens) > most:
            raise torch.OutOfMemoryError("this device is small")
        return original(rows)

    small._pass = limited

    assert small.logits("x", "test") == pytest.approx(roomy.logits("x", "test"), abs=1e-6)
    most = 0
    with pytest.raises(TrialOutOfMemory, match="scoring the test split does not fit on the device, even row by row"):
        small.outputs("x", "test")


def test_a_slot_that_fits_in_no_way_fails_alone(tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset, chunk_rows=64)
    LittleMemory(engine, rows=0)
    for name in ("small", "wide"):
        engine.admit(name, mixed_configs(engine)[name], seed=3)

    failures = engine.step(["small", "wide"])

    assert set(failures) == {"small", "wide"}
    assert all(isinstance(fault, TrialOutOfMemory) for fault in failures.values())
    assert "row by row" in str(failures["wide"])
    assert [slot.step for slot in engine.slots.values()] == [0, 0]


def test_a_slot_that_was_updated_before_memory_ran_out_takes_no_second_step(tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(), tiny_dataset, chunk_rows=64)
    configs = mixed_configs(engine)
    for name in ("small", "wide", "low"):
        engine.admit(name, configs[name], seed=3)
    original, asked = engine.slots["wide"].update, []

    def fails_once(loss):
        asked.append(engine.slots["small"].step)
        if len(asked) == 1:
            raise torch.OutOfMemoryError("no room for the optimiser's moments")
        return original(loss)

    engine.slots["wide"].update = fails_once

    assert engine.step(["small", "wide", "low"]) == {}
    assert {name: slot.step for name, slot in engine.slots.items()} == {"small": 1, "wide": 1, "low": 1}


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

    encoded = task.encode(load_tokenizer(tiny_folder()), split)

    assert encoded.truncated_share == 0.5
    assert encoded.unknown_share == pytest.approx(1 / 4)
    assert encoded.full_lengths.tolist() == [6, 4]


def test_slots_train_on_the_split_they_name_beside_slots_on_another(tiny_folder, tiny_dataset) -> None:
    part = subset(tiny_dataset.train, 40, seed=0)
    together, alone = (engine_for(tiny_folder(), tiny_dataset, chunk_rows=64) for _ in range(2))
    for engine in (together, alone):
        engine.splits["part"] = engine.task.encode(load_tokenizer(engine.base.checkpoint.folder), part)
        engine.admit("small", mixed_configs(engine)["small"], seed=0, train="part")
    together.admit("wide", mixed_configs(together)["wide"], seed=0)
    for _ in range(4):
        together.step(["small", "wide"])
        alone.step(["small"])

    assert together.slots["small"].steps_in_epoch == 5
    assert together.slots["wide"].steps_in_epoch == 12
    ours, theirs = (state.adapter_tensors(engine.slots["small"]) for engine in (together, alone))
    assert worst_relative_difference(ours, theirs) < 1e-9
