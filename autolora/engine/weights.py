"""Every number that one slot trains, in one tensor: one norm, one cast and one optimiser step serve all of them.

Tensor by tensor, an adapter of a 30-layer decoder would ask the device some hundred times for each of those. Gradients
have a tensor of their own, laid out alike, to which the layers add.

Knows names, shapes and dtypes; knows no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

PREFIX = "base_model.model."
"""What PEFT puts before the base's own names."""


@dataclass
class LowRank:
    """One slot's share in one module: y += scaling · (x Aᵀ) Bᵀ, A ``(rank, in)`` and B ``(out, rank)``."""

    a: Tensor
    """A as it is multiplied ``(rank, in)``."""
    b: Tensor
    """Scaling · Bᵀ as it is multiplied ``(rank, out)``."""
    grad_a: Tensor
    """Where the gradient of A is added ``(rank, in)``."""
    grad_b: Tensor
    """Where that of Bᵀ is added, but for the scaling ``(rank, out)``."""
    dropout: float = 0.0
    seed: int = 0
    """Of this slot and module, for dropout masks."""


class Weights:
    """Of one slot: the matrices A, then B turned ``(rank, out)``, then parameters of modules that it trains in full.

    B is stored turned so that matrices of different ranks can be laid one behind the other.
    """

    def __init__(
        self,
        low_rank: Mapping[str, tuple[Tensor, Tensor]],
        full: Mapping[str, Tensor],
        *,
        scaling: float,
        device: torch.device,
        dtype: torch.dtype,
        product_dtype: torch.dtype,
    ) -> None:
        """Lay out starting values.

        Args:
            low_rank: A ``(rank, in)`` and B ``(out, rank)`` by module.
            full: Parameters by name.
            scaling: Of the low-rank products.
            device: Where the numbers live.
            dtype: In which they are trained.
            product_dtype: In which low-rank products are computed.
        """
        stored = {(module, "A"): a for module, (a, _) in low_rank.items()}
        stored |= {(module, "B"): b.T for module, (_, b) in low_rank.items()}
        self._scaling = scaling
        self._shapes = {key: tensor.shape for key, tensor in stored.items()}
        self._shapes |= {(name, ""): tensor.shape for name, tensor in full.items()}
        sizes = {part: sum(t.numel() for (_, p), t in stored.items() if p == part) for part in "AB"}
        self._b_from, self._full_from = sizes["A"], sizes["A"] + sizes["B"]
        flat = torch.cat([t.reshape(-1).to(device=device, dtype=dtype) for t in (*stored.values(), *full.values())])
        self.values = nn.Parameter(flat)
        self.gradient = self.values.grad = torch.zeros_like(flat)
        self._multiplied = flat.new_zeros(self._full_from, dtype=product_dtype)
        multiplied, gradients = self._cut(self._multiplied), self._cut(self.gradient)
        self.low_rank = {
            module: LowRank(
                a=multiplied[module, "A"],
                b=multiplied[module, "B"],
                grad_a=gradients[module, "A"],
                grad_b=gradients[module, "B"],
            )
            for module in low_rank
        }
        self.full: dict[str, nn.Parameter] = {}
        for key, values in self._cut(flat).items():
            if key[0] in full:
                self.full[key[0]] = parameter = nn.Parameter(values)
                parameter.grad = gradients[key]  # autograd adds to a gradient that is there

    @property
    def held(self) -> tuple[Tensor, ...]:
        """What these weights keep in memory for as long as they live."""
        return self.values, self.gradient, self._multiplied

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Return views of a tensor that is laid out like the values, by PEFT's names and in PEFT's shapes."""
        return {
            f"{PREFIX}{name}" if not part else f"{PREFIX}{name}.lora_{part}.weight": view.T if part == "B" else view
            for (name, part), view in self._cut(flat).items()
        }

    @torch.no_grad()
    def refresh(self) -> None:
        """Make from the values what is multiplied; due before a pass if they have changed since the last one."""
        self._multiplied[: self._b_from].copy_(self.values[: self._b_from])
        b = self.values[self._b_from : self._full_from]
        torch.mul(b, self._scaling, out=self._multiplied[self._b_from :])

    def complete_gradient(self) -> None:
        """Give the gradients of B the scaling that products leave out."""
        self.gradient[self._b_from : self._full_from].mul_(self._scaling)

    def clear_gradient(self) -> None:
        """Begin another sum."""
        self.gradient.zero_()

    def _cut(self, flat: Tensor) -> dict[tuple[str, str], Tensor]:
        """Return views of a tensor's parts as they are stored; one that ends before some of them has not those."""
        views, at = {}, 0
        for key, shape in self._shapes.items():
            if at + shape.numel() > flat.numel():
                break
            views[key] = flat[at : at + shape.numel()].view(shape)
            at += shape.numel()
        return views
