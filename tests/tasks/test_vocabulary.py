"""Losses over a vocabulary, and the head that they come from."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM

from autolora.errors import BaseModelError
from autolora.tasks import vocabulary
from autolora.tasks.tap import Tap, tap, tapped

pytestmark = pytest.mark.tiny

TOKENS, WIDTH, WORDS = 11, 8, 23


@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_losses_in_chunks_and_their_gradient_are_those_of_all_at_once(chunk, monkeypatch) -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(TOKENS, WIDTH, generator=generator, dtype=torch.float64)
    head = torch.randn(WORDS, WIDTH, generator=generator, dtype=torch.float64)
    due = torch.randint(WORDS, (TOKENS,), generator=generator)
    weights = torch.rand(TOKENS, generator=generator, dtype=torch.float64)
    seen: list[int] = []

    def logits_of(some):
        seen.append(len(some))
        return torch.tanh(some @ head.T)

    monkeypatch.setitem(vocabulary.CHUNK_BYTES, "cpu", 4 * WORDS * chunk)
    ours, theirs = hidden.clone().requires_grad_(), hidden.clone().requires_grad_()

    losses = vocabulary.token_losses(ours, due, logits_of, WORDS)
    (losses * weights).sum().backward()

    assert max(seen) <= chunk
    expected = torch.nn.functional.cross_entropy(torch.tanh(theirs @ head.T), due, reduction="none")
    (expected * weights).sum().backward()
    assert torch.allclose(losses, expected)
    assert torch.allclose(ours.grad, theirs.grad)


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2", "gemma3", "opt", "phi"])
def test_logits_of_the_tapped_hidden_states_are_the_models(family, tiny_folder) -> None:
    folder = tiny_folder(family, writes=True)
    plain, tapping = (AutoModelForCausalLM.from_pretrained(folder).eval() for _ in range(2))
    ids = torch.tensor([[5, 9, 7, 20]])
    tap(tapping, pad_token=0)

    with torch.no_grad():
        due = plain(input_ids=ids).logits
        tapping(input_ids=ids)
        head = tapped(tapping)
        ours = head.logits(head.take())
        head.writing = True
        written = tapping(input_ids=ids).logits

    assert torch.allclose(ours, due, atol=1e-5)
    assert torch.allclose(written, due, atol=1e-5)
    with pytest.raises(RuntimeError, match="nothing has passed"):
        head.take()


def test_a_family_that_does_something_unknown_to_its_logits_is_refused(tiny_folder) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_folder("llama", writes=True))
    forward = model.forward

    def odd(*args, **kwargs):
        out = forward(*args, **kwargs)
        out.logits = out.logits * 3 + 1
        return out

    model.forward = odd

    with pytest.raises(BaseModelError, match="does something to its logits"):
        tap(model, pad_token=0)
    assert isinstance(model.get_output_embeddings(), Tap)
