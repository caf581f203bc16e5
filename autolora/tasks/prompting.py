"""From prompts to tokens: a chat template or a plain one, cut to length, with control tokens kept out of people's text.

Knows a tokenizer; knows no model. Templates come from the tokenizer, or from the person who asks, never from the data:
transformers renders a tokenizer's in a sandbox, and a plain one has a single place to fill.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from autolora.data.conversations import as_messages, as_text
from autolora.errors import RequestError

PLAIN = "Question: {prompt}\nAnswer:"
"""What a prompt is put in where a tokenizer has no chat template."""
PLAIN_FOR_PAIRS = "{prompt}"
"""The same where an encoder reads the prompt and a decoder writes the answer."""
_PLACE = "{prompt}"
_MARKED = re.compile("\ue000(\\d+)\ue001")
"""Stands for control tokens in people's text while a template is rendered: characters that no text has."""
_ANSWER = "\ue002"
"""Stands for the answer while its end is looked for."""


@dataclass(frozen=True, kw_only=True)
class Prompting:
    """How rows of one dataset are put to one base."""

    tokenizer: Any
    template: str | None
    """``chat``, ``plain``, a text with {prompt} in it, or None for ``chat`` where there is one."""
    chat: bool
    """Whether texts are conversations."""
    in_pairs: bool = False
    """Whether an encoder reads the prompt."""

    def __post_init__(self) -> None:
        """Check that there is such a template.

        Raises:
            RequestError: If the tokenizer has no chat template, and one is asked for.
        """
        if self.template == "chat" and not self.tokenizer.chat_template:
            raise RequestError(
                "template is chat, but the base's tokenizer has no chat template",
                "leave template out, or write one such as 'Question: {prompt}\\nAnswer:'",
            )

    @property
    def is_chat(self) -> bool:
        """Whether prompts are rendered by the tokenizer's chat template."""
        return self.template == "chat" or (self.template is None and bool(self.tokenizer.chat_template))

    @property
    def plain(self) -> str:
        """The plain template."""
        if self.template not in (None, "chat", "plain"):
            return str(self.template)
        return PLAIN_FOR_PAIRS if self.in_pairs else PLAIN

    @cached_property
    def stops(self) -> tuple[int, ...]:
        """Tokens that end an answer; the first is the one that is learned."""
        return tuple(dict.fromkeys((self._end[-1], self.tokenizer.eos_token_id)))

    @property
    def drops(self) -> int:
        """Tokens that a plain call of the tokenizer puts behind a prompt that goes on, and that are to be dropped."""
        return 0 if self.is_chat or self.in_pairs else len(self._around[1])

    def prompt_text(self, text: str) -> str:
        """Return the prompt as the base reads it, for people to look at."""
        return self._rendered(as_messages(text, chat=self.chat))

    def holds_controls(self, text: str) -> bool:
        """Whether a text holds what the tokenizer has for control tokens."""
        return bool(self._controls and self._controls.search(text))

    def encoded(self, texts: Sequence[str], answers: Sequence[str] | None = None) -> list[tuple[list[int], list[int]]]:
        """Return prompt and answer of each row as tokens, whole; the answer with its end, or none at all.

        The answer's tokens are those that follow the prompt when both are read together, so that a prompt is always
        the same tokens, whatever is answered.
        """
        marked = [self._marked(text) for text in texts]
        prompts = [self._rendered(as_messages(text, chat=self.chat)) for text, _ in marked]
        rows = [self._ids(prompt, kept) for prompt, (_, kept) in zip(prompts, marked, strict=True)]
        if answers is None:
            return [(row, []) for row in rows]
        out = []
        for prompt, row, (_, kept), answer in zip(prompts, rows, marked, answers, strict=True):
            said, more = self._marked(answer, first=len(kept))
            out.append((row, self._following(prompt, row, said, kept + more)))
        return out

    def answers(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of answers to any prompt, each with its end."""
        prompt = self._rendered([{"role": "user", "content": "a"}])
        return [self._following(prompt, self._ids(prompt), *self._marked(text)) for text in texts]

    def _following(self, prompt: str, row: list[int], answer: str, kept: list[str]) -> list[int]:
        """Return the tokens of an answer and its end behind a prompt's."""
        if self.in_pairs:
            return self._ids(answer, kept, special=False) + self._end
        gap = "" if self.is_chat or prompt[-1:].isspace() else " "
        both = self._ids(prompt + gap + answer, kept)
        said = both[len(row) :] if both[: len(row)] == row else self._ids(gap + answer, kept, special=False)
        return said + self._end

    def cut(self, text: str, *, most: int) -> list[int]:
        """Return a row's prompt in at most ``most`` tokens: what the user said last loses its end.

        Where even that leaves too much (an early conversation, a long template), the oldest tokens go.
        """
        messages = as_messages(text, chat=self.chat)
        last = self.tokenizer(messages[-1]["content"], add_special_tokens=False, verbose=False)["input_ids"]
        kept = len(last)
        while True:
            ids = self.encoded([self._with_last(messages, self.tokenizer.decode(last[:kept]))])[0][0]
            over = len(ids) - most
            if over <= 0:
                return ids
            if kept == 0:
                return ids[-most:]
            kept = max(0, kept - over)

    def _with_last(self, messages: list[dict[str, str]], said: str) -> str:
        """Return a row's text with another last message."""
        return as_text([*messages[:-1], messages[-1] | {"content": said}]) if self.chat else said

    # ------------------------------------------------------------------------------------------------------- rendering

    def _rendered(self, messages: list[dict[str, str]]) -> str:
        if self.is_chat:
            text: str = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            return text
        said = [messages[0]["content"]] if messages[0]["role"] == "system" else []
        turns = messages[len(said) :]
        for asked, answered in zip(turns[0:-1:2], turns[1::2], strict=True):
            said.append(self._filled(asked["content"]) + " " + answered["content"])
        return "\n\n".join([*said, self._filled(turns[-1]["content"])])

    def _filled(self, prompt: str) -> str:
        before, after = self.plain.split(_PLACE)
        return f"{before}{prompt}{after}"

    # ---------------------------------------------------------------------------------------------------------- tokens

    @cached_property
    def _controls(self) -> re.Pattern[str] | None:
        known = [token.content for token in self.tokenizer.added_tokens_decoder.values() if token.special]
        return re.compile("|".join(map(re.escape, sorted(known, key=len, reverse=True)))) if known else None

    @cached_property
    def _end(self) -> list[int]:
        """What ends an answer: what a chat template puts behind it up to its first control token, else a text's end."""
        if self.is_chat:
            turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _ANSWER}]
            text: str = self.tokenizer.apply_chat_template(turns, tokenize=False)
            ids = self._ids(text.partition(_ANSWER)[2])
            special = [at for at, token in enumerate(ids) if token in self.tokenizer.all_special_ids]
            if special:
                return ids[: special[0] + 1]
        return [self.tokenizer.eos_token_id]

    def _marked(self, text: str, first: int = 0) -> tuple[str, list[str]]:
        """Return a text with marks in place of control tokens, numbered from ``first``, and what they stand for."""
        kept: list[str] = []

        def mark(match: re.Match[str]) -> str:
            kept.append(match[0])
            return f"\ue000{first + len(kept) - 1}\ue001"

        return (self._controls.sub(mark, text) if self._controls else text), kept

    @cached_property
    def _around(self) -> tuple[list[int], list[int]]:
        """What the tokenizer puts before and behind a text."""
        bare = self.tokenizer("a", add_special_tokens=False)["input_ids"]
        whole = self.tokenizer("a")["input_ids"]
        first = next((at for at in range(len(whole)) if whole[at : at + len(bare)] == bare), 0)
        return whole[:first], whole[first + len(bare) :]

    def _ids(self, text: str, kept: Sequence[str] = (), *, special: bool | None = None) -> list[int]:
        """Return the tokens of a text; what its marks stand for is read as text, without control tokens."""
        add = not self.is_chat if special is None else special  # a chat template writes the special ones itself
        before, behind = self._around if add else ([], [])
        behind = behind if self.in_pairs else []  # a prompt goes on
        ids: list[int] = []
        for at, piece in enumerate(_MARKED.split(text) if kept else [text]):
            if at % 2:
                words = self.tokenizer(kept[int(piece)], add_special_tokens=False, split_special_tokens=True)
                ids += words["input_ids"]
            elif piece:
                ids += self.tokenizer(piece, add_special_tokens=False, verbose=False)["input_ids"]
        return before + ids + behind
