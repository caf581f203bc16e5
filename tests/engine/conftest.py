"""What tests of engines share."""

from __future__ import annotations

import pytest


@pytest.fixture
def unrounded(monkeypatch) -> None:
    """Let no family round its attention or its norms to float32 where all else is float64.

    How a sum in float32 rounds depends on how far a row is padded and, on CPUs with AVX2 only, on how many rows stand
    beside it, which is a difference of 1e-8 between a row that was computed among these and one among others.
    """
    import torch

    softmax, to = torch.nn.functional.softmax, torch.Tensor.to

    def unrounded_softmax(x, dim=None, _stacklevel=3, dtype=None):
        return softmax(x, dim=dim, dtype=None if x.dtype == torch.float64 else dtype)

    def unrounded_to(x, *args, **kwargs):
        is_rounding = x.dtype == torch.float64 and args == (torch.float32,) and not kwargs
        return x if is_rounding else to(x, *args, **kwargs)

    monkeypatch.setattr(torch.nn.functional, "softmax", unrounded_softmax)
    monkeypatch.setattr(torch.Tensor, "to", unrounded_to)
