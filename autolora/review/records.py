"""Frozen values of a review: what is shown, who gave it (the key), and what was said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AnswerKind = Literal["class", "classes", "number", "text"]
"""What an answer is, and so what a change of it is chosen from or written as."""
Language = Literal["en", "ja"]
StratumName = Literal["differ", "agree"]
NO_CLASS = "–"
"""How an answer without any class is shown."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """A test row, and what each candidate that is shown answers to it."""

    row_id: str
    answers: dict[str, str]
    """Candidate → its answer, as a person reads it."""

    @property
    def stratum(self) -> StratumName:
        """Whether the candidates differ here."""
        return "differ" if len(set(self.answers.values())) > 1 else "agree"


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a finished search has to be judged."""

    run: str
    """Its id."""
    chosen: str
    """The candidate that is recommended."""
    kind: AnswerKind
    classes: tuple[str, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True, kw_only=True)
class KeyAnswer:
    """One answer that is shown, and whose it is."""

    id: str
    text: str
    candidates: tuple[str, ...]
    """All that gave it."""


@dataclass(frozen=True, kw_only=True)
class KeyItem:
    """One test row that is shown."""

    id: str
    row_id: str
    stratum: StratumName
    answers: tuple[KeyAnswer, ...]
    """In the order in which they are shown."""


@dataclass(frozen=True, kw_only=True)
class ReviewKey:
    """What ``review/key-ID.json`` keeps, schema 1: the only place that says which candidate gave which answer."""

    schema: int = 1
    id: str
    run: str
    seed: int
    chosen: str
    kind: AnswerKind
    classes: tuple[str, ...]
    strata: dict[StratumName, int]
    """Test rows of each kind, judged or not."""
    items: tuple[KeyItem, ...]
    """In the order in which they are shown."""

    @property
    def answers(self) -> dict[str, KeyAnswer]:
        """Every answer by its id, in the order shown."""
        return {answer.id: answer for item in self.items for answer in item.answers}

    @property
    def candidates(self) -> tuple[str, ...]:
        """Whose answers are judged: the recommended one first."""
        named = {name for answer in self.answers.values() for name in answer.candidates}
        return (self.chosen, *sorted(named - {self.chosen}))


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What one reviewer says of one answer."""

    answer: str
    """Its id."""
    judgement: str
    """``"accept"``, ``"edit"`` or ``"reject"`` in a file that is whole; see ``files.checked``."""
    edit: tuple[str, ...] = ()
    """What it should have been: a text, a number, a class, or any number of classes."""
    reason: str = ""

    @property
    def edited(self) -> str:
        """What it should have been, as answers are shown."""
        return ", ".join(self.edit).strip() or NO_CLASS


@dataclass(frozen=True, kw_only=True)
class Review:
    """What one reviewer says of every answer."""

    reviewer: str
    judgements: tuple[Judgement, ...]
    """In the order of the key."""
