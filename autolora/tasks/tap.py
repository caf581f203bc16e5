"""Takes the head of a model that writes out of its pass: training and scoring need logits of few tokens, not of all.

Knows models and tensors; knows no rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from autolora.errors import BaseModelError

_PROBED_TOKENS = 6


class Tap(nn.Module):
    """Stands in for a model's head, from hidden states ``(..., width)`` to logits ``(..., vocabulary)``.

    While answers are written it is the head; else it gives back the hidden states, and keeps them to be taken: what
    the family does to its logits afterwards is then done to nothing that is used.
    """

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head
        self.writing = False
        self.after: Callable[[Tensor], Tensor] = _nothing
        self._hidden: Tensor | None = None

    @property
    def vocabulary(self) -> int:
        """Tokens that there are."""
        weight: Any = self.head.weight
        return int(weight.shape[0])

    def forward(self, hidden: Tensor) -> Tensor:
        """Return logits while answers are written, else the hidden states."""
        if self.writing:
            logits: Tensor = self.head(hidden)
            return logits
        self._hidden = hidden
        return hidden

    def take(self) -> Tensor:
        """Return the hidden states of the last pass ``(rows, tokens, width)``, and forget them."""
        if self._hidden is None:
            raise RuntimeError("nothing has passed")
        hidden, self._hidden = self._hidden, None
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits of hidden states, as the family makes them."""
        return self.after(self.head(hidden))


def tap(model: Any, *, pad_token: int) -> None:
    """Put a tap in place of a model's head.

    Raises:
        BaseModelError: If the model has no head, or does something unknown to its logits afterwards.
    """
    head = model.get_output_embeddings()
    if head is None:
        raise BaseModelError("the base model has no head that writes", "use a model that was trained to write")
    found = Tap(head)
    ids = torch.tensor([[token for token in range(_PROBED_TOKENS + 1) if token != pad_token][:_PROBED_TOKENS]])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids
    with torch.no_grad():
        due = model.eval()(**inputs).logits.float()
        model.set_output_embeddings(found)
        model(**inputs)
        plain = found.take()
        for found.after in _ways(model.config):
            if torch.allclose(found.logits(plain).float(), due, rtol=1e-2, atol=1e-2 * float(due.abs().max())):
                return
    raise BaseModelError(
        f"a model of type {model.config.model_type!r} does something to its logits that autolora does not know",
        "use another base",
    )


def tapped(model: Any) -> Tap:
    """Return the tap of a model."""
    found = model.get_output_embeddings()
    if not isinstance(found, Tap):
        raise TypeError("the model's head was not taken out")
    return found


def _nothing(logits: Tensor) -> Tensor:
    return logits


def _ways(config: Any) -> list[Callable[[Tensor], Tensor]]:
    """Return what families do to logits behind the head, as far as a configuration speaks of it."""
    ways: list[Callable[[Tensor], Tensor]] = [_nothing]
    cap = getattr(config, "final_logit_softcapping", None)
    if cap:  # Gemma 2
        ways.append(lambda logits: cap * torch.tanh(logits / cap))
    if (scale := getattr(config, "logit_scale", None)) is not None:  # Cohere
        ways.append(lambda logits: logits * scale)
    if divisor := getattr(config, "logits_scaling", None):  # Granite
        ways.append(lambda logits: logits / divisor)
    return ways
