"""Training rows, found again by their prompts: rivals that repeat old answers, and prompts that show some."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autolora.data.conversations import as_messages, as_text, last_prompt
from autolora.engine.baselines import Fitted, grams
from autolora.records import Split

Array = NDArray[Any]

SHOTS = 4
"""Examples that few-shot prompting shows."""


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """Training rows, found again by the words of their prompts."""

    train: Split
    prompts: Sequence[str]
    """What the user said last in each of them."""
    chat: bool
    """Whether texts are conversations."""
    vectors: Any
    """Of the prompts, each of length 1 ``(rows, features)``."""
    vectors_of: Callable[[Sequence[str]], Any]
    seconds: float
    """That finding the vectors took."""

    @classmethod
    def by_words(cls, train: Split, *, chat: bool) -> Nearest:
        """Return the rows by TF-IDF (words; characters where not spaced) of what the user said last."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        start = time.perf_counter()
        prompts = [last_prompt(text, chat=chat) for text in train.texts]
        features = TfidfVectorizer(sublinear_tf=True, **grams(prompts))
        seen = features.fit_transform(prompts)
        return cls(
            train=train,
            prompts=prompts,
            chat=chat,
            vectors=seen,
            vectors_of=features.transform,
            seconds=time.perf_counter() - start,
        )

    def rows(self, prompts: Sequence[str], count: int) -> list[list[int]]:
        """Return the rows nearest to each prompt, nearest first."""
        return _nearest_rows(self.vectors_of(prompts), self.vectors, count) if prompts else []

    def answering(self, validation: Split, test: Split) -> Fitted:
        """Return the answer to the training prompt that is nearest."""
        start = time.perf_counter()
        known, asked = ([last_prompt(text, chat=self.chat) for text in split.texts] for split in (validation, test))
        return Fitted(
            name="nearest",
            description="The answer to the nearest training prompt (TF-IDF)",
            validation=_answers(self.train, self.rows(known, 1)),
            test=_answers(self.train, self.rows(asked, 1)),
            parameters=0,
            bytes=sum(len(text.encode()) for text in (*self.prompts, *map(str, self.train.labels))),
            seconds=self.seconds + time.perf_counter() - start,
        )

    def shown_before(self, split: Split) -> Split:
        """Return a split's prompts as conversations that begin with their nearest training rows, the nearest last."""
        texts = []
        for text in split.texts:
            messages = as_messages(text, chat=self.chat)
            shown = [messages[0]] if messages[0]["role"] == "system" else []
            rows = self.rows([messages[-1]["content"]], SHOTS)[0]
            examples = [
                {"role": role, "content": content}
                for row in reversed(rows)
                for role, content in (("user", self.prompts[row]), ("assistant", str(self.train.labels[row])))
            ]
            texts.append(as_text([*shown, *examples, *messages[len(shown) :]]))
        return replace(split, texts=tuple(texts))


def nearest_by_base(train: Split, vectors: Array, known: Array, asked: Array) -> Fitted:
    """Return the answer to the training prompt of which the base makes most nearly the same.

    Args:
        train: The training rows.
        vectors: Of their prompts, of length 1 ``(rows, width)``.
        known: Of the validation rows' prompts.
        asked: Of the test rows' prompts.
    """
    start = time.perf_counter()
    return Fitted(
        name="nearest_base",
        description="The answer to the nearest training prompt (mean hidden states of the base)",
        validation=_answers(train, _nearest_rows(known, vectors, 1)),
        test=_answers(train, _nearest_rows(asked, vectors, 1)),
        parameters=0,
        bytes=int(np.asarray(vectors).nbytes) + sum(len(str(label).encode()) for label in train.labels),
        seconds=time.perf_counter() - start,
    )


def _answers(train: Split, nearest_rows: list[list[int]]) -> Array:
    return np.array([str(train.labels[rows[0]]) for rows in nearest_rows], dtype=str)


def _nearest_rows(asked: Any, vectors: Any, count: int) -> list[list[int]]:
    """Return the rows whose vectors are most alike, the likest first; all vectors are of length 1."""
    likeness = asked @ vectors.T
    dense = likeness.toarray() if hasattr(likeness, "toarray") else np.asarray(likeness)
    return [np.argsort(-row, kind="stable")[:count].tolist() for row in dense]
