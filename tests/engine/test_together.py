from __future__ import annotations

import pytest
import torch

from autolora.engine import together
from autolora.engine.packed import Segment
from tests.engine.test_promise import engine_for, mixed_configs

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


@pytest.mark.parametrize("between", [2, 3, 4])
def test_rows_of_a_slot_without_a_share_may_stand_between_those_of_others(between, tiny_folder, tiny_dataset) -> None:
    engine = engine_with(64, tiny_folder, tiny_dataset)
    configs = mixed_configs(engine)
    # In the first layer the one in the middle has no share.
    slots = {"first": configs["wide"], "middle": configs["small"], "last": configs["wide"]}
    for at, (name, config) in enumerate(slots.items()):
        engine.admit(name, config, seed=at)
    for _ in range(3):
        engine.step(list(slots))
        for name in slots:
            engine.slots[name].weights.refresh()
    module = next(m for name, m in engine.base.linears.items() if ".0." in name and "first" in m.shares)
    assert "middle" not in module.shares
    ends = (4, 4 + between, 8 + between)
    segments = [Segment(name, start, stop) for name, start, stop in zip(slots, (0, *ends), ends, strict=False)]
    x = torch.randn(ends[-1], 5, engine.base.model.config.hidden_size)

    outputs = []
    for joined in (True, False):
        engine.base.pack.together = joined
        with torch.no_grad(), engine.base.pack.serving(tuple(segments)):
            outputs.append(module(x))

    assert torch.allclose(*outputs, atol=1e-6)
    with torch.no_grad():
        # Up to how sums round, which on some CPUs depends on how many rows stand beside.
        assert torch.allclose(outputs[0][4 : 4 + between], module.base(x[4 : 4 + between]), atol=1e-6)
