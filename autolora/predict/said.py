"""One row on its way through a bundle: its tokens, and what was said of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """A text as the model reads it."""

    inputs: dict[str, list[int]]
    """What the tokenizer makes of it, cut to what the adapter reads; ``input_ids`` among them."""
    was_cut: bool

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.inputs["input_ids"])


@dataclass(frozen=True, kw_only=True)
class Said:
    """A model's answer, and how sure it is."""

    label: str | list[str] | float
    """A class or a written answer, several classes, or a number."""
    confidence: float | None
    """Between 0 and 1: the probability of the class; of any number of classes, that all are right; of a written answer,
    the geometric mean of its tokens' probabilities; of one of a closed set, its share among them. None for a number."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What is handed over of one row."""

    label: str | list[str] | float | None
    """None where it abstains."""
    confidence: float | None
    abstained: bool = False
    """Whether a person is to answer: it was not sure enough, or there was nothing to read."""
    without_adapter: str | list[str] | float | None = None
    """What is said with the adapter off, where that was asked for."""
    was_cut: bool = False
    """Whether the row was longer than what the adapter reads."""
