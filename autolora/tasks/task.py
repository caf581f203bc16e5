"""What an engine needs of a task, and what tasks have in common: rows as tokens, a base as loaded, its tokenizer.

Knows texts and tokens; knows no adapters.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from autolora.errors import BaseModelError
from autolora.records import QUANTILES, Split
from autolora.tasks.problems import Problem

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Rows as tokens."""

    tokens: tuple[NDArray[np.int32], ...]
    """Token ids of each row, without padding; where an answer is to be written, prompt and answer."""
    targets: NDArray[Any]
    """What the rows' predictions are compared with (see ``Problem.targets``); where an answer is to be written, how
    many of a row's tokens are the prompt."""
    full_lengths: NDArray[np.int64]
    """Tokens of each row before it was cut."""
    unknown_share: float
    """Share of unknown tokens among all kept ones that are no special tokens."""
    controls: tuple[int, ...] = ()
    """Rows (from 0) whose text holds what the tokenizer has for control tokens; there it stayed text."""
    stops: tuple[int, ...] = ()
    """Tokens that end an answer, where one is written."""

    @classmethod
    def whole(cls, tokens: Sequence[NDArray[np.int32]], targets: Sequence[int]) -> Encoded:
        """Return rows of which nothing was cut."""
        return cls(
            tokens=tuple(tokens),
            targets=np.asarray(targets, dtype=np.int64),
            full_lengths=np.array([len(row) for row in tokens], dtype=np.int64),
            unknown_share=0.0,
        )

    def take(self, rows: NDArray[np.int64]) -> Encoded:
        """Return some of the rows, in that order."""
        place = {int(row): at for at, row in enumerate(rows)}
        return replace(
            self,
            tokens=tuple(self.tokens[row] for row in rows),
            targets=self.targets[rows],
            full_lengths=self.full_lengths[rows],
            controls=tuple(sorted(place[row] for row in self.controls if row in place)),
        )

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def prompts(self) -> list[NDArray[np.int32]]:
        """Tokens of each row's prompt, where an answer is to be written."""
        return [tokens[: int(start)] for tokens, start in zip(self.tokens, self.targets, strict=True)]

    @property
    def kept_lengths(self) -> NDArray[np.int64]:
        """Tokens of each row ``(rows,)``."""
        return np.array([len(tokens) for tokens in self.tokens], dtype=np.int64)

    @property
    def length_quantiles(self) -> tuple[int, ...]:
        """Quantiles (0, 5, 25, 50, 75, 95, 100 %) of the rows' lengths before they were cut, in tokens."""
        return tuple(int(q) for q in np.quantile(self.full_lengths, list(QUANTILES.values())))

    @property
    def truncated_share(self) -> float:
        """Share of rows that were cut."""
        return float((self.full_lengths > self.kept_lengths).mean()) if len(self) else 0.0


