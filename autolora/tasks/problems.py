"""What is learned from a row: one class, any number of classes, a number, or a text. Knows logits and labels.

A problem turns labels into targets, logits into a loss while training, logits into outputs when scoring, and outputs
into predictions. Outputs are what an engine reports: as small as may be, and all that a later decision needs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from autolora.records import Dataset, Label, ProblemType
from autolora.tasks.metrics import Scorer

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[Any]

_USUAL_THRESHOLD = 0.5
_THRESHOLDS = np.linspace(0.01, 0.99, 99)
_SAME_NUMBER = 0.05
"""Share of the labels' standard deviation within which two numbers count as the same."""


@dataclass(frozen=True, kw_only=True)
class Problem(ABC):
    """What is learned from a row."""

    name: ClassVar[ProblemType]
    classes: tuple[str, ...] = ()
    """In the order of the model's outputs; none where labels are numbers."""

    @property
    def num_labels(self) -> int:
        """Logits that a head gives of a row."""
        return len(self.classes)

    @abstractmethod
    def targets(self, labels: Sequence[Label]) -> Array:
        """Return labels as what predictions are compared with, one row each."""

    @abstractmethod
    def outputs(self, logits: NDArray[np.float32]) -> Array:
        """Return what is kept of logits ``(rows, num_labels)``."""

    @abstractmethod
    def constant(self, metric: str, targets: Array) -> Array:
        """Return the output ``(1, ...)`` that scores best on a split if every row gets the same."""

    def threshold(self, outputs: Array, scorer: Scorer) -> float | None:
        """Return the threshold with the best score on the scorer's rows; None where there is none to choose."""
        return None

    def predictions(self, outputs: Array, threshold: float | None = None) -> Array:
        """Return what outputs say of each row: a class, indicators ``(rows, classes)``, or a number."""
        return outputs

    def labels(self, predictions: Array) -> tuple[Label, ...]:
        """Return predictions as labels: the other way round than ``targets``."""
        return tuple(predictions.tolist())

    def decided(self, outputs: Array, scorer: Scorer) -> Array:
        """Return predictions at the threshold that is best for the scorer's rows."""
        return self.predictions(outputs, self.threshold(outputs, scorer))

    def same(self, first: Array, second: Array) -> NDArray[np.bool_]:
        """Return for each prediction whether it says the same as the other, in the shape of both."""
        return np.asarray(first == second)


class HeadProblem(Problem):
    """What is said of a row by a head on top of the base."""

    @abstractmethod
    def row_losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each row ``(rows,)``, in at least float32."""


def _wide(logits: Tensor) -> Tensor:
    return logits if logits.element_size() >= 4 else logits.float()


class SingleLabel(HeadProblem):
    """One class a row; cross-entropy."""

    name = "single_label"

    def targets(self, labels: Sequence[Label]) -> Array:
        """Return the index of each row's class ``(rows,)``."""
        return np.asarray(labels, dtype=np.int64)

    def row_losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy of each row."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(_wide(logits), targets, reduction="none")

    def outputs(self, logits: NDArray[np.float32]) -> Array:
        """Return the index of each row's likeliest class, as int16."""
        return np.asarray(logits.argmax(axis=1), dtype=np.int16)

    def constant(self, metric: str, targets: Array) -> Array:
        """Return the most frequent class."""
        return np.array([np.bincount(targets, minlength=len(self.classes)).argmax()], dtype=np.int16)


