"""The frozen product and the low-rank ones of several slots, against autograd's own way through the formula."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from autolora.engine import products
from autolora.engine.products import Run
from autolora.engine.weights import LowRank

pytestmark = pytest.mark.tiny

WIDTH, OUT, TOKENS = 6, 5, 3
RANKS = (2, None, 4, 1)
"""Of the slots' shares, two rows each; None has no share."""


def shares_of(ranks, dtype=torch.float64) -> list[LowRank | None]:
    def share(rank: int) -> LowRank:
        a, b = torch.randn(rank, WIDTH, dtype=dtype), torch.randn(rank, OUT, dtype=dtype)
        return LowRank(a=a, b=b, grad_a=torch.zeros_like(a), grad_b=torch.zeros_like(b))

    return [share(rank) if rank else None for rank in ranks]


def one_by_one(shares) -> tuple[Run, ...]:
    return tuple(Run(2 * at, 2 * at + 2, (share,), None) for at, share in enumerate(shares) if share is not None)


def together(shares) -> tuple[Run, ...]:
    return (Run(0, 2 * len(shares), tuple(shares), None),)


def by_autograd(x, weight, bias, shares, mask=None):
    """Return output, and the gradients of x and of every A and Bᵀ, of the sum of squares."""
    x = x.clone().requires_grad_()
    leaves = [(s.a.clone().requires_grad_(), s.b.clone().requires_grad_()) if s else None for s in shares]
    seen = x if mask is None else x * mask
    parts = [seen[2 * at : 2 * at + 2] @ leaf[0].T @ leaf[1] if leaf else 0.0 for at, leaf in enumerate(leaves)]
    y = torch.nn.functional.linear(x, weight, bias)
    y = torch.cat([y[2 * at : 2 * at + 2] + part for at, part in enumerate(parts)])
    y.square().sum().backward()
    return y.detach(), x.grad, [grad for leaf in leaves if leaf for grad in (leaf[0].grad, leaf[1].grad)]


@pytest.mark.parametrize("runs_of", [one_by_one, together])
@pytest.mark.parametrize("x_learns", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_output_and_gradients_are_those_of_the_formula(runs_of, x_learns, masked) -> None:
    torch.manual_seed(0)
    x, weight, bias = (torch.randn(*shape, dtype=torch.float64) for shape in ((8, TOKENS, WIDTH), (OUT, WIDTH), (OUT,)))
    shares = shares_of(RANKS)
    mask = (torch.rand_like(x) > 0.3).double() / 0.7 if masked else None
    runs = [run._replace(mask=mask[run.start : run.stop] if masked else None) for run in runs_of(shares)]
    y, grad_x, grads = by_autograd(x, weight, bias, shares, mask)

    ours_x = x.clone().requires_grad_(x_learns)
    ours = products.add(ours_x, lambda: weight, bias, tuple(runs))
    ours.square().sum().backward()

    torch.testing.assert_close(ours.detach(), y)
    if x_learns:
        torch.testing.assert_close(ours_x.grad, grad_x)
    torch.testing.assert_close([g for s in shares if s for g in (s.grad_a, s.grad_b)], grads)


def test_gradients_are_added_to_those_that_are_there() -> None:
    x, weight = torch.randn(8, TOKENS, WIDTH, dtype=torch.float64), torch.randn(OUT, WIDTH, dtype=torch.float64)
    shares = shares_of(RANKS)
    for _ in range(2):
        once = [share.grad_a.clone() for share in shares if share]
        products.add(x, lambda: weight, None, together(shares)).sum().backward()

    torch.testing.assert_close([share.grad_a for share in shares if share], [2 * grad for grad in once])


def test_what_is_multiplied_in_bf16_is_summed_in_float32() -> None:
    shares = shares_of((3, 3), torch.bfloat16)
    for share in shares:
        share.grad_a, share.grad_b = share.grad_a.float(), share.grad_b.float()
    x, weight = (torch.randn(*shape, dtype=torch.bfloat16) for shape in ((4, TOKENS, WIDTH), (OUT, WIDTH)))
    products.add(x, lambda: weight, None, together(shares)).sum().backward()

    assert {share.grad_a.dtype for share in shares} == {torch.float32}
    assert all(share.grad_a.abs().sum() > 0 for share in shares)


class Calls(TorchDispatchMode):
    """Counts what is asked of the device; views ask for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += not func.is_view and func.overloadpacket is not torch.ops.aten._unsafe_view
        return func(*args, **(kwargs or {}))


def test_together_a_device_is_asked_no_more_often_for_many_slots_than_for_few() -> None:
    def calls(slots: int) -> int:
        x, weight = torch.randn(2 * slots, TOKENS, WIDTH), torch.randn(OUT, WIDTH)
        runs = together(shares_of([1 + at % 3 for at in range(slots)], torch.float32))
        with Calls() as counted:
            products.add(x.requires_grad_(), lambda: weight, None, runs).sum().backward()
        return counted.count

    assert calls(16) == calls(3)
