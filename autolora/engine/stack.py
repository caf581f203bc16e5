"""A model's layers as places where rows may join: rows whose hidden states are known skip the layers below.

A family's own code still walks over its layers and makes what it hands to them (masks, rotary tables); only which rows
each layer works on is changed. Rows of a batch stand in the order in which they join, so that the rows at work are
always its first ones, and what was handed over is cut to them without a copy.

Whether a family bears that is not known from its name but tried out on a few rows when it is loaded (``prepare``).

Knows layers and tensors; knows no adapters and no caches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from autolora.engine import probe


class Joining(NamedTuple):
    """The next ``rows`` of a batch pass through the layers from ``layer`` on."""

    layer: int
    rows: int
    hidden: Tensor | None
    """Hidden states before that layer ``(rows, tokens, width)``; None where they come from the embeddings (layer 0)."""


class _Reached(Exception):
    """Ends a pass at the last layer whose input is wanted."""


@dataclass
class Stack:
    """The layers of one model."""

    blocks: Sequence[nn.Module]
    width: int
    """Numbers of a token's hidden state."""
    paths: frozenset[tuple[int | str, ...]]
    """Where, among what a layer is handed, tensors with one entry a row stand."""
    as_tuple: bool
    """Whether layers return their hidden states inside a tuple."""
    recomputing: bool = False
    """Whether layers keep only their input for backward and compute the rest anew: slower, in far less memory."""
    _joining: tuple[Joining, ...] = ()
    _wanted: frozenset[int] = frozenset()
    _seen: dict[int, Tensor] = field(default_factory=dict, repr=False)

    @property
    def depth(self) -> int:
        """How many layers there are."""
        return len(self.blocks)

    @contextmanager
    def joined(self, joining: tuple[Joining, ...]) -> Iterator[None]:
        """Have the rows of the batches inside the block join where they are told, lowest layer first."""
        self._joining = joining
        try:
            yield
        finally:
            self._joining = ()

    def before(self, layers: Iterable[int], forward: Callable[[], Any]) -> dict[int, Tensor]:
        """Run a pass as far as the highest of ``layers``.

        Returns:
            The hidden states before each of them ``(rows, tokens, width)``.
        """
        self._wanted, self._seen = frozenset(layers), {}
        try:
            with suppress(_Reached):
                forward()
            return self._seen
        finally:
            self._wanted, self._seen = frozenset(), {}

    def _through(self, layer: int, inner: Callable[..., Any], hidden: Tensor, args: Any, kwargs: Any) -> Any:
        """Run one layer on the rows that have joined."""
        if layer in self._wanted:
            self._seen[layer] = hidden
            if layer == max(self._wanted):
                raise _Reached
        if self.recomputing and torch.is_grad_enabled():
            inner = partial(checkpoint, inner, use_reentrant=False, preserve_rng_state=False)
        if not self._joining:
            return inner(hidden, *args, **kwargs)
        before = sum(j.rows for j in self._joining if j.layer < layer)
        at_work = before + sum(j.rows for j in self._joining if j.layer == layer)
        if at_work == 0:
            return (hidden,) if self.as_tuple else hidden
        # The embeddings hold every row of the batch; later layers those that the one below worked on.
        parts = [hidden[:before]] if before else []
        for join in self._joining:
            if join.layer == layer:
                parts.append(hidden[: join.rows] if join.hidden is None else join.hidden)
        hidden = parts[0] if len(parts) == 1 else torch.cat(parts)
        args = tuple(self._cut(value, (at,), at_work) for at, value in enumerate(args))
        kwargs = {name: self._cut(value, (name,), at_work) for name, value in kwargs.items()}
        return inner(hidden, *args, **kwargs)

    def _cut(self, value: Any, path: tuple[int | str, ...], rows: int) -> Any:
        if isinstance(value, Tensor):
            return value[:rows] if path in self.paths else value
        if isinstance(value, tuple | list):
            return type(value)(self._cut(part, (*path, at), rows) for at, part in enumerate(value))
        return value


