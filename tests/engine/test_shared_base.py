"""Several tasks on one base: nothing is loaded twice, and none changes what another one learns."""

from __future__ import annotations

import math

import pytest
import torch

from autolora.engine import state
from autolora.engine.base import load_base
from autolora.engine.checkpoint import find
from autolora.engine.engine import Engine
from autolora.engine.jobs import Job, array_of
from autolora.engine.row_cache import MemoryRows, Room, RowCache
from autolora.engine.runner import Runner
from autolora.engine.start import start
from autolora.errors import EngineError
from autolora.tasks.kinds import task_of
from autolora.tasks.problems import problem_of
from autolora.tasks.task import load_tokenizer
from tests.conftest import relabelled
from tests.engine.test_promise import LENGTH, engine_for, mixed_configs, spec_of, worst_relative_difference
from tests.engine.test_runner import wait_for

pytestmark = pytest.mark.tiny

STEPS = 20
FAMILIES = ("bert", "distilbert", "roberta", "llama")


def beside(engine: Engine, dataset) -> Engine:
    """Return another task's engine on the same base."""
    folder = engine.base.checkpoint.folder
    task = task_of(problem_of(dataset), max_length=LENGTH, folder=folder)
    tokenizer = load_tokenizer(folder)
    splits = {name: task.encode(tokenizer, getattr(dataset, name)) for name in ("train", "validation", "test")}
    return Engine(engine.base.for_task(task), task, splits)


