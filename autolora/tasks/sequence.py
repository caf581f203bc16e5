"""Texts as sequences with one head on top, on encoder and decoder bases: encoding, head, loss, outputs.

Knows texts, tokens and logits; what a label is, its problem knows. Knows no adapters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolora.records import Split
from autolora.tasks.problems import HeadProblem
from autolora.tasks.task import Encoded, LoadedModel, Put, Rows, load, load_tokenizer, padded, unknown_share

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

_ALWAYS_TRAINED = ("classifier", "score")
"""Heads that PEFT saves with any sequence classification adapter, whether or not the checkpoint had them."""


@dataclass(frozen=True, kw_only=True)
class SequenceTask:
    """One answer for every text."""

    problem: HeadProblem
    max_length: int = 128
    """Tokens a text is cut to, special tokens included."""

    @property
    def width(self) -> int:
        """Logits of a row."""
        return self.problem.num_labels

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

        tokenizer = load_tokenizer(folder)
        model, fresh = load(
            folder,
            AutoModelForSequenceClassification,
            kind="a text classifier",
            hint="use an encoder or decoder that transformers' AutoModelForSequenceClassification knows",
            dtype=dtype,
            attention=attention,
            options={"num_labels": self.problem.num_labels, **(options or {})},
        )
        model.config.pad_token_id = tokenizer.pad_token_id
        heads = frozenset(name for name, _ in model.named_parameters() if name.split(".")[0] in _ALWAYS_TRAINED)
        return LoadedModel(model=model, trained=fresh | heads, fresh=fresh, peft_task_type="SEQ_CLS")

    def skeleton(self, folder: Path) -> nn.Module:
        """Return the classifier's modules without numbers: names and shapes."""
        import torch
        from transformers import AutoConfig, AutoModelForSequenceClassification

        config = AutoConfig.from_pretrained(
            str(folder), num_labels=self.problem.num_labels, local_files_only=True, trust_remote_code=False
        )
        with torch.device("meta"):
            model: nn.Module = AutoModelForSequenceClassification.from_config(config)
        return model

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
        return Encoded(
            tokens=tuple(rows),
            targets=self.problem.targets(split.labels),
            full_lengths=np.array([len(row) for row in full], dtype=np.int64),
            unknown_share=unknown_share(tokenizer, rows),
        )

    def inputs(self, rows: Rows, pad_token: int) -> dict[str, NDArray[np.int64]]:
        """Return token ids and mask ``(rows, tokens)``, padded on the right."""
        return padded(rows.tokens, pad_token)

    def passed(self, model: nn.Module, output: Any) -> Tensor:
        """Return the logits ``(rows, num_labels)``."""
        logits: Tensor = output.logits
        return logits

    def weights(self, rows: Rows) -> NDArray[np.float64]:
        """Return one for every row."""
        return np.ones(len(rows.tokens))

    def losses(self, model: nn.Module, passed: Tensor, rows: Rows, put: Put) -> Tensor:
        """Return each row's loss ``(rows,)`` from logits ``(rows, num_labels)``."""
        return self.problem.row_losses(passed, put(rows.targets))

    def scores(self, model: nn.Module, passed: Tensor, rows: Rows, put: Put) -> Tensor:
        """Return the logits ``(rows, num_labels)``."""
        return passed.float()

    def blank(self, count: int, length: int) -> Rows:
        """Return rows of ``length`` tokens."""
        return Rows((np.ones(length, dtype=np.int32),) * count, np.zeros(count, dtype=np.int64))

    def probe_loss(self, model: nn.Module, passed: Tensor, rows: Rows, put: Put) -> Tensor:
        """Return a scalar that every logit is in."""
        return passed.square().mean()
