"""The last layer of an encoder whose head reads the first token only: computed for that token alone.

Keys and values still come from every token; queries, the output of attention and everything behind it from the first.
That leaves about a sixth of the layer's products, and no number changes. Whether a head does read the first token only
is tried out (``replace_last``), not known from a name.

Knows how BERT-like layers are built; knows no adapters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from autolora.engine import probe


@torch.no_grad()
def replace_last(model: nn.Module, block: nn.Module, *, pad_token: int) -> bool:
    """Have the last layer compute the first token only, if the logits stay what they were.

    The layer then gives hidden states ``(rows, 1, width)``.

    Args:
        model: In evaluation mode, on its device.
        block: Its last layer.
        pad_token: Is kept out of the rows that are tried.

    Returns:
        Whether it does; else the model is as it was.
    """
    names = {name for name, _ in block.named_modules()}
    forward = next((forward for parts, forward in ((_BERT, _bert), (_DISTILBERT, _distilbert)) if parts <= names), None)
    if forward is None or getattr(block, "is_decoder", False):
        return False
    returned: list[Any] = []
    hook = block.register_forward_hook(lambda _, __, out: returned.append(out))
    plain = probe.logits(model, pad_token)
    hook.remove()
    block.forward = _Layer(block, forward, as_tuple=isinstance(returned[0], tuple))
    if probe.are_equal(probe.logits(model, pad_token), plain):
        return True
    del block.forward  # the class's own shows again
    return False


class _Layer:
    """Stands in for the layer's ``forward``."""

    def __init__(self, block: nn.Module, forward: Callable[..., Tensor], *, as_tuple: bool) -> None:
        self.block, self.forward, self.as_tuple = block, forward, as_tuple

    def __call__(self, hidden_states: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any) -> Any:
        out = self.forward(self.block, hidden_states, attention_mask)
        return (out,) if self.as_tuple else out


_BERT = {
    *("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"),
    *("attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"),
}
_DISTILBERT = {
    *("attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "sa_layer_norm"),
    *("ffn.lin1", "ffn.lin2", "output_layer_norm"),
}


def _bert(block: Any, hidden: Tensor, mask: Tensor | None) -> Tensor:
    first, attention = hidden[:, :1], block.attention.self
    query, key, value = attention.query(first), attention.key(hidden), attention.value(hidden)
    seen = _attend(query, key, value, mask, attention.attention_head_size)
    attended = block.attention.output(seen, first)
    out: Tensor = block.output(block.intermediate(attended), attended)
    return out


def _distilbert(block: Any, hidden: Tensor, mask: Tensor | None) -> Tensor:
    first, attention = hidden[:, :1], block.attention
    query, key, value = attention.q_lin(first), attention.k_lin(hidden), attention.v_lin(hidden)
    seen = _attend(query, key, value, mask, attention.attention_head_size)
    attended = block.sa_layer_norm(attention.out_lin(seen) + first)
    out: Tensor = block.output_layer_norm(block.ffn(attended) + attended)
    return out


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, head_size: int) -> Tensor:
    """Return what the first token sees ``(rows, 1, width)``; masks as transformers makes them, additive or boolean."""
    query, key, value = (part.view(*part.shape[:-1], -1, head_size).transpose(1, 2) for part in (query, key, value))
    scores = (query @ key.transpose(2, 3)) * head_size**-0.5
    if mask is not None:
        mask = mask[:, :, :1]
        scores = scores + mask if mask.is_floating_point() else scores.masked_fill(~mask, float("-inf"))
    seen: Tensor = scores.softmax(dim=-1) @ value
    return seen.transpose(1, 2).flatten(2)
