"""What a search is expected to take, before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["start", "explore", "confirm", "close"]
Seconds = tuple[float, float, float]
"""At least, most likely and at most."""


@dataclass(frozen=True, kw_only=True)
class PartForecast:
    """One part of the way."""

    name: Part
    seconds: float
    """Most likely; parts are less sure than the whole, since what one leaves another takes."""
    train: int
    """Training rows; 0 where nothing is trained."""
    scored: int
    """Validation rows that each training is scored on; test rows in the last part."""


@dataclass(frozen=True, kw_only=True)
class AdapterForecast:
    """What one adapter costs."""

    name: Literal["cheapest", "default", "dearest"]
    """Of the search space, by memory; the default is what people take without a search."""
    trainable_params: int
    adapter_bytes: int
    peak_memory_bytes: int
    """Predicted, of training it alone."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What ``autolora plan`` says."""

    name: str
    """Of the task."""
    base_model: str
    device: str
    engines: int
    classes: int
    """0 where labels are none."""
    rows: dict[str, int]
    """Split → its rows."""
    trials: int
    """Wanted, and expected to be tried unless time is over before."""
    trainings: float
    """The same in full trainings: most trials end early."""
    finalists: int
    baselines: str
    parts: tuple[PartForecast, ...]
    seconds: Seconds
    """Of the whole search."""
    spread: float
    """Share by which the whole may take more or less."""
    budget_seconds: float | None
    """None without a limit."""
    enough: bool
    """Whether the budget is enough for the least that can be compared."""
    in_words: str
    """The plan in a sentence or two."""
    adapters: tuple[AdapterForecast, ...]
    weight_bytes: int
    """Of the base in memory."""
    training_seconds: float
    """Of the default adapter on all training rows, once."""
    seconds_a_thousand: float
    """Of answering a thousand items."""
    calibration_seconds: float
    """What finding all this out took."""
