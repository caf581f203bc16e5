"""What there is without training an adapter: constant answers, a linear model, old answers, and the bare base.

Knows rows, and engines that answer; trains no adapter and compares nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from autolora.answered import AnswerShelf, texts
from autolora.data.conversations import last_prompt
from autolora.engine.baselines import Fitted, constant, tfidf
from autolora.engine.jobs import Finished, Written
from autolora.engine.retrieval import SHOTS, Nearest, nearest_by_base
from autolora.objectives import GUIDE
from autolora.records import Dataset, Split
from autolora.tasks.problems import SingleLabel, problem_of

Array = NDArray[Any]

_ALONE = "The base without an adapter"


class Base(Protocol):
    """What this needs of the engines, on the bare base."""

    def add_split(self, name: str, split: Split, examples: int = 0) -> None:
        """Make another split known, whose prompts may begin with examples."""

    def outputs(self, adapters: Sequence[Finished | None], split: str) -> list[Any]:
        """Return what the problem keeps of scores on a split; None is the base."""

    def answers(self, adapters: Sequence[Finished | None], split: str, *, closed: Sequence[str] = ()) -> list[Written]:
        """Return the answers to a split's prompts, likewise."""

    def pass_seconds(self, split: str) -> float:
        """Return the seconds that a row of a split takes through the whole base."""

    def prompt_vectors(self, splits: Sequence[str]) -> list[Any]:
        """Return of each split what the base makes of its prompts ``(rows, width)``."""


class Named(Protocol):
    """What engines call the rows of a seed."""

    @property
    def train(self) -> str:
        """Its training rows."""

    @property
    def validation(self) -> str:
        """Its validation rows."""


def fitted_rivals(dataset: Dataset, metric: str) -> list[Fitted]:
    """Return what needs no base, where a row has labels."""
    problem = problem_of(dataset)
    return [fit(problem, metric, dataset.train, dataset.validation, dataset.test) for fit in (constant, tfidf)]


def written_rivals(dataset: Dataset, base: Base, shelf: AnswerShelf, names: Named) -> list[Fitted]:
    """Return what needs no adapter where answers are written: old answers, and the base without and with examples.

    Args:
        dataset: The rows of one seed.
        base: The engines that hold it.
        shelf: Keeps answers.
        names: What engines call these rows; the test rows are ``test``.
    """
    parts = {names.validation: dataset.validation, "test": dataset.test}
    found = Nearest.by_words(dataset.train, chat=dataset.chat)
    for split, rows in parts.items():
        base.add_split(_shown(split), found.shown_before(rows), SHOTS)
        ask_base(shelf, base, split)
        shelf.ask(base, _shown(split), [("few_shot", "", None)])
    asked = {split: base_answers(shelf, split) for split in parts}
    return [
        *([_classifier(dataset, shelf.closed)] if shelf.closed else ()),
        constant(problem_of(dataset), GUIDE, dataset.train, dataset.validation, dataset.test),
        found.answering(dataset.validation, dataset.test),
        nearest_by_base(dataset.train, *base.prompt_vectors((names.train, names.validation, "test"))),
        *(
            _base(name, words, *(texts(asked[split][name]) for split in parts))
            for name, words in (
                ("zero_shot", _ALONE),
                ("few_shot", f"The base, shown the {SHOTS} nearest training rows in the prompt"),
            )
        ),
    ]


def base_loss(base: Base, names: Named) -> Fitted:
    """Return the bare base where only losses are compared, which old answers have none of."""
    return _base("zero_shot", _ALONE, *(base.outputs([None], split)[0] for split in (names.validation, "test")))


def ask_base(shelf: AnswerShelf, base: Base, split: str) -> None:
    """Have the bare base answer to a split, unless its answers are kept."""
    shelf.ask(base, split, [("zero_shot", "", None)])


def base_answers(shelf: AnswerShelf, split: str) -> dict[str, Written]:
    """Return what the bare base has answered to a split, without examples and, where it was so asked, with them."""
    asked = {"zero_shot": shelf.find(split, "zero_shot"), "few_shot": shelf.find(_shown(split), "few_shot")}
    return {name: written for name, written in asked.items() if written is not None}


def _shown(split: str) -> str:
    """Return the name of a split whose prompts begin with examples."""
    return f"few_shot_{split}"


def _classifier(dataset: Dataset, closed: tuple[str, ...]) -> Fitted:
    """Return TF-IDF with a linear model, which takes the answers of a closed set for classes."""
    place = {answer: at for at, answer in enumerate(closed)}

    def as_classes(split: Split) -> Split:
        prompts = tuple(last_prompt(text, chat=dataset.chat) for text in split.texts)
        return replace(split, texts=prompts, labels=tuple(place[str(label)] for label in split.labels))

    parts = map(as_classes, (dataset.train, dataset.validation, dataset.test))
    fitted = tfidf(SingleLabel(classes=closed), "accuracy", *parts)
    return replace(
        fitted,
        validation=np.array([closed[at] for at in fitted.validation], dtype=str),
        test=np.array([closed[at] for at in fitted.test], dtype=str),
    )


def _base(name: str, description: str, validation: Array, test: Array) -> Fitted:
    return Fitted(
        name=name,
        description=description,
        validation=validation,
        test=test,
        parameters=0,
        bytes=0,
        seconds=0.0,
    )
