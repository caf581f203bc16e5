"""Texts as sequences with one head on top, on encoder and decoder bases: encoding, head, loss, outputs.

Knows texts, tokens and logits; what a label is, its problem knows. Knows no adapters.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolora.errors import BaseModelError
from autolora.records import QUANTILES, Split
from autolora.tasks.problems import Problem

if TYPE_CHECKING:
    import torch
    from torch import nn

_ALWAYS_TRAINED = ("classifier", "score")
"""Heads that PEFT saves with any sequence classification adapter, whether or not the checkpoint had them."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Rows as tokens."""

    tokens: tuple[NDArray[np.int32], ...]
    """Token ids of each row, without padding."""
    targets: NDArray[Any]
    """What the rows' predictions are compared with; see ``Problem.targets``."""
    full_lengths: NDArray[np.int64]
    """Tokens of each row before it was cut."""
    unknown_share: float
    """Share of unknown tokens among all kept ones that are no special tokens."""

    def __len__(self) -> int:
        return len(self.tokens)

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


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model as the task loads it."""

    model: nn.Module
    trained: frozenset[str]
    """Parameters that every adapter trains in full."""
    fresh: frozenset[str]
    """Those of them that the checkpoint lacked."""


@dataclass(frozen=True, kw_only=True)
class SequenceTask:
    """One answer for every text."""

    problem: Problem
    max_length: int = 128
    """Tokens a text is cut to, special tokens included."""

    peft_task_type = "SEQ_CLS"

    def load_tokenizer(self, folder: Path) -> Any:
        """Return the tokenizer of a base, with a padding token.

        Raises:
            BaseModelError: If the folder has none that transformers can read.
        """
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        except Exception as error:  # transformers raises OSError, ValueError, ImportError and its own for this
            raise BaseModelError(
                f"the tokenizer of the base model cannot be read: {_first_line(error)}",
                "the folder must hold the tokenizer's files beside config.json",
            ) from error
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        tokenizer.padding_side = "right"
        return tokenizer

    def load_model(
        self, folder: Path, *, dtype: torch.dtype, attention: str, options: Mapping[str, Any] | None = None
    ) -> LoadedModel:
        """Return the base with an untrained head.

        Args:
            folder: Of the base.
            dtype: Of its weights.
            attention: transformers' name of an implementation.
            options: What else transformers is told, such as how weights are packed.

        Raises:
            BaseModelError: If transformers cannot load it as a sequence classifier.
        """
        from transformers import AutoModelForSequenceClassification
        from transformers.utils import logging

        tokenizer = self.load_tokenizer(folder)
        verbosity = logging.get_verbosity()
        logging.set_verbosity_error()  # a new head is what we want, no news
        logging.disable_progress_bar()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model, info = AutoModelForSequenceClassification.from_pretrained(
                    str(folder),
                    num_labels=self.problem.num_labels,
                    dtype=dtype,
                    attn_implementation=attention,
                    use_safetensors=True,
                    local_files_only=True,
                    trust_remote_code=False,
                    ignore_mismatched_sizes=True,
                    output_loading_info=True,
                    **options or {},
                )
        except Exception as error:  # likewise
            raise BaseModelError(
                f"the base model cannot be loaded as a text classifier: {_first_line(error)}",
                "use an encoder or decoder that transformers' AutoModelForSequenceClassification knows",
            ) from error
        finally:
            logging.set_verbosity(verbosity)
        model.config.pad_token_id = tokenizer.pad_token_id
        model.config.use_cache = False  # keys and values are for writing on; here they would only fill memory
        missing = frozenset(info["missing_keys"]) | frozenset(key[0] for key in info["mismatched_keys"])
        parameters = {name for name, _ in model.named_parameters()}
        heads = frozenset(p for p in parameters if p.split(".")[0] in _ALWAYS_TRAINED)
        fresh = frozenset(missing & parameters)
        return LoadedModel(model=model, trained=fresh | heads, fresh=fresh)

    def encode(self, tokenizer: Any, split: Split) -> Encoded:
        """Return the split as tokens; texts longer than ``max_length`` lose their ends."""
        if len(split) == 0:
            return Encoded(
                tokens=(),
                targets=self.problem.targets(()),
                full_lengths=np.zeros(0, np.int64),
                unknown_share=0,
            )
        limit = min(self.max_length, int(tokenizer.model_max_length))
        # Verbose would warn of over-long rows, which are counted below.
        full = tokenizer(list(split.texts), add_special_tokens=True, verbose=False)["input_ids"]
        rows = [np.asarray(row, dtype=np.int32) for row in full]
        if long := [at for at, row in enumerate(rows) if len(row) > limit]:
            texts = [split.texts[at] for at in long]
            cut = tokenizer(texts, add_special_tokens=True, truncation=True, max_length=limit)["input_ids"]
            for at, row in zip(long, cut, strict=True):
                rows[at] = np.asarray(row, dtype=np.int32)
        tokens = np.concatenate(rows)
        words = tokens[~np.isin(tokens, list(set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}))]
        known_unknown = tokenizer.unk_token_id is not None and len(words) > 0
        return Encoded(
            tokens=tuple(rows),
            targets=self.problem.targets(split.labels),
            full_lengths=np.array([len(row) for row in full], dtype=np.int64),
            unknown_share=float((words == tokenizer.unk_token_id).mean()) if known_unknown else 0.0,
        )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
