from __future__ import annotations

import pytest
import torch

from autolora.engine.memory import cost_model
from autolora.engine.speed import measured_rates
from autolora.engine.trial_pass import usual_length
from tests.engine.test_promise import engine_for

pytestmark = pytest.mark.tiny


@pytest.fixture(scope="module")
def engine(tiny_folder, tiny_dataset):
    return engine_for(tiny_folder(), tiny_dataset, dtype=torch.float32)


def test_an_engine_is_measured_on_its_own_rows_and_left_as_it_was(engine, monkeypatch) -> None:
    trained: list[tuple[str, int]] = []
    step = engine.step

    def noted(names):
        trained.extend((name, len(engine.slots[name].config.layers)) for name in names)
        return step(names)

    monkeypatch.setattr(engine, "step", noted)
    costs = cost_model(engine, [("all_linear", "all"), ("attention_qv", "last_1")])

    rates = measured_rates(engine, costs, 8, slots=4)

    assert {layers for _, layers in trained} == {1, 2}, "the dearest and the cheapest"
    assert min(rates.train_dearest, rates.train_cheapest, rates.score) > 0
    assert rates.score > rates.train_dearest
    assert not engine.slots
    assert not any(module.shares for module in engine.base.linears.values())


@pytest.mark.parametrize(("slots", "together"), [(16, 4), (3, 3)])
def test_as_many_adapters_are_timed_as_a_search_holds_and_pass_together(slots, together, engine, monkeypatch) -> None:
    at_once: set[int] = set()
    step = engine.step

    def noted(names):
        at_once.add(len(names))
        return step(names)

    monkeypatch.setattr(engine, "step", noted)
    monkeypatch.setattr(engine, "chunk_tokens", 4 * 8 * usual_length(engine))

    measured_rates(engine, cost_model(engine, [("attention_qv", "last_1")]), 8, slots=slots)

    assert at_once == {together}
