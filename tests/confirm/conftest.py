from __future__ import annotations

import pytest

from autolora.confirm import Confirmation
from autolora.engine.start import EngineSpec, start
from autolora.grids import HEAD_CHOICE
from autolora.objectives import metric_named
from autolora.records import TrialRecord
from autolora.request import Limits
from autolora.tasks.problems import problem_of
from tests.confirm.confirming import SEED
from tests.in_process import InProcessTrainer, finalist

PAIRS = (("attention_qv", "all"), ("all_linear", "last_1"))


@pytest.fixture(scope="module")
def started(tiny_folder, tiny_dataset):
    spec = EngineSpec(
        folder=str(tiny_folder()),
        base_id="tiny-bert",
        problem=problem_of(tiny_dataset),
        max_length=24,
        train=tiny_dataset.train,
        validation=tiny_dataset.validation,
        precision="exact",
        device="cpu",
        choices=(*PAIRS, HEAD_CHOICE),
    )
    return start(spec)


@pytest.fixture
def trainer(started):
    engine, _ = started
    engine.splits.pop("test", None)
    made = InProcessTrainer(engine)
    yield made
    made.runner.close()
    for slot in list(engine.slots):
        engine.release(slot)


@pytest.fixture
def costs(started):
    return started[1].costs


@pytest.fixture
def confirmation(trainer, costs, tiny_dataset, tmp_path):
    """Returns a function that makes a confirmation in the test's folder."""

    def make(required: Limits | None = None, folder=tmp_path / "confirm", **other) -> Confirmation:
        wanted = {"dataset": tiny_dataset, "metric": metric_named("macro_f1"), "trainer": trainer} | other
        return Confirmation(
            costs=costs, folder=folder, seed=SEED, slots_per_engine=1, required=required or Limits(), **wanted
        )

    return make


@pytest.fixture
def two(costs) -> tuple[TrialRecord, TrialRecord]:
    return finalist(costs, 3, rank=4), finalist(costs, 8, modules="all_linear", layers="last_1")