def trained(engine: Engine, *, meanwhile=lambda step: None) -> dict[str, torch.Tensor]:
    for name, config in mixed_configs(engine).items():
        engine.admit(f"{id(engine)} {name}", config, seed=3)
    for step in range(STEPS):
        assert engine.step(list(engine.slots)) == {}
        meanwhile(step)
    return {
        f"{name.split(' ')[1]} {key}": tensor
        for name, slot in engine.slots.items()
        for key, tensor in state.adapter_tensors(slot).items()
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_tasks_that_take_turns_on_one_base_learn_what_each_learns_alone(family, tiny_folder, tiny_dataset) -> None:
    folder, other = tiny_folder(family), relabelled(tiny_dataset, "regression")
    alone = {kind: trained(engine_for(folder, data)) for kind, data in (("a", tiny_dataset), ("b", other))}

    first = engine_for(folder, tiny_dataset)
    second = beside(first, other)
    both = {}
    for name, config in mixed_configs(second).items():
        second.admit(f"{id(second)} {name}", config, seed=3)
    both["a"] = trained(first, meanwhile=lambda step: second.step(list(second.slots)))
    both["b"] = {
        f"{name.split(' ')[1]} {key}": tensor
        for name, slot in second.slots.items()
        for key, tensor in state.adapter_tensors(slot).items()
    }

    for kind in ("a", "b"):
        assert both[kind].keys() == alone[kind].keys()
        assert worst_relative_difference(both[kind], alone[kind]) < 1e-9
    logits = [engine.logits(next(iter(engine.slots)), "test") for engine in (first, second)]
    assert [rows.shape[1] for rows in logits] == [3, 1]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_second_task_adds_a_head_and_no_other_weight(family, tiny_folder, tiny_dataset) -> None:
    first = engine_for(tiny_folder(family), tiny_dataset)
    second = beside(first, relabelled(tiny_dataset, "regression"))
    loaded = engine_for(tiny_folder(family), relabelled(tiny_dataset, "regression"))

    assert second.base.model is first.base.model
    assert second.base.linears is first.base.linears
    assert second.base.parameter_count == loaded.base.parameter_count
    assert second.base.fresh == loaded.base.fresh
    assert {n: c.template.state_dict().keys() for n, c in second.base.copies.items()} == {
        n: c.template.state_dict().keys() for n, c in loaded.base.copies.items()
    }


def test_a_head_that_the_checkpoint_has_in_the_second_tasks_shape_is_where_it_begins(
    tmp_path, tiny_folder, tiny_dataset
) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(tiny_folder(), num_labels=1)
    with torch.no_grad():
        model.classifier.weight.fill_(0.25)
    model.save_pretrained(tmp_path / "finetuned")
    AutoTokenizer.from_pretrained(tiny_folder()).save_pretrained(tmp_path / "finetuned")
    other = relabelled(tiny_dataset, "regression")

    first = engine_for(tmp_path / "finetuned", tiny_dataset)
    second = beside(first, other)
    checkpoint = find(str(tmp_path / "finetuned"))
    loaded = load_base(checkpoint, second.task, precision="exact", device=torch.device("cpu"), dtype=torch.float64)

    assert "classifier.weight" in first.base.fresh
    assert second.base.fresh == loaded.fresh
    assert torch.equal(second.base.copies["classifier"].template.weight, loaded.copies["classifier"].template.weight)
    assert float(second.base.copies["classifier"].template.weight.mean()) == 0.25


def test_an_engine_that_is_started_beside_another_costs_what_it_costs_alone(tiny_folder, tiny_dataset) -> None:
    choices = (("attention_qv", "all"), ("all_linear", "last_1"))
    spec = spec_of(tiny_folder(), tiny_dataset, "exact", choices=choices)
    other = spec_of(tiny_folder(), relabelled(tiny_dataset, "regression"), "exact", choices=choices)
    first = start(spec)

    engine, facts = start(other, beside=first)
    _, alone = start(other)

    assert engine.base.model is first[0].base.model
    assert facts.costs == alone.costs
    assert facts.modules_to_save == alone.modules_to_save
    assert (facts.base_hash, facts.base_params, facts.attention) == (
        alone.base_hash, alone.base_params, first[1].attention,
    )  # fmt: skip


def test_rows_of_all_tasks_share_one_room_and_a_task_that_ends_gives_its_part_back(tiny_folder, tiny_dataset) -> None:
    room = Room(1 << 24)
    first = engine_for(tiny_folder(), tiny_dataset, cache=RowCache(MemoryRows(room)))
    other = relabelled(tiny_dataset, "regression")
    second = beside(first, other)
    second = Engine(second.base, second.task, second.splits, cache=RowCache(MemoryRows(room)))
    config = mixed_configs(first)["small"]
    for name, engine in (("a", first), ("b", second)):
        engine.admit(name, config, seed=0)
        engine.step([name])
    held = room.bytes

    first.forget()

    assert 0 < room.bytes < held
    assert first.slots == {}
    assert second.step(["b"]) == {}
    second.forget()
    assert room.bytes == 0


def test_a_runner_trains_jobs_of_two_tasks_side_by_side_and_drops_one_without_the_other(
    tiny_folder, tiny_dataset
) -> None:
    other = relabelled(tiny_dataset, "regression")
    runner = Runner(lambda: engine_for(tiny_folder(), tiny_dataset), task="a")
    runner.take_on("b", lambda: beside(runner.engine, other))
    config = mixed_configs(runner.engine)["small"]
    tokens = {}
    for task in ("a", "b"):
        runner.admit(Job(slot=task, config=config, seed=0, task=task))
        tokens[task] = runner.claim(task)

    reports = {task: wait_for(runner, task, tokens[task], allowed_rung=0) for task in ("a", "b")}
    runner.drop("a")

    assert array_of(reports["a"].outputs).dtype.kind == "i"
    assert array_of(reports["b"].outputs).dtype.kind == "f"
    assert list(runner.occupied()) == ["b"]
    assert runner.call(lambda engine: list(engine.slots), task="b") == ["b"]
    with pytest.raises(EngineError, match="'b' is taken on already"):
        runner.take_on("b", lambda: pytest.fail("it is there"))
    with pytest.raises(EngineError, match="no task 'c'"):
        runner.admit(Job(slot="c", config=config, seed=0, task="c"))
    assert math.isfinite(reports["b"].train_loss)
    runner.close()
