"""What tests of engines share."""

from __future__ import annotations

import pytest


@pytest.fixture
def unrounded_softmax(monkeypatch) -> None:
    """Let no family round its attention to float32.

    How the sum of a softmax in float32 rounds depends on how far a row is padded, which is a difference of 1e-8 between
    a row that was computed among these rows and one that was computed among others.
    """
    import torch

    softmax = torch.nn.functional.softmax

    def unrounded(x, dim=None, _stacklevel=3, dtype=None):
        return softmax(x, dim=dim, dtype=None if x.dtype == torch.float64 else dtype)

    monkeypatch.setattr(torch.nn.functional, "softmax", unrounded)
