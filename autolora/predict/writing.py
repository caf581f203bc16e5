"""What a base that writes answers to prompts, in plain transformers and PEFT. Knows one bundle and its base.

Prompts become tokens as they did in training: control tokens in people's text stay text, and long ones are cut the same
way. Answers are written greedily, so the same prompt always gets the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autolora.predict.heads import loading_options, low_rank_off, plain_tokenizer, with_adapter
from autolora.predict.opening import Opened
from autolora.predict.said import Said
from autolora.records import Prompts
from autolora.tasks.prompting import Prompting

_LOGIT_BYTES = 256 * 2**20
"""What the logits of answers that are scored together may take."""


class Writer:
    """A loaded bundle that writes, or chooses from a closed set of answers by likelihood."""

    def __init__(self, it: Opened, prompts: Prompts, *, device: str, merged: bool) -> None:
        """Load base and adapter.

        Args:
            it: The bundle.
            prompts: How prompts are put to the base.
            device: Where it computes, by torch's name.
            merged: Whether the adapter is added to the base's weights; it cannot be switched off then.
        """
        from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, GenerationConfig

        self.says, self.prompts, self.device = it.says, prompts, device
        self.tokenizer = plain_tokenizer(it)
        auto = AutoModelForSeq2SeqLM if prompts.in_pairs else AutoModelForCausalLM
        base = auto.from_pretrained(str(it.base.folder), local_files_only=True, **loading_options(it))
        self.model = with_adapter(base, it, device=device, merged=merged)
        self.prompting = Prompting(
            tokenizer=self.tokenizer,
            template="chat" if prompts.chat_template else prompts.plain,
            chat=it.says.chat,
            in_pairs=prompts.in_pairs,
        )
        self.greedy = GenerationConfig(
            do_sample=False,
            max_new_tokens=prompts.longest_answer,
            eos_token_id=list(prompts.stops),
            pad_token_id=self.tokenizer.pad_token_id,
        )
        self.limit = it.says.max_length
        """Tokens of prompt and answer: half of it is the least that a prompt is cut to."""

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of each prompt, whole, as far as they are too many: twice what is kept of one."""
        return [2 * len(ids) for ids, _ in self.prompting.encoded(texts)]

    def say(self, texts: Sequence[str]) -> list[Said]:
        """Return what is answered to prompts that pass together."""
        rows = [self._cut(text) for text in texts]
        return self._chosen(rows) if self.says.answers else self._written(rows)

    def say_without_adapter(self, texts: Sequence[str]) -> list[Said]:
        """Return the same of the bare base."""
        with low_rank_off(self.model):
            return self.say(texts)

    def _cut(self, text: str) -> list[int]:
        most = self.limit - self.limit // 2
        ids = self.prompting.encoded([text])[0][0]
        return ids if len(ids) <= most else self.prompting.cut(text, most=most)

    def _written(self, rows: list[list[int]]) -> list[Said]:
        import torch

        longest = max(map(len, rows))
        pad = int(self.tokenizer.pad_token_id or 0)
        # A decoder goes on behind the last token, an encoder reads from the first.
        blanks = [[pad] * (longest - len(ids)) for ids in rows]
        filled = [ids + own if self.prompts.in_pairs else own + ids for ids, own in zip(rows, blanks, strict=True)]
        seen = [
            [1] * len(ids) + [0] * len(own) if self.prompts.in_pairs else [0] * len(own) + [1] * len(ids)
            for ids, own in zip(rows, blanks, strict=True)
        ]
        with torch.inference_mode():
            out = self.model.generate(
                input_ids=torch.tensor(filled, device=self.device),
                attention_mask=torch.tensor(seen, device=self.device),
                generation_config=self.greedy,
            ).tolist()
        first = 1 if self.prompts.in_pairs else longest
        answers = [self._ended(ids[first:]) for ids in out]
        sure = np.exp(-self._mean_losses(list(zip(rows, answers, strict=True))))
        texts = self.tokenizer.batch_decode(answers, skip_special_tokens=True)
        return [Said(label=text.strip(), confidence=float(p)) for text, p in zip(texts, sure, strict=True)]

    def _ended(self, ids: list[int]) -> list[int]:
        """Return an answer's tokens with the one that ends it."""
        ends = [at for at, token in enumerate(ids) if token in self.prompts.stops]
        return ids[: ends[0] + 1] if ends else ids

    def _chosen(self, rows: list[list[int]]) -> list[Said]:
        """Return the likeliest of the answers to choose from; it counts with the token that ends it."""
        closed = self.prompting.answers(self.says.answers)
        pairs = [(ids, answer) for ids in rows for answer in closed]
        tokens = np.array([len(answer) for answer in closed])
        losses = self._mean_losses(pairs).reshape(len(rows), len(closed)) * tokens
        shares = np.exp(losses.min(axis=1, keepdims=True) - losses)
        shares /= shares.sum(axis=1, keepdims=True)
        return [Said(label=self.says.answers[int(own.argmax())], confidence=float(own.max())) for own in shares]

    def _mean_losses(self, pairs: Sequence[tuple[list[int], list[int]]]) -> Any:
        """Return the mean loss of each answer's tokens behind its prompt ``(pairs,)``."""
        import torch

        vocabulary = self.model.get_input_embeddings().num_embeddings
        order = sorted(range(len(pairs)), key=lambda at: sum(map(len, pairs[at])))
        found = np.zeros(len(pairs))
        while order:
            longest = max(sum(map(len, pairs[at])) for at in order[:64])
            count = max(1, min(64, _LOGIT_BYTES // (4 * vocabulary * longest)))
            own, order = order[:count], order[count:]
            with torch.inference_mode():
                found[own] = self._losses([pairs[at] for at in own])
        return found

    def _losses(self, pairs: Sequence[tuple[list[int], list[int]]]) -> Any:
        import torch
        from torch.nn.functional import cross_entropy
        from torch.nn.utils.rnn import pad_sequence

        in_pairs = self.prompts.in_pairs
        read = [torch.tensor(ids if in_pairs else ids + answer) for ids, answer in pairs]
        given: dict[str, Any] = {
            "input_ids": pad_sequence(read, batch_first=True),
            "attention_mask": pad_sequence([torch.ones_like(own) for own in read], batch_first=True),
        }
        if in_pairs:
            due = [torch.tensor(answer) for _, answer in pairs]
            given["labels"] = pad_sequence(due, batch_first=True, padding_value=-100)
        logits = self.model(**{name: each.to(self.device) for name, each in given.items()}).logits
        losses = []
        for own, (ids, answer) in zip(logits, pairs, strict=True):
            first = 0 if in_pairs else len(ids) - 1
            due_tokens = torch.tensor(answer, device=own.device)
            losses.append(float(cross_entropy(own[first : first + len(answer)].float(), due_tokens)) if answer else 0.0)
        return losses
