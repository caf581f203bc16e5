"""Confirming where answers are written: each is asked for once, and those to test rows only when all is chosen."""

from __future__ import annotations

import pytest

from autolora.confirm import Confirmation
from autolora.engine.start import EngineSpec, start
from autolora.objectives import metric_named
from autolora.request import Limits
from autolora.tasks.problems import problem_of
from tests.conftest import relabelled
from tests.in_process import InProcessTrainer, finalist

pytestmark = pytest.mark.tiny

SEED = 5


@pytest.fixture(scope="module")
def dataset(tiny_dataset):
    return relabelled(tiny_dataset, "generation")


@pytest.fixture(scope="module")
def started(tiny_folder, dataset):
    spec = EngineSpec(
        folder=str(tiny_folder("llama", writes=True)),
        base_id="tiny-llama",
        problem=problem_of(dataset),
        max_length=24,
        train=dataset.train,
        validation=dataset.validation,
        precision="exact",
        device="cpu",
        choices=(("attention_qv", "all"), ("all_linear", "last_1")),
    )
    return start(spec)


@pytest.fixture
def confirm(started, dataset, tmp_path):
    """Return a function that confirms in the test's folder with a trainer of its own, and returns both."""
    engine, facts = started
    trainers = []

    def confirmed(metric: str, *, break_at: tuple[str, str] | None = None):
        for name in ("test", "few_shot_validation", "few_shot_test"):
            engine.splits.pop(name, None)
        trainers.append(trainer := Breaking(engine, break_at))
        it = Confirmation(
            dataset=dataset,
            metric=metric_named(metric),
            costs=facts.costs,
            trainer=trainer,
            folder=tmp_path / "confirm",
            seed=SEED,
            slots_per_engine=1,
            required=Limits(),
            on_test_opened=lambda seal: trainer.log.append(("open", "test")),
        )
        try:
            found = it.run((finalist(facts.costs, 3, rank=4),), epochs=1.0, batch_size=8)
        except KeyboardInterrupt:
            found = None
        return found, trainer

    yield confirmed
    for trainer in trainers:
        trainer.runner.close()
    for slot in list(engine.slots):
        engine.release(slot)


class Breaking(InProcessTrainer):
    """Is interrupted when it is asked for certain answers."""

    def __init__(self, engine, break_at) -> None:
        super().__init__(engine)
        self.break_at = break_at

    def answers(self, adapters, split, *, closed=()):
        found = super().answers(adapters, split, closed=closed)
        if self.log[-1] == self.break_at:
            raise KeyboardInterrupt
        return found


def asked(trainer) -> list[tuple[str, str]]:
    return [(what, split) for what, split in trainer.log if what.startswith("answers")]


def test_finished_adapters_answer_together_and_to_test_rows_only_when_all_is_chosen(confirm) -> None:
    found, trainer = confirm("chrf")

    # The finalist, the default and three more rates on the first seed's rows; on the others' the best rate may follow.
    assert asked(trainer)[:3] == [("answers of 5", "validation-6")] + [
        ("answers of 2", f"validation-{at}") for at in (7, 8)
    ]
    opened = trainer.log.index(("open", "test"))
    assert not any(split.endswith("test") for _, split in trainer.log[:opened])
    assert {split for _, split in asked(trainer)} == {
        "validation-6", "validation-7", "validation-8", "test", "few_shot_validation-6", "few_shot_test",
    }  # fmt: skip
    assert list(found.written) == [
        "finalist_3", "default_lora", "rate_grid", "constant", "nearest", "nearest_base", "zero_shot", "few_shot",
    ]  # fmt: skip
    assert set(found.losses) == {"finalist_3", "default_lora", "rate_grid", "zero_shot"}
    assert found.ships[found.chosen.name].test_outputs.tolist() == list(found.written[found.chosen.name].texts)


@pytest.mark.parametrize("at", [("answers of 2", "validation-8"), ("answers of 1", "few_shot_validation-6")])
def test_whoever_has_answered_before_an_interruption_is_not_asked_again(confirm, at) -> None:
    whole, first = confirm("chrf", break_at=at)
    assert whole is None
    done = asked(first)[:-1]

    found, second = confirm("chrf")

    assert set(first.trained()).isdisjoint(second.trained())
    assert set(done).isdisjoint(asked(second))
    assert asked(second)[0] == asked(first)[-1], "it goes on where it was interrupted"
    assert found.written["few_shot"].texts


def test_where_losses_decide_answers_are_written_to_be_read_and_only_to_test_rows(confirm) -> None:
    found, trainer = confirm("completion_loss")

    assert {split for _, split in asked(trainer)} == {"test"}
    assert [c.name for c in found.record.candidates] == ["finalist_3", "default_lora", "rate_grid", "zero_shot"]
    assert set(found.written) == {"finalist_3", "default_lora", "rate_grid", "zero_shot"}
    assert found.ships[found.chosen.name].test_outputs.shape[1] == 2, "summed loss and tokens"