def joined(parts: Sequence[Encoded]) -> Encoded:
    """Return the rows of several splits of one task, one behind the other, with the first's share of unknown tokens."""
    starts = np.cumsum([0, *map(len, parts)])
    return replace(
        parts[0],
        tokens=tuple(tokens for part in parts for tokens in part.tokens),
        targets=np.concatenate([part.targets for part in parts]),
        full_lengths=np.concatenate([part.full_lengths for part in parts]),
        controls=tuple(int(start) + row for start, part in zip(starts, parts, strict=False) for row in part.controls),
    )


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model as the task loads it."""

    model: nn.Module
    trained: frozenset[str]
    """Parameters that every adapter trains in full."""
    fresh: frozenset[str]
    """Those of them that the checkpoint lacked."""
    peft_task_type: str


class Rows(NamedTuple):
    """Rows of a split that pass through the base together."""

    tokens: Sequence[NDArray[np.int32]]
    targets: NDArray[Any]
    """As in ``Encoded``."""


Put = Callable[[NDArray[Any]], "Tensor"]
"""Brings an array to the device."""


class Task(Protocol):
    """What a row's answer is made of, on one kind of base."""

    @property
    def problem(self) -> Problem:
        """What is learned from a row."""

    @property
    def max_length(self) -> int:
        """Tokens that a row is cut to."""

    @property
    def width(self) -> int:
        """Numbers of a row's scores."""

    def load_model(
        self, folder: Path, *, dtype: torch.dtype, attention: str, options: Mapping[str, Any] | None = None
    ) -> LoadedModel:
        """Return the base as the task needs it."""

    def skeleton(self, folder: Path) -> nn.Module | None:
        """Return the model's modules with this task's head and without numbers, on the meta device.

        None where no task has a head of its own.
        """

    def encode(self, tokenizer: Any, split: Split) -> Encoded:
        """Return a split as tokens."""

    def inputs(self, rows: Rows, pad_token: int) -> dict[str, NDArray[np.int64]]:
        """Return what the model is given for some rows, padded on the right."""

    def passed(self, model: nn.Module, output: Any) -> Tensor:
        """Return what losses and scores are computed from, given what the model returned: logits, or hidden states."""

    def weights(self, rows: Rows) -> NDArray[np.float64]:
        """Return how much each row weighs in the loss of a batch ``(rows,)``."""

    def losses(self, model: nn.Module, passed: Tensor, rows: Rows, put: Put) -> Tensor:
        """Return each row's loss times its weight ``(rows,)``."""

    def scores(self, model: nn.Module, passed: Tensor, rows: Rows, put: Put) -> Tensor:
        """Return what is kept of a pass for scoring ``(rows, width)``, in at least float32."""

    def blank(self, count: int, length: int) -> Rows:
        """Return rows that are made up: of ``length`` tokens, and as dear to train on as such rows can be."""

    def probe_loss(self, model: nn.Module, passed: Tensor, rows: Rows, put: Put) -> Tensor:
        """Return a scalar whose gradient takes as much to compute as a loss's; of rows that are made up."""


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a base, with a padding token.

    Raises:
        BaseModelError: If the folder has none that transformers can read.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # transformers raises OSError, ValueError, ImportError and its own for this
        raise BaseModelError(
            f"the tokenizer of the base model cannot be read: {first_line(error)}",
            "the folder must hold the tokenizer's files beside config.json",
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    return tokenizer


def load(
    folder: Path,
    auto: Any,
    *,
    kind: str,
    hint: str,
    dtype: torch.dtype,
    attention: str,
    options: Mapping[str, Any],
) -> tuple[Any, frozenset[str]]:
    """Return a model and the names of its parameters that the checkpoint lacked.

    Args:
        folder: Of the base.
        auto: One of transformers' auto classes.
        kind: What the model is loaded as, for messages.
        hint: Which models can be.
        dtype: Of its weights.
        attention: transformers' name of an implementation.
        options: What else transformers is told, such as how weights are packed.

    Raises:
        BaseModelError: If transformers cannot load it so.
    """
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # a new head is what we want, no news
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, info = auto.from_pretrained(
                str(folder),
                dtype=dtype,
                attn_implementation=attention,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **options,
            )
    except Exception as error:  # likewise
        raise BaseModelError(f"the base model cannot be loaded as {kind}: {first_line(error)}", hint) from error
    finally:
        logging.set_verbosity(verbosity)
    model.config.use_cache = False  # keys and values are for writing on; here they would only fill memory
    missing = frozenset(info["missing_keys"]) | frozenset(key[0] for key in info["mismatched_keys"])
    return model, frozenset(missing & {name for name, _ in model.named_parameters()})


def padded(tokens: Sequence[NDArray[np.int32]], pad_token: int) -> dict[str, NDArray[np.int64]]:
    """Return rows padded on the right to the longest of them, and the mask of what is no padding."""
    length = max(len(row) for row in tokens)
    ids = np.full((len(tokens), length), pad_token, dtype=np.int64)
    mask = np.zeros((len(tokens), length), dtype=np.int64)
    for at, row in enumerate(tokens):
        ids[at, : len(row)] = row
        mask[at, : len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def unknown_share(tokenizer: Any, rows: Sequence[NDArray[np.int32]]) -> float:
    """Return the share of unknown tokens among all that are no special tokens."""
    if not rows or tokenizer.unk_token_id is None:
        return 0.0
    tokens = np.concatenate(rows)
    words = tokens[~np.isin(tokens, list(set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}))]
    return float((words == tokenizer.unk_token_id).mean()) if len(words) else 0.0


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
