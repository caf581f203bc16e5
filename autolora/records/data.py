"""What a dataset is, and what is kept of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from autolora.records.kinds import Label, ProblemType


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about the data that a person should know."""

    code: str
    """Stable key, e.g. ``"duplicate_rows"``, ``"unreadable_text"``, ``"truncated"``."""
    severity: Literal["note", "warning"]
    message: str
    """One sentence in plain words, with the figure in it."""
    hint: str = ""
    """What to do about it, in a few words."""
    rows: tuple[int, ...] = ()
    """Up to ten row numbers as in the file (the first row of data is 1)."""

    @property
    def advice(self) -> str:
        """The message, and what to do about it."""
        return f"{self.message} What to do: {self.hint}." if self.hint else self.message


@dataclass(frozen=True, kw_only=True)
class Split:
    """Some rows of a dataset, side by side."""

    texts: Sequence[str]
    """On the disk as long as the rows are those of a file: a part of them, and what is sent away, is a tuple."""
    labels: tuple[Label, ...]
    """Indices count in ``Dataset.classes``."""
    row_ids: tuple[str, ...]
    """Where each row came from: its number in the file (from 1), with ``test:`` before it for a given test file."""
    ties: tuple[int, ...] = ()
    """Rows of one number stay on one side when rows are drawn anew; none where they are not to be: splits in time."""
    strata: tuple[str, ...] = ()
    """Of what each row is one: whatever is drawn keeps their shares."""
    slices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Of test rows: column → its value in each, where reports tell them apart by it."""

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int]) -> Split:
        """Return some of the rows, in that order, with their texts in memory."""
        return Split(
            texts=tuple(self.texts[row] for row in rows),
            labels=tuple(self.labels[row] for row in rows),
            row_ids=tuple(self.row_ids[row] for row in rows),
            ties=tuple(self.ties[row] for row in rows) if self.ties else (),
            strata=tuple(self.strata[row] for row in rows) if self.strata else (),
            slices={column: tuple(values[row] for row in rows) for column, values in self.slices.items()},
        )


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A checked, split dataset, ready for a task."""

    source: str
    """What the user named: a file name, a folder name or a hub id; never an absolute path."""
    hash: str
    """``sha256:`` over texts and labels in file order (and of the test file, if one was given)."""
    text_column: str
    label_column: str
    problem: ProblemType = "single_label"
    classes: tuple[str, ...]
    """Sorted label strings, as in the file; none where labels are numbers."""
    center: float = 0.0
    """Mean of the training rows' numbers, where labels are numbers: a model learns (number - center) / scale."""
    scale: float = 1.0
    """Standard deviation of the training rows' numbers."""
    answers: tuple[str, ...] = ()
    """Every text that is to be written, sorted, where few are written again and again; none where they are open."""
    chat: bool = False
    """Whether a text is a conversation: a JSON list of messages, of which the label is the next."""
    template: str | None = None
    """How a text becomes a prompt; see ``DataRequest.template``."""
    train: Split
    validation: Split
    test: Split
    findings: tuple[Finding, ...] = ()
    rows_in_source: int
    """Rows read before ``--rows`` sampled them."""


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """What ``data.json`` keeps of a dataset: everything but the texts."""

    source: str
    hash: str
    text_column: str
    label_column: str
    classes: tuple[str, ...]
    class_counts: dict[str, tuple[int, ...]]
    """Rows with each class, in the order of ``classes``, for each split; a row may have several."""
    split_row_ids: dict[str, tuple[str, ...]]
    rows_in_source: int
    rows: int
    findings: tuple[Finding, ...]
    seed: int
    max_length: int
    """Tokens a text is cut to."""
    problem: ProblemType = "single_label"
    center: float = 0.0
    scale: float = 1.0
    """Where labels are numbers, see ``Dataset``."""
    number_quantiles: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Quantiles (0, 5, 25, 50, 75, 95, 100 %) of the labels of each split, where labels are numbers."""
    character_lengths: tuple[int, ...] = ()
    """Quantiles (0, 5, 25, 50, 75, 95, 100 %) of training texts' lengths in characters."""
    token_lengths: tuple[int, ...] = ()
    """Quantiles (0, 5, 25, 50, 75, 95, 100 %) of training texts' lengths in tokens, before the cut."""
    truncated_share: float = 0.0
    unknown_token_share: float = 0.0
