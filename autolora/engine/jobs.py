"""What is said between whoever decides and an engine: jobs in, reports out. Plain values; no torch, so that every
process that only passes them on starts in a moment.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from autolora.records import AdapterConfig, TrialState


@dataclass(frozen=True, kw_only=True)
class Job:
    """One adapter to be trained."""

    slot: str
    """Unique name of its place."""
    config: AdapterConfig
    seed: int
    task: str = ""
    """What engines call the task that it is for."""
    train: str = "train"
    """Name of the split that it trains on."""
    validation: str = "validation"
    """Name of the split that it is scored on."""
    rungs: tuple[float, ...] = (1.0,)
    """Shares of the full training length at which it stops, is scored, and waits."""
    state_file: str = ""
    """Where its state is kept at every rung, and from where it goes on if the file exists; empty keeps none."""
    allowed_rung: int = -1
    """Up to which rung it may train before any lease has claimed it."""
    keep_adapter: bool = False
    """Whether the last report carries the adapter's weights."""
    alone: bool = False
    """Whether it shares no step with others, so that if one hangs it is known whose."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a job has to say: progress, a rung reached, or its end in failure."""

    steps: int
    total_steps: int
    seconds: float
    rung: int | None = None
    """Number of the rung that was reached; None for mere progress."""
    last: bool = False
    """Whether nothing will follow."""
    outputs: bytes = b""
    """What the problem keeps of each row that it is scored on, in the split's order; see ``array_of``."""
    train_loss: float = math.nan
    failure: TrialState | None = None
    cause: str = ""
    note: str = ""
    """What the user should know although the job goes on: a state that could not be kept, or not be read."""
    adapter: dict[str, Any] | None = None
    """PEFT name → weights as arrays."""


SoloMethod = Literal["prompt_tuning", "full_tuning"]
"""What is trained without low-rank matrices: vectors before every text, or every weight."""


@dataclass(frozen=True, kw_only=True)
class SoloJob:
    """A training that cannot share the frozen base: done by plain transformers and PEFT, alone."""

    method: SoloMethod
    learning_rate: float
    epochs: float
    batch_size: int
    seed: int
    train: str
    """Name of the split that it trains on."""
    validation: str
    test: str
    """Names of those that it is scored on."""


@dataclass(frozen=True, kw_only=True)
class SoloReport:
    """What became of it."""

    validation: bytes = b""
    test: bytes = b""
    """What the problem keeps of each row; see ``array_of``."""
    seconds: float = 0.0
    """Of training it and scoring the validation rows."""
    trainable_params: int = 0
    stored_bytes: int = 0
    """Of what it would have to ship, in float32."""
    peak_memory_bytes: int = 0
    """Measured over its first steps; see ``live_bytes``."""
    times_a_pass: float = 1.0
    """What a test row's pass takes, in passes through the base: vectors before a text are passed with it."""
    failure: TrialState | None = None
    cause: str = ""


SLOTS_AT_ONCE = 8
"""Finished adapters that answer together."""
Finished = tuple[AdapterConfig, dict[str, Any]]
"""A finished adapter: how it was trained, and its weights by PEFT's names."""


@dataclass(frozen=True, kw_only=True)
class TokenRows:
    """A split's prompts and answers as tokens, where answers are written."""

    tokens: tuple[tuple[int, ...], ...]
    starts: tuple[int, ...]
    """How many of a row's tokens are the prompt."""
    prompts: tuple[str, ...]
    """As the base reads them."""
    as_they_are: tuple[bool, ...]
    """Whether a row was not cut and holds no control tokens, so that any tokenizer call makes the same of it."""
    closed: tuple[tuple[int, ...], ...]
    """Tokens of the answers to choose from."""

    def take(self, places: Sequence[int]) -> TokenRows:
        """Return some of the rows, in that order."""
        return TokenRows(
            tokens=tuple(self.tokens[at] for at in places),
            starts=tuple(self.starts[at] for at in places),
            prompts=tuple(self.prompts[at] for at in places),
            as_they_are=tuple(self.as_they_are[at] for at in places),
            closed=self.closed,
        )


@dataclass(frozen=True, kw_only=True)
class Written:
    """What one adapter has answered to the prompts of a split."""

    texts: tuple[str, ...]
    seconds: float
    """Device time of an answer, on average, as many being written at once as a search does."""


def bytes_of(array: NDArray[Any]) -> bytes:
    """Return an array in numpy's file format, which keeps its type and shape."""
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def array_of(raw: bytes) -> NDArray[Any]:
    """Return the array that ``bytes_of`` wrote."""
    return np.asarray(np.load(io.BytesIO(raw), allow_pickle=False))
