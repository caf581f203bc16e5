from __future__ import annotations

import numpy as np
import pytest
import torch

from autolora.engine import attention
from tests.engine.test_prefix import configs_with_cuts, in_memory
from tests.engine.test_promise import engine_for

pytestmark = pytest.mark.tiny


@pytest.fixture
def engine(tiny_folder, tiny_dataset):
    return engine_for(tiny_folder("bert", layers=4), tiny_dataset, dtype=torch.float32, cache=in_memory())


@pytest.mark.parametrize(
    ("eager", "sdpa", "chosen"),
    [
        (1.0, 2.0, "eager"),
        (2.0, 1.0, "sdpa"),
        (1.0, 0.95, "eager"),  # by chance
        (0.004, 0.001, "eager"),  # too short to say anything
        (1.0, float("inf"), "eager"),  # the family has no other
    ],
)
def test_the_usual_one_stays_unless_the_other_is_clearly_faster(eager, sdpa, chosen, engine, monkeypatch) -> None:
    seconds = {"eager": eager, "sdpa": sdpa}
    monkeypatch.setattr(attention, "_seconds", lambda engine, name: seconds[name])

    assert attention.choose(engine) == chosen
    assert engine.base.model.config._attn_implementation == chosen


def test_both_are_really_timed_and_leave_nothing_behind(engine) -> None:
    used = []
    original = engine.probe_pass

    def noting(*args):
        used.append(engine.base.model.config._attn_implementation)
        return original(*args)

    engine.probe_pass = noting
    attention.choose(engine)

    assert set(used) == {"eager", "sdpa"}
    assert not engine.slots


@pytest.mark.parametrize("family", ["bert", "llama", "gpt2", "gemma3"])
def test_both_give_the_same_scores_with_rows_that_join(family, tiny_folder, tiny_dataset) -> None:
    engine = engine_for(tiny_folder(family, layers=4), tiny_dataset, dtype=torch.float32, cache=in_memory())
    engine.admit("x", configs_with_cuts(engine)["half"], seed=3)
    engine.step(["x"])
    logits = {}
    for name in attention.IMPLEMENTATIONS:
        attention.use(engine.base.model, name)
        logits[name] = engine.logits("x", "validation")

    assert np.abs(logits["eager"] - logits["sdpa"]).max() < 1e-4
