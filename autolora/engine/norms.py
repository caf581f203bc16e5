"""RMS norms of a base's layers: by the family's own code, or by torch's function, whichever is faster on a GPU.

Families write the norm out in six operations or more, each of which reads and writes all hidden states; on a GPU two
norms can take as long as all products of a small decoder's layer. torch has one kernel for it (since 2.8, with its
backward). On a CPU torch itself takes the same steps as the families, so nothing is timed there.

Which modules are RMS norms, and of which kind, is not known from their names but tried out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from autolora.engine import probe, trial_pass
from autolora.engine.base import ResidentBase
from autolora.engine.engine import Engine

_CLEARLY = 1.05
"""How many times as fast torch's must be: it rounds a little otherwise than what serves the adapter later."""
_ROWS = 4


def choose(engine: Engine) -> bool:
    """Time both where they can differ, have the engine use one, and return whether it is torch's.

    Args:
        engine: With no slot taken.
    """
    base = engine.base
    if base.device.type == "cpu" or not use(base, fused=True):
        return False
    fused = trial_pass.seconds(engine)
    use(base, fused=False)
    chosen = trial_pass.seconds(engine) > _CLEARLY * fused
    use(base, fused=chosen)
    return chosen


def use(base: ResidentBase, *, fused: bool) -> int:
    """Have a base's layers compute their RMS norms this way from now on, and return how many they have."""
    names = [layers.name for layers in base.architecture.stacks]
    norms = [found for name in names for found in _rms_norms(base.model.get_submodule(name))]
    for module, function in norms:
        module.__dict__.pop("forward", None)  # the class's own shows again
        if fused:
            module.forward = function
    return len(norms)


def _rms_norms(layers: nn.Module) -> Iterator[tuple[nn.Module, Callable[[Tensor], Tensor]]]:
    """Yield the RMS norms in some layers, each with what computes the same by torch's function."""
    for module in layers.modules():
        weight, eps = getattr(module, "weight", None), _epsilon(module)
        if not isinstance(weight, nn.Parameter) or weight.dim() != 1 or eps is None or len([*module.parameters()]) > 1:
            continue
        hidden = torch.linspace(-2, 3, _ROWS * len(weight), dtype=weight.dtype, device=weight.device)
        hidden = hidden.reshape(_ROWS, len(weight))
        for function in (partial(_scaled, weight=weight, eps=eps), partial(_one_more, weight=weight, eps=eps)):
            if probe.are_equal(function(hidden), type(module).forward(module, hidden)):
                yield module, function
                break


def _epsilon(module: nn.Module) -> float | None:
    return next((getattr(module, name) for name in ("variance_epsilon", "eps") if hasattr(module, name)), None)


def _scaled(hidden: Tensor, *, weight: Tensor, eps: float) -> Tensor:
    """Normalise ``(…, width)``, as Llama does."""
    return functional.rms_norm(hidden, weight.shape, weight, eps)


def _one_more(hidden: Tensor, *, weight: Tensor, eps: float) -> Tensor:
    """Normalise ``(…, width)`` with weights that are kept less one, as Gemma does; 1 + w needs float32's digits."""
    wide = torch.promote_types(hidden.dtype, torch.float32)
    return functional.rms_norm(hidden.to(wide), weight.shape, 1 + weight.to(wide), eps).to(hidden.dtype)
