"""What a base that writes answers to prompts, in plain transformers and PEFT. Knows one bundle and its base.

Prompts become tokens as they did in training: control tokens in people's text stay text, and long ones are cut the same
way. Answers are written greedily, so the same prompt always gets the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from autolora.bundle_check_writing import losses_of
from autolora.predict.heads import loading_options, low_rank_off, plain_tokenizer, with_adapter
from autolora.predict.opening import Opened
from autolora.predict.said import Said, Tokens
from autolora.records import Prompts
from autolora.tasks.prompting import Prompting


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

    def read(self, texts: Sequence[str]) -> list[Tokens]:
        """Return prompts as tokens."""
        most = self.limit - self.limit // 2
        found = []
        for text, (ids, _) in zip(texts, self.prompting.encoded(texts), strict=True):
            cut = len(ids) > most
            found.append(Tokens(inputs={"input_ids": self.prompting.cut(text, most=most) if cut else ids}, was_cut=cut))
        return found

    def say(self, rows: Sequence[Tokens]) -> list[Said]:
        """Return what is answered to prompts that pass together."""
        prompts = [row.inputs["input_ids"] for row in rows]
        return self._chosen(prompts) if self.says.answers else self._written(prompts)

    def say_without_adapter(self, rows: Sequence[Tokens]) -> list[Said]:
        """Return the same of the bare base."""
        with low_rank_off(self.model):
            return self.say(rows)

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
        summed, tokens = self._losses(list(zip(rows, answers, strict=True))).T
        sure = np.exp(-summed / np.maximum(tokens, 1))
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
        shares = softmax(-self._losses(pairs)[:, 0].reshape(len(rows), len(closed)), axis=1)
        return [Said(label=self.says.answers[int(own.argmax())], confidence=float(own.max())) for own in shares]

    def _losses(self, pairs: Sequence[tuple[list[int], list[int]]]) -> NDArray[np.float64]:
        """Return of each answer behind its prompt the summed loss and the number of its tokens ``(pairs, 2)``."""
        import torch

        rows = [(ids + answer, len(ids)) for ids, answer in pairs]
        with torch.inference_mode():
            return np.array(losses_of(self.model, rows, in_pairs=self.prompts.in_pairs))