class MultiLabel(HeadProblem):
    """Any number of classes a row, none included; the mean over classes of the binary cross-entropy."""

    name = "multi_label"

    def targets(self, labels: Sequence[Label]) -> Array:
        """Return indicators ``(rows, classes)``."""
        out = np.zeros((len(labels), len(self.classes)), dtype=bool)
        for row, indices in enumerate(labels):
            out[row, list(indices)] = True  # type: ignore[arg-type,index]
        return out

    def row_losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return each row's binary cross-entropy, as transformers trains ``multi_label_classification``."""
        from torch.nn.functional import binary_cross_entropy_with_logits

        wide = _wide(logits)
        return binary_cross_entropy_with_logits(wide, targets.to(wide.dtype), reduction="none").mean(dim=1)

    def outputs(self, logits: NDArray[np.float32]) -> Array:
        """Return the probability of every class, as float16."""
        return (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float16)

    def constant(self, metric: str, targets: Array) -> Array:
        """Return the share of rows that have each class."""
        return np.asarray(targets.mean(axis=0, keepdims=True), dtype=np.float16)

    def threshold(self, outputs: Array, scorer: Scorer) -> float | None:
        """Return the one threshold for all classes with the best score; of equals, the one nearest to 0.5.

        Between fixed ones the outputs' own quantiles are tried: early in a training, and for rare classes, all
        probabilities are small. What is returned stands midway between two outputs, which decides the same: an output
        that lay on the threshold itself would be rounded to either side wherever it is computed again.
        """
        own = np.unique(np.quantile(outputs.astype(np.float64), np.linspace(0.5, 0.999, 20)))
        tried = np.concatenate([[_USUAL_THRESHOLD], _THRESHOLDS, own[own > 0]])
        losses = [scorer.objective.loss(scorer.value(outputs >= each)) for each in tried]
        best = min(range(len(tried)), key=lambda at: (losses[at], abs(tried[at] - _USUAL_THRESHOLD)))
        known = np.unique(outputs.astype(np.float64))
        at = np.searchsorted(known, tried[best])
        return float(np.mean([known[at - 1] if at > 0 else 0.0, known[at] if at < len(known) else 1.0]))

    def labels(self, predictions: Array) -> tuple[Label, ...]:
        """Return the indices of each row's classes."""
        return tuple(tuple(np.flatnonzero(row).tolist()) for row in predictions)

    def predictions(self, outputs: Array, threshold: float | None = None) -> Array:
        """Return indicators of the classes whose probability reaches the threshold."""
        # A plain number would be rounded to the outputs' few digits first.
        return np.asarray(outputs >= np.float64(_USUAL_THRESHOLD if threshold is None else threshold))


@dataclass(frozen=True, kw_only=True)
class Regression(HeadProblem):
    """A number a row; squared error. A model learns (number - center) / scale, so that rates suit any unit."""

    name = "regression"
    center: float = 0.0
    scale: float = 1.0

    @property
    def num_labels(self) -> int:
        """One logit a row."""
        return 1

    def targets(self, labels: Sequence[Label]) -> Array:
        """Return the numbers ``(rows,)``."""
        return np.asarray(labels, dtype=np.float64)

    def row_losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return each row's squared error, as transformers trains ``regression``, on the scale of the logits."""
        wide = _wide(logits).squeeze(-1)
        return (wide - ((targets - self.center) / self.scale).to(wide.dtype)) ** 2

    def outputs(self, logits: NDArray[np.float32]) -> Array:
        """Return the numbers, in the unit of the labels."""
        return np.asarray(logits[:, 0].astype(np.float64) * self.scale + self.center)

    def constant(self, metric: str, targets: Array) -> Array:
        """Return the median for the mean absolute error, the mean for R²."""
        return np.atleast_1d(np.median(targets) if metric == "mae" else targets.mean())

    def same(self, first: Array, second: Array) -> NDArray[np.bool_]:
        """Return for each row whether two numbers are equal but for rounding."""
        return np.asarray(np.abs(first - second) <= _SAME_NUMBER * self.scale)


@dataclass(frozen=True, kw_only=True)
class Generation(Problem):
    """A text is written to every prompt; cross-entropy of its tokens.

    While it is trained, an adapter is scored by that loss: outputs are an answer's summed loss and its tokens
    ``(rows, 2)``. What it writes is looked at when its training has ended: outputs are then texts ``(rows,)``.
    """

    name = "generation"
    answers: tuple[str, ...] = ()
    """Every text that is to be written, where they are few; see ``Dataset.answers``."""
    chat: bool = False
    template: str | None = None

    def targets(self, labels: Sequence[Label]) -> Array:
        """Return the texts ``(rows,)``."""
        return np.asarray(labels, dtype=str)

    def outputs(self, logits: NDArray[np.float32]) -> Array:
        """Return summed loss and tokens of each answer."""
        return logits

    def constant(self, metric: str, targets: Array) -> Array:
        """Return the most frequent text."""
        texts, counts = np.unique(targets, return_counts=True)
        return np.array([texts[counts.argmax()]])


def problem_of(dataset: Dataset) -> HeadProblem | Generation:
    """Return what is learned from a dataset's rows."""
    if dataset.problem == "generation":
        return Generation(answers=dataset.answers, chat=dataset.chat, template=dataset.template)
    if dataset.problem == "regression":
        return Regression(center=dataset.center, scale=dataset.scale)
    return (MultiLabel if dataset.problem == "multi_label" else SingleLabel)(classes=dataset.classes)