class _Layer:
    """Stands in for a layer's ``forward``; the layer itself keeps its names, hooks and attributes."""

    def __init__(self, stack: Stack, layer: int, inner: Callable[..., Any]) -> None:
        self.stack, self.layer, self.inner = stack, layer, inner

    def __call__(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        return self.stack._through(self.layer, self.inner, hidden_states, args, kwargs)


@torch.no_grad()
def prepare(model: nn.Module, blocks: Sequence[nn.Module], *, heads: Sequence[str], pad_token: int) -> Stack | None:
    """Let rows join at the layers of a model, if it turns out to bear that.

    Three rows of different lengths are passed through the plain model, and again joining at different layers with the
    hidden states that were seen there. It bears it if nothing but hidden states goes from layer to layer, nothing
    happens to them in between, and the logits are the same.

    Args:
        model: In evaluation mode, on its device.
        blocks: Its layers.
        heads: Dotted names of the modules of which every adapter trains a copy.
        pad_token: Is kept out of the rows.

    Returns:
        The stack; None where every row must pass through every layer, and the model is as it was.
    """
    if len(blocks) < 2:
        return None
    passed = _plain_pass(model, blocks, heads, pad_token)
    if passed is None:
        return None
    width = passed.hidden[0].shape[-1]
    stack = Stack(blocks=tuple(blocks), width=width, paths=passed.paths, as_tuple=passed.as_tuple)
    for layer, block in enumerate(blocks):
        block.forward = _Layer(stack, layer, block.forward)
    last = len(blocks) - 1
    middle = max(1, last // 2)
    joining = (
        Joining(0, 1, None),
        Joining(middle, 1, passed.hidden[middle][1:2]),
        Joining(last, 1, passed.hidden[last][2:3]),
    )
    with stack.joined(joining):
        logits = probe.logits(model, pad_token)
    if not probe.are_equal(logits, passed.logits):
        for block in blocks:
            del block.forward  # the class's own shows again
        return None
    return stack


class _Passed(NamedTuple):
    hidden: list[Tensor]
    """What each layer was given."""
    paths: frozenset[tuple[int | str, ...]]
    as_tuple: bool
    logits: Tensor


def _plain_pass(model: nn.Module, blocks: Sequence[nn.Module], heads: Sequence[str], pad_token: int) -> _Passed | None:
    """Pass the probe's rows through the plain model and look on; None where more than hidden states ties its layers."""
    given: list[Tensor] = []
    returned: list[Any] = []
    paths: set[tuple[int | str, ...]] = set()
    reasons: list[str] = []

    def before(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not args or not isinstance(args[0], Tensor):
            reasons.append("hidden states are not a layer's first argument")
            return
        given.append(args[0])
        for at, value in enumerate(args[1:]):
            paths.update(_paths(value, (at,), reasons))
        for name, value in kwargs.items():
            paths.update(_paths(value, (name,), reasons))

    def head_before(*_: Any) -> None:
        if len(returned) < len(blocks):
            reasons.append("what adapters train stands below the last layer")

    with ExitStack() as hooks:
        for block in blocks:
            hooks.callback(block.register_forward_pre_hook(before, with_kwargs=True).remove)
            hooks.callback(block.register_forward_hook(lambda _, __, out: returned.append(out)).remove)
        for head in heads:
            hooks.callback(model.get_submodule(head).register_forward_pre_hook(head_before).remove)
        logits = probe.logits(model, pad_token)
    as_tuple = bool(returned) and isinstance(returned[0], tuple)
    if reasons or len(given) != len(blocks) or len(returned) != len(blocks):
        return None
    if as_tuple and any(part is not None for out in returned for part in out[1:]):
        return None
    hidden = [out[0] if as_tuple else out for out in returned]
    if not all(below is above or torch.equal(below, above) for below, above in zip(hidden, given[1:], strict=False)):
        return None
    return _Passed(hidden=given, paths=frozenset(paths), as_tuple=as_tuple, logits=logits)


def _paths(value: Any, path: tuple[int | str, ...], reasons: list[str]) -> set[tuple[int | str, ...]]:
    """Return where tensors with one entry a row stand in what a layer is handed."""
    if isinstance(value, Tensor):
        return {path} if value.dim() > 0 and value.shape[0] == len(probe.LENGTHS) else set()
    if isinstance(value, tuple | list):
        return set().union(*(_paths(part, (*path, at), reasons) for at, part in enumerate(value)))
    if value is not None and not isinstance(value, bool | int | float | str):
        reasons.append(f"layers share a {type(value).__name__}")
    return set()
