from __future__ import annotations

from dataclasses import replace

import pytest

from autolora.engine.jobs import Job
from autolora.engine.runner import Runner
from autolora.records import Split
from tests.engine.test_promise import engine_for, mixed_configs
from tests.engine.test_runner import admit, wait_for

pytestmark = pytest.mark.tiny


def first(split: Split, rows: int) -> Split:
    return Split(texts=split.texts[:rows], labels=split.labels[:rows], row_ids=split.row_ids[:rows])


def test_a_schedule_shorter_than_its_rungs_reaches_every_rung(tiny_folder, tiny_dataset) -> None:
    few = replace(tiny_dataset, train=first(tiny_dataset.train, 12))
    runner = Runner(lambda: engine_for(tiny_folder(), few))
    config = replace(mixed_configs(runner.engine)["small"], epochs=2.0, batch_size=16)
    token = admit(runner, Job(slot="a", config=config, seed=0, rungs=(1 / 9, 1 / 3, 1.0)))
    reports = [wait_for(runner, "a", token, allowed_rung=rung) for rung in range(3)]
    runner.close()

    assert [(r.rung, r.steps) for r in reports] == [(0, 1), (1, 1), (2, 2)]
