"""What a base with a head says of texts, in plain transformers and PEFT. Knows one bundle and its base."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolora.calibration import confidence
from autolora.loading import FOUR_BIT
from autolora.predict.opening import Opened, Provenance
from autolora.predict.said import Said, Tokens
from autolora.tasks.problems import HeadProblem, MultiLabel, Regression, SingleLabel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn


class Heads:
    """A loaded bundle that gives classes or numbers."""

    def __init__(self, it: Opened, *, device: str, merged: bool) -> None:
        """Load base and adapter.

        Args:
            it: The bundle.
            device: Where it computes, by torch's name.
            merged: Whether the adapter is added to the base's weights; it cannot be switched off then.
        """
        from transformers import AutoModelForSequenceClassification

        self.says, self.device = it.says, device
        self.problem = _problem(it.says)
        self.tokenizer = plain_tokenizer(it)
        base = AutoModelForSequenceClassification.from_pretrained(
            str(it.base.folder),
            num_labels=self.problem.num_labels,
            ignore_mismatched_sizes=True,
            local_files_only=True,
            **loading_options(it),
        )
        base.config.pad_token_id = self.tokenizer.pad_token_id
        self.model = with_adapter(base, it, device=device, merged=merged)
        self.limit = min(it.says.max_length, int(self.tokenizer.model_max_length))

    def read(self, texts: Sequence[str]) -> list[Tokens]:
        """Return texts as tokens."""
        whole = self._tokens(texts, truncation=False)
        long = [at for at, inputs in enumerate(whole) if len(inputs["input_ids"]) > self.limit]
        cut = dict(zip(long, self._tokens([texts[at] for at in long], truncation=True), strict=True))
        return [Tokens(inputs=cut.get(at, inputs), was_cut=at in cut) for at, inputs in enumerate(whole)]

    def say(self, rows: Sequence[Tokens]) -> list[Said]:
        """Return what is said of texts that pass together."""
        return self._said(self._logits(rows))

    def say_without_adapter(self, rows: Sequence[Tokens]) -> list[Said]:
        """Return the same with the low-rank part switched off; the trained head stays."""
        with low_rank_off(self.model):
            return self._said(self._logits(rows))

    def _tokens(self, texts: Sequence[str], *, truncation: bool) -> list[dict[str, list[int]]]:
        if not texts:
            return []
        limit = self.limit if truncation else None
        found = self.tokenizer(list(texts), truncation=truncation, max_length=limit, verbose=False)
        return [{name: rows[at] for name, rows in found.items()} for at in range(len(texts))]

    def _logits(self, rows: Sequence[Tokens]) -> NDArray[np.float32]:
        import torch

        batch = self.tokenizer.pad([row.inputs for row in rows], return_tensors="pt", verbose=False).to(self.device)
        with torch.inference_mode():
            logits: NDArray[np.float32] = self.model(**batch).logits.float().cpu().numpy()
        return logits

    def _said(self, logits: NDArray[np.float32]) -> list[Said]:
        outputs = self.problem.outputs(logits)
        decided = self.problem.predictions(outputs, self.says.threshold)
        if isinstance(self.problem, Regression):
            return [Said(label=float(number), confidence=None) for number in decided]
        sure = confidence(logits, decided, temperature=self.says.temperature)
        if isinstance(self.problem, MultiLabel):
            named = [[name for name, given in zip(self.says.classes, row, strict=True) if given] for row in decided]
            return [Said(label=names, confidence=float(p)) for names, p in zip(named, sure, strict=True)]
        return [Said(label=self.says.classes[at], confidence=float(p)) for at, p in zip(decided, sure, strict=True)]


def _problem(says: Provenance) -> HeadProblem:
    if says.problem == "regression":
        return Regression(center=says.center, scale=says.scale)
    return (MultiLabel if says.problem == "multi_label" else SingleLabel)(classes=says.classes)


def plain_tokenizer(it: Opened) -> Any:
    """Return the base's tokenizer, with a padding token."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(it.base.folder), local_files_only=True)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    tokenizer.padding_side = "right"
    return tokenizer


def loading_options(it: Opened) -> dict[str, Any]:
    """Return in what precision a base is loaded: float32, or in 4 bits if the adapter was trained so."""
    import torch

    if it.says.precision != "4bit":
        return {"dtype": torch.float32}
    from transformers import BitsAndBytesConfig

    return {"dtype": torch.bfloat16, "quantization_config": BitsAndBytesConfig(**FOUR_BIT)}


def with_adapter(base: nn.Module, it: Opened, *, device: str, merged: bool) -> Any:
    """Return a base with the bundle's adapter, on a device; a base in 4 bits is never merged, which would round it."""
    from peft import PeftModel

    model = PeftModel.from_pretrained(base, str(it.folder))
    if it.says.precision == "4bit":
        return model.eval()
    return (model.merge_and_unload() if merged else model).to(device).eval()


@contextmanager
def low_rank_off(model: Any) -> Iterator[None]:
    """Switch an adapter's low-rank part off inside the block; weights that it trained in full stay."""
    from peft.tuners.lora import LoraLayer

    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)
