from __future__ import annotations

import pytest
import torch

from autolora.engine import together
from tests.engine.test_promise import engine_for

pytestmark = pytest.mark.tiny


def engine_with(chunk_rows, tiny_folder, tiny_dataset):
    return engine_for(tiny_folder(), tiny_dataset, dtype=torch.float32, chunk_rows=chunk_rows)


@pytest.mark.parametrize("joint_is_faster", [True, False])
def test_the_faster_one_is_used_and_nothing_is_left_behind(
    joint_is_faster, tiny_folder, tiny_dataset, monkeypatch
) -> None:
    engine = engine_with(64, tiny_folder, tiny_dataset)
    timed = []

    def least_seconds(device, work):
        work()  # a real pass of four slots
        timed.append(engine.base.pack.together)
        return 1.0 if engine.base.pack.together == joint_is_faster else 2.0

    monkeypatch.setattr(together, "least_seconds", least_seconds)

    assert together.choose(engine) == joint_is_faster
    assert engine.base.pack.together == joint_is_faster
    assert sorted(timed) == [False, True]
    assert not engine.slots


def test_where_slots_pass_one_after_the_other_nothing_is_timed(tiny_folder, tiny_dataset, monkeypatch) -> None:
    monkeypatch.setattr(together, "least_seconds", lambda *_: pytest.fail("there is nothing to choose"))

    assert together.choose(engine_with(1, tiny_folder, tiny_dataset)) is False
