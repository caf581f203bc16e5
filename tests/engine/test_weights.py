from __future__ import annotations

import pytest
import torch

from autolora.engine.weights import Weights

pytestmark = pytest.mark.tiny


@pytest.fixture
def start() -> tuple[dict, dict]:
    torch.manual_seed(0)
    low_rank = {name: (torch.randn(rank, 4), torch.randn(3, rank)) for name, rank in (("q", 2), ("v", 1))}
    return low_rank, {"head.weight": torch.randn(2, 3), "head.bias": torch.randn(2)}


def weights_of(start, **changes) -> Weights:
    options = {"scaling": 2.0, "device": torch.device("cpu"), "dtype": torch.float32, "product_dtype": torch.bfloat16}
    return Weights(*start, **options | changes)


def test_values_stand_under_pefts_names_in_pefts_shapes(start) -> None:
    low_rank, full = start
    weights = weights_of(start)

    named = weights.named(weights.values.detach())

    expected = {f"base_model.model.{m}.lora_A.weight": a for m, (a, _) in low_rank.items()}
    expected |= {f"base_model.model.{m}.lora_B.weight": b for m, (_, b) in low_rank.items()}
    expected |= {f"base_model.model.{name}": tensor for name, tensor in full.items()}
    assert named.keys() == expected.keys()
    assert all(torch.equal(named[name], expected[name]) for name in expected)


def test_what_is_multiplied_follows_the_values_with_b_turned_and_scaled(start) -> None:
    weights = weights_of(start, product_dtype=torch.float32)
    weights.named(weights.values.detach())["base_model.model.q.lora_B.weight"].fill_(1.5)
    weights.refresh()

    assert torch.equal(weights.low_rank["q"].b, torch.full((2, 3), 3.0))
    assert torch.equal(weights.low_rank["q"].a, start[0]["q"][0])
    assert torch.equal(weights.low_rank["v"].b, 2 * start[0]["v"][1].T)


def test_gradients_of_all_parts_come_together_in_one_tensor(start) -> None:
    weights = weights_of(start)
    weights.low_rank["q"].grad_a.add_(1.0)
    weights.low_rank["v"].grad_b.add_(1.0)
    (weights.full["head.bias"] * 5.0).sum().backward()
    weights.complete_gradient()

    named = weights.named(weights.gradient)
    assert weights.values.grad is weights.gradient
    assert named["base_model.model.q.lora_A.weight"].unique().tolist() == [1.0]
    assert named["base_model.model.v.lora_B.weight"].unique().tolist() == [2.0]
    assert named["base_model.model.head.bias"].tolist() == [5.0, 5.0]

    weights.clear_gradient()
    assert not weights.gradient.any()
    assert not weights.full["head.bias"].grad.any()


def test_a_step_of_one_optimiser_moves_every_part(start) -> None:
    weights = weights_of(start)
    weights.gradient.fill_(1.0)
    torch.optim.SGD([weights.values], lr=1.0).step()

    assert torch.equal(weights.full["head.weight"], start[1]["head.weight"] - 1)
    weights.refresh()
    assert torch.equal(weights.low_rank["v"].a, (start[0]["v"][0] - 1).bfloat16())
