"""Layers that serve many adapters at once: one frozen product for all rows, then each slot adds its own share.

Knows tensors and row segments; knows nothing of tasks, optimisers or searches. A batch is the slots' rows one slot
after the other; ``Pack.segments`` says which rows belong to whom. Since a slot's rows only ever meet its own weights,
its numbers do not depend on its neighbours.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from autolora.engine import four_bit, products
from autolora.engine.dropout import row_masks
from autolora.engine.weights import LowRank


class Segment(NamedTuple):
    """Rows ``start`` to ``stop`` of a batch belong to ``slot``."""

    slot: str
    start: int
    stop: int


@dataclass
class Pack:
    """What the packed layers of one model share: who owns which rows of the batch that is passing through."""

    segments: tuple[Segment, ...] = ()
    row_ids: dict[str, Tensor] = field(default_factory=dict)
    """Data row of each batch row, per slot; keys of the dropout masks."""
    steps: dict[str, int] = field(default_factory=dict)
    training: bool = False
    length: int = 1
    """Tokens of a row in the layer that is at work; some families flatten rows before some linear modules."""
    together: bool = False
    """Whether low-rank products of slots with as many rows are taken together."""
    heads: dict[str, PackedCopies] = field(default_factory=dict)
    """What stands in the model in place of the modules that each slot trains in full: those of one task."""

    @contextmanager
    def serving(
        self,
        segments: tuple[Segment, ...],
        *,
        row_ids: dict[str, Tensor] | None = None,
        steps: dict[str, int] | None = None,
    ) -> Iterator[None]:
        """Route the rows of the batches inside the block; training (with dropout) if ``steps`` are given."""
        self.segments, self.row_ids, self.steps = segments, row_ids or {}, steps or {}
        self.training = steps is not None
        try:
            yield
        finally:
            self.segments, self.row_ids, self.steps, self.training = (), {}, {}, False


class PackedLinear(nn.Module):
    """A frozen linear module and the low-rank shares of the slots that adapt it."""

    def __init__(self, base: nn.Module, pack: Pack) -> None:
        super().__init__()
        self.base = base
        self.pack = pack
        self.shares: dict[str, LowRank] = {}
        # transformers' Conv1D stores its weight the other way round.
        self._is_turned = type(base).__name__ == "Conv1D"
        self._is_packed = four_bit.is_packed(base.weight)

    @property
    def weight(self) -> Tensor:
        """The frozen weight as the base has it; T5 looks at its dtype."""
        return self.base.weight  # type: ignore[return-value]

    def forward(self, x: Tensor) -> Tensor:
        """Return the module's output ``(rows, ..., out_features)`` with every segment's share added."""
        if x.dim() == 2:  # (rows · tokens, in_features)
            return self.forward(x.view(-1, self.pack.length, x.shape[1])).flatten(0, 1)
        runs = self._runs(x)
        if runs or self._is_packed:  # the packed one's own product would be rounded in another way than with shares
            return products.add(x, self._matrix, self.base.bias, runs)  # type: ignore[arg-type]
        y: Tensor = self.base(x)
        return y

    def _matrix(self) -> Tensor:
        """Return the frozen weight ``(out, in)``."""
        weight: Any = self.base.weight
        if self._is_packed:
            return four_bit.unpacked(weight)
        matrix: Tensor = weight.T if self._is_turned else weight
        return matrix

    def _runs(self, x: Tensor) -> tuple[products.Run, ...]:
        """Return the rows that have a share here, neighbours with as many rows in one run if products are joined."""
        found: list[list[Segment]] = []
        for segment in self.pack.segments:
            has_share = segment.slot in self.shares
            # Those without a share that were passed over may stand between: a run is rows without a gap.
            follows = bool(found) and found[-1][-1].stop == segment.start
            if self.pack.together and follows and _rows(found[-1][-1]) == _rows(segment):
                found[-1].append(segment)
            elif has_share:
                found.append([segment])
        return tuple(self._run(_up_to_the_last(run, self.shares), x) for run in found)

    def _run(self, segments: list[Segment], x: Tensor) -> products.Run:
        start, stop = segments[0].start, segments[-1].stop
        shares = tuple(self.shares.get(segment.slot) for segment in segments)
        mask = None
        if self.pack.training and any(share is not None and share.dropout for share in shares):
            masks = (self._mask(share, s, x) for s, share in zip(segments, shares, strict=True))
            mask = torch.cat(list(masks))
        return products.Run(start=start, stop=stop, shares=shares, mask=mask)

    def _mask(self, share: LowRank | None, segment: Segment, x: Tensor) -> Tensor:
        rows = x[segment.start : segment.stop]
        if share is None or share.dropout == 0.0:
            return torch.ones_like(rows)
        pack, slot = self.pack, segment.slot
        return row_masks(rows, share.dropout, seed=share.seed, step=pack.steps[slot], row_ids=pack.row_ids[slot])


def _rows(segment: Segment) -> int:
    return segment.stop - segment.start


def _up_to_the_last(run: list[Segment], shares: Container[str]) -> list[Segment]:
    """Return a run without those at its end that have no share."""
    return run[: max(at for at, segment in enumerate(run) if segment.slot in shares) + 1]


class PackedCopies(nn.Module):
    """A module that the checkpoint lacked (a classifier, a pooler): every slot trains a whole copy of its own.

    Copies are kept in the precision of the adapters, and their inputs raised to it.
    """

    def __init__(self, template: nn.Module, pack: Pack) -> None:
        super().__init__()
        # Hidden in a tuple: the template's weights belong to nobody and must not be found as parameters.
        self._template = (copy.deepcopy(template).requires_grad_(False),)
        self.pack = pack
        self.copies: dict[str, dict[str, nn.Parameter]] = {}

    @property
    def template(self) -> nn.Module:
        """The module as the model has it; says names and shapes."""
        return self._template[0]

    def forward(self, x: Tensor) -> Tensor:
        """Return each segment's rows passed through its own copy."""
        outputs = []
        for slot, start, stop in self.pack.segments:
            weights = self.copies[slot]
            rows = x[start:stop].to(next(iter(weights.values())).dtype)
            outputs.append(functional_call(self.template, dict[str, Tensor](weights), (rows,)))
        return torch.cat(outputs)
