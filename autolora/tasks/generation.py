"""Answers that are written: prompt and answer as one row of tokens, loss on the answer's tokens only.

A base's head (from hidden states to logits over the vocabulary) is taken out of the model's pass, which then ends in
the last hidden states; logits are computed for an answer's tokens alone, a few at a time.

Knows texts, tokens and hidden states. Knows no adapters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolora.errors import BaseModelError
from autolora.records import Split
from autolora.tasks.problems import Generation
from autolora.tasks.prompting import Prompting
from autolora.tasks.task import Encoded, LoadedModel, Put, Rows, load, load_tokenizer, padded, unknown_share

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

_HINT = "use a model that transformers' AutoModelForCausalLM or AutoModelForSeq2SeqLM knows"


@dataclass(frozen=True, kw_only=True)
class GenerationTask:
    """An answer is written to every prompt."""

    problem: Generation
    max_length: int = 256
    """Tokens that prompt and answer are cut to; the answer has half of them where both are long."""
    context: int = 1 << 30
    """Tokens that the base can take at most."""
    decoder_start: int | None = None
    """What a decoder begins with where an encoder reads the prompt; None where one stack reads and writes."""

    @property
    def width(self) -> int:
        """The answer's summed loss, and its tokens."""
        return 2

    def load_model(
        self, folder: Path, *, dtype: torch.dtype, attention: str, options: Mapping[str, Any] | None = None
    ) -> LoadedModel:
        """Return the base, its head taken out of the pass.

        Raises:
            BaseModelError: If transformers cannot load it as a model that writes, or its head is of an unknown kind.
        """
        import transformers

        from autolora.tasks.tap import tap

        tokenizer = load_tokenizer(folder)
        model, fresh = load(
            folder,
            transformers.AutoModelForCausalLM if self.decoder_start is None else transformers.AutoModelForSeq2SeqLM,
            kind="a model that writes",
            hint=_HINT,
            dtype=dtype,
            attention=attention,
            options=options or {},
        )
        if fresh:
            raise BaseModelError(
                f"the checkpoint lacks weights that a model that writes needs: {', '.join(sorted(fresh)[:5])}",
                "use a base that was trained to write, not an encoder",
            )
        model.config.pad_token_id = tokenizer.pad_token_id
        tap(model, pad_token=tokenizer.pad_token_id or 0)
        kind = "CAUSAL_LM" if self.decoder_start is None else "SEQ_2_SEQ_LM"
        return LoadedModel(model=model, trained=frozenset(), fresh=frozenset(), peft_task_type=kind)

    def with_examples(self, count: int) -> GenerationTask:
        """Return the task for conversations that begin with examples, which need as many times the room."""
        return replace(self, problem=replace(self.problem, chat=True), max_length=self.max_length * (count + 1))

    def skeleton(self, folder: Path) -> None:
        """Return nothing: what writes is part of the base."""

    def prompting(self, tokenizer: Any) -> Prompting:
        """Return how rows are put to the base of a tokenizer.

        Raises:
            RequestError: If it lacks the template that is asked for.
        """
        return Prompting(
            tokenizer=tokenizer,
            template=self.problem.template,
            chat=self.problem.chat,
            in_pairs=self.decoder_start is not None,
        )

    def encode(self, tokenizer: Any, split: Split) -> Encoded:
        """Return the split as tokens, prompt and answer of a row one behind the other.

        Of what is longer than ``max_length``, the answer loses its end down to half of that, and what the user said
        last loses its end.

        Raises:
            RequestError: If the tokenizer lacks the template that is asked for.
        """
        prompting, limit = self.prompting(tokenizer), min(self.max_length, self.context)
        answers = [str(label) for label in split.labels]
        whole = prompting.encoded(split.texts, answers)
        rows, starts = [], []
        for text, (prompt, said) in zip(split.texts, whole, strict=True):
            if len(prompt) + len(said) > limit:
                said = said[: max(limit - len(prompt), limit // 2)]
                prompt = prompting.cut(text, most=limit - len(said))
            rows.append(np.asarray(prompt + said, dtype=np.int32))
            starts.append(len(prompt))
        return Encoded(
            tokens=tuple(rows),
            targets=np.asarray(starts, dtype=np.int64),
            full_lengths=np.array([len(prompt) + len(said) for prompt, said in whole], dtype=np.int64),
            unknown_share=unknown_share(tokenizer, rows),
            stops=prompting.stops,
            controls=tuple(
                at
                for at, (text, answer) in enumerate(zip(split.texts, answers, strict=True))
                if prompting.holds_controls(text) or prompting.holds_controls(answer)
            ),
        )

    def inputs(self, rows: Rows, pad_token: int) -> dict[str, NDArray[np.int64]]:
        """Return token ids and mask ``(rows, tokens)``, padded on the right; a decoder's apart, where there is one."""
        if self.decoder_start is None:
            return padded(rows.tokens, pad_token)
        pairs = [(own[:start], own[start:]) for own, start in zip(rows.tokens, rows.targets, strict=True)]
        begun = [np.concatenate([[self.decoder_start], answer[:-1]]).astype(np.int32) for _, answer in pairs]
        read = padded([prompt for prompt, _ in pairs], pad_token)
        return read | {"decoder_input_ids": padded(begun, pad_token)["input_ids"]}

    def passed(self, model: nn.Module, output: Any) -> Tensor:
        """Return the last hidden states ``(rows, tokens, width)``."""
        from autolora.tasks.tap import tapped

        return tapped(model).take()

    def weights(self, rows: Rows) -> NDArray[np.float64]:
        """Return the answers' tokens: a batch's loss is the mean over its answers' tokens, as in transformers."""
        return np.array([len(tokens) for tokens in rows.tokens]) - np.asarray(rows.targets, dtype=np.float64)

    def losses(self, model: nn.Module, passed: Tensor, rows: Rows, put: Put) -> Tensor:
        """Return the summed loss of each row's answer ``(rows,)`` from hidden states ``(rows, tokens, width)``."""
        from autolora.tasks.tap import tapped
        from autolora.tasks.vocabulary import token_losses

        places, due, owner = _answer_tokens(rows, passed.shape[1], apart=self.decoder_start is not None)
        hidden = passed.flatten(0, 1)[put(places)]
        head = tapped(model)
        losses = token_losses(hidden, put(due), head.logits, head.vocabulary)
        return losses.new_zeros(len(rows.tokens)).index_add(0, put(owner), losses)

    def scores(self, model: nn.Module, passed: Tensor, rows: Rows, put: Put) -> Tensor:
        """Return each answer's summed loss and how many tokens it has ``(rows, 2)``."""
        import torch

        return torch.stack([self.losses(model, passed, rows, put), put(self.weights(rows)).to(passed.device)], dim=1)

    def blank(self, count: int, length: int) -> Rows:
        """Return rows that are all answer, or where an encoder reads the prompt, half of each."""
        start = 1 if self.decoder_start is None else max(1, length // 2)
        return Rows((np.ones(length, dtype=np.int32),) * count, np.full(count, start, dtype=np.int64))

    def probe_loss(self, model: nn.Module, passed: Tensor, rows: Rows, put: Put) -> Tensor:
        """Return the mean loss of rows."""
        return self.losses(model, passed, rows, put).mean()


def configuration(folder: Path) -> dict[str, Any]:
    """Return what config.json of a base says; nothing where it cannot be read, which whoever loads it says better."""
    try:
        found: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def decoder_start(config: Mapping[str, Any]) -> int | None:
    """Return what the decoder of a base begins with, None where no encoder reads the prompt.

    Raises:
        BaseModelError: If its configuration does not say.
    """
    if not config.get("is_encoder_decoder"):
        return None
    start = config.get("decoder_start_token_id", config.get("pad_token_id"))
    if not isinstance(start, int):
        raise BaseModelError("config.json has no decoder_start_token_id", "the checkpoint is not whole: copy it again")
    return start


def _answer_tokens(
    rows: Rows, length: int, *, apart: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return, for every token of an answer, where in rows of ``length`` it is predicted, the token, and its row.

    Args:
        rows: Prompts with their answers.
        length: Of the rows of hidden states.
        apart: Whether these are of the answers alone.
    """
    places, due, owner = [], [], []
    for at, (tokens, start) in enumerate(zip(rows.tokens, rows.targets, strict=True)):
        own = np.arange(max(1, int(start)), len(tokens))
        places.append(at * length + (own - own[:1] if apart else own - 1))
        due.append(tokens[own].astype(np.int64))
        owner.append(np.full(len(own), at, dtype=np.int64))
    return np.concatenate(places), np.concatenate(due), np.concatenate(owner)
