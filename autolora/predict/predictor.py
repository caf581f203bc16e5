"""A bundle that gives answers: what Python code uses. Knows one loaded bundle; reads and writes no files of rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from autolora.errors import RequestError
from autolora.predict.heads import Heads
from autolora.predict.opening import Opened, opened
from autolora.predict.said import Prediction, Said, Tokens
from autolora.predict.writing import Writer
from autolora.values import is_number, shown

BATCH_SIZE = 32


class _Model(Protocol):
    def read(self, texts: Sequence[str]) -> list[Tokens]: ...

    def say(self, rows: Sequence[Tokens]) -> list[Said]: ...

    def say_without_adapter(self, rows: Sequence[Tokens]) -> list[Said]: ...


class Predictor:
    """A loaded bundle."""

    def __init__(self, it: Opened, *, device: str | None = None, explains: bool = False) -> None:
        """Load a bundle.

        Args:
            it: The bundle.
            device: Where it computes, by torch's name; a GPU where there is one, unless given.
            explains: Whether it can answer with the adapter off too. If not, the adapter is added to the base's
                weights, which is a little faster.
        """
        import torch

        where = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.says, self.explains = it.says, explains
        self._model: _Model = (
            Heads(it, device=where, merged=not explains)
            if it.says.prompts is None
            else Writer(it, it.says.prompts, device=where, merged=not explains)
        )

    def predict(
        self, texts: Sequence[str], *, abstain_below: float | None = None, batch_size: int = BATCH_SIZE
    ) -> list[Prediction]:
        """Return what is said of each text, in their order. Texts of like length pass together.

        Args:
            texts: Blank ones are abstained from. Prompts, or conversations as JSON, where the bundle writes.
            abstain_below: Confidence under which a person is to answer.
            batch_size: Texts that pass together.

        Raises:
            RequestError: If ``abstain_below`` is no share, or asked for of a bundle that gives numbers.
        """
        check_abstention(abstain_below, self.says.problem)
        there = [at for at, text in enumerate(texts) if text.strip()]
        tokens = dict(zip(there, self._model.read([texts[at] for at in there]), strict=True))
        order = sorted(there, key=lambda at: len(tokens[at]))
        found = [Prediction(label=None, confidence=None, abstained=True)] * len(texts)
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            own = [tokens[at] for at in rows]
            bare = self._model.say_without_adapter(own) if self.explains else [None] * len(own)
            for at, said, other in zip(rows, self._model.say(own), bare, strict=True):
                unsure = abstain_below is not None and (said.confidence or 0.0) < abstain_below
                found[at] = Prediction(
                    label=None if unsure else said.label,
                    confidence=said.confidence,
                    abstained=unsure,
                    without_adapter=None if other is None else other.label,
                    was_cut=tokens[at].was_cut,
                )
        return found


def check_abstention(abstain_below: float | None, problem: str) -> None:
    """Check a confidence to abstain below.

    Raises:
        RequestError: If it is no share, or the bundle gives numbers, which carry no confidence.
    """
    if abstain_below is None:
        return
    if not is_number(abstain_below) or not 0 <= abstain_below <= 1:
        raise RequestError(
            f"abstain_below must be between 0 and 1, but got {shown(abstain_below)}", "write 80 % as 0.8"
        )
    if problem == "regression":
        raise RequestError("abstain_below needs confidences, and numbers carry none", "leave it out")


def load(
    bundle: str | Path, *, base_model: str | None = None, device: str | None = None, explains: bool = False
) -> Predictor:
    """Load a bundle.

    Args:
        bundle: The adapter folder of a search, or its run folder.
        base_model: Folder or hub id of the base; unless given, it is sought under the id that the bundle names.
        device: Where it computes, by torch's name; a GPU where there is one, unless given.
        explains: Whether it can answer with the adapter off too.

    Raises:
        BundleError: If it is no bundle, was changed, or belongs to another base.
        BaseModelError: If the base is not to be found.
    """
    return Predictor(opened(bundle, base_model), device=device, explains=explains)
