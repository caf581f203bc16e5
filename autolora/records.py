"""Frozen values that rooms hand to each other and that the run folder keeps. They know no library but msgspec.

Sizes are bytes, durations seconds, times ISO 8601 in UTC, shares between 0 and 1; every name says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeVar

import msgspec

from autolora.errors import SpaceError

T = TypeVar("T")

Verdict = Literal["adopt", "keep_default", "use_simpler", "not_ready"]
Precision = Literal["exact", "fast", "4bit"]
SplitName = Literal["train", "validation", "test"]
ProblemType = Literal["single_label", "multi_label", "regression", "generation"]
"""What a row's label is: one class, any number of classes, a number, or a text that is to be written."""
Label = int | float | tuple[int, ...] | str
"""Of one row: the index of its class, the indices of its classes (ascending), its number, or its text."""
QUANTILES = {"least": 0.0, "5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95, "most": 1.0}
"""Which quantiles records keep of lengths and of numbers, by what tables call them."""


class TrialState(StrEnum):
    """How a trial ended, or that it did not yet."""

    RUNNING = "running"
    COMPLETE = "complete"
    """Trained in full; its last score counts."""
    STOPPED = "stopped"
    """Ended early by a decision: dominated at a rung, or the budget was spent."""
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    FAILED = "failed"
    """Broke; ``cause`` says how."""
    REFUSED = "refused"
    """Never trained: the configuration is over a limit, or was tried before."""

    @property
    def is_failure(self) -> bool:
        """Whether the trial ended for a reason that nobody decided on."""
        return self in (TrialState.DIVERGED, TrialState.OUT_OF_MEMORY, TrialState.TIMED_OUT, TrialState.FAILED)


# ---------------------------------------------------------------------------------------------------------------- data


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


# ------------------------------------------------------------------------------------------------------------- machine


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that was looked at."""

    topic: Literal["software", "device", "machine", "network"]
    name: str
    value: str
    state: Literal["ok", "note", "problem"] = "ok"
    hint: str = ""
    """The way out of a problem."""


# -------------------------------------------------------------------------------------------------------------- trials


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """One LoRA configuration, resolved against a base model, with how it is trained."""

    rank: int
    alpha: float
    use_rslora: bool = False
    target_modules: tuple[str, ...]
    """Module names inside a layer, e.g. ``("attention.self.query", "attention.self.value")``; none where only the
    head is trained."""
    layers: tuple[int, ...]
    """Indices of the adapted layers, from 0 at the input."""
    learning_rate: float
    dropout: float = 0.0
    warmup_share: float = 0.0
    """Share of all steps over which the rate climbs to ``learning_rate``; it then falls linearly to 0."""
    weight_decay: float = 0.0
    epochs: float = 3.0
    batch_size: int = 16

    def __post_init__(self) -> None:
        """Check every bound.

        Raises:
            SpaceError: If a value is out of its range.
        """
        rules: tuple[tuple[bool, str, object], ...] = (
            (self.rank >= 1, "rank must be at least 1", self.rank),
            (0 < self.alpha < float("inf"), "alpha must be positive", self.alpha),
            (len(self.layers) > 0, "layers must name at least one layer", self.layers),
            (0 < self.learning_rate < float("inf"), "learning_rate must be positive", self.learning_rate),
            (0 <= self.dropout < 1, "dropout must be in [0, 1)", self.dropout),
            (0 <= self.warmup_share < 1, "warmup_share must be in [0, 1)", self.warmup_share),
            (0 <= self.weight_decay < float("inf"), "weight_decay must not be negative", self.weight_decay),
            (0 < self.epochs < float("inf"), "epochs must be positive", self.epochs),
            (self.batch_size >= 1, "batch_size must be at least 1", self.batch_size),
        )
        for holds, rule, value in rules:
            if not holds:
                raise SpaceError(f"{rule}, but got {value!r}")

    @property
    def scaling(self) -> float:
        """What the low-rank product is multiplied by: alpha / r, or alpha / sqrt(r) with rsLoRA (arXiv 2312.03732)."""
        return float(self.alpha / self.rank**0.5 if self.use_rslora else self.alpha / self.rank)


@dataclass(frozen=True, kw_only=True)
class Score:
    """A metric on one split, with its uncertainty over rows."""

    value: float
    standard_error: float
    """Standard deviation over bootstrap resamples of the rows."""


@dataclass(frozen=True, kw_only=True)
class RungRecord:
    """A trial's standing when it reached a rung."""

    rung: int
    """0 is the first."""
    share: float
    """Share of the full training length."""
    steps: int
    score: Score
    train_loss: float | None
    """Mean loss of the steps since the rung before; None where a resumed trial was scored anew without a step."""
    seconds: float
    """Device time the trial has had so far, scoring included."""


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One trial, as its row of ``trials.jsonl``."""

    number: int
    state: TrialState
    params: dict[str, Any]
    """What the search space was asked for, by parameter name."""
    config: AdapterConfig | None
    metric: float | None = None
    """Validation score when it ended; None for a trial that has none."""
    trainable_params: int | None = None
    peak_memory_bytes: int | None = None
    """Predicted peak training memory of this configuration alone."""
    rungs: tuple[RungRecord, ...] = ()
    seconds: float = 0.0
    cause: str = ""
    """Why it was stopped, refused or failed; empty for a complete one."""
    started_at: str = ""
    ended_at: str = ""


# ------------------------------------------------------------------------------------------------------------- confirm


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """One candidate trained in full on one fresh seed."""

    seed: int
    validation: Score | None
    """None for a training that failed."""
    threshold: float | None = None
    """Probability from which a label is given, chosen on the validation split, where a row may have several."""
    test: Score | None = None
    """None until the test split is opened, and for a training that failed."""
    seconds: float
    state: TrialState = TrialState.COMPLETE
    cause: str = ""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A finalist or a baseline, confirmed under the same data and rules."""

    name: str
    """``"finalist_12"``, ``"default_lora"``, ``"rate_grid"``, ``"head_only"``, ``"tfidf"``, ``"prompt_tuning"``,
    ``"full_tuning"``, ``"majority"`` or ``"constant"``; where an answer is written also ``"zero_shot"``,
    ``"few_shot"``, ``"nearest"`` and ``"nearest_base"``."""
    kind: Literal["finalist", "baseline"]
    description: str
    """One line in words for tables."""
    config: AdapterConfig | None = None
    trial: int | None = None
    """Number of the trial that a finalist comes from."""
    seeds: tuple[SeedResult, ...]
    validation: float | None
    """Mean over completed seeds; None when there is none."""
    validation_standard_error: float | None
    """Of that mean: row noise and seed noise together."""
    test: float | None = None
    """Test score of the first seed: the one that would be shipped."""
    test_ci95: tuple[float, float] | None = None
    trainable_params: int
    adapter_bytes: int
    peak_memory_bytes: int
    """Of training: predicted, but measured of what trains without low-rank matrices; 0 where nobody would ask."""
    seconds: float
    seconds_a_thousand: float | None = None
    """Of answering a thousand rows in batches, adapters merged into the base; None where nobody measured it."""


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """How prompts are put to a base that writes, and how its answers end."""

    chat_template: bool
    """Whether by the chat template of its tokenizer."""
    plain: str
    """The template where it is not: a text with {prompt} in it."""
    in_pairs: bool
    """Whether an encoder reads the prompt and a decoder writes the answer."""
    drops: int = 0
    """Tokens to drop from the end of a prompt as the tokenizer makes it: some end every text."""
    stops: tuple[int, ...]
    """Tokens that end an answer; the first is the one that is learned."""
    longest_answer: int
    """Tokens at which it is ended: those of the longest of the training rows."""
    example: str
    """The first training row's prompt, as the base reads it."""


@dataclass(frozen=True, kw_only=True)
class AnsweredRow:
    """A test row, and what was answered to it."""

    row_id: str
    prompt: str
    """What the user said last."""
    wanted: str
    written: dict[str, str]
    """By candidate: the chosen one, the default, and the base without an adapter."""


@dataclass(frozen=True, kw_only=True)
class GeneralText:
    """Losses on a text that has nothing to do with the task."""

    text: str
    """What it is."""
    losses: dict[str, float]
    """Candidate → nats a token."""


@dataclass(frozen=True, kw_only=True)
class AnswersRecord:
    """What ``answers.json`` keeps of a search whose adapters write: their test rows, and how like they are."""

    rows: tuple[AnsweredRow, ...]
    scores: dict[str, dict[str, float]]
    """Candidate → metric → its mean over the test rows; perplexity and loss of the wanted answers too."""
    row_scores: dict[str, tuple[float, ...]]
    """Candidate → chrF of each row's answer."""
    seconds: dict[str, float]
    """Candidate → device time of an answer."""
    word_lengths: dict[str, tuple[int, ...]]
    """Candidate (and ``wanted``) → quantiles (0, 5, 25, 50, 75, 95, 100 %) of the answers' lengths in words."""
    general: GeneralText | None = None
    """What was forgotten; None where an encoder reads and a decoder writes."""
    slices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Column → its value in each test row, where these are told apart by it."""


@dataclass(frozen=True, kw_only=True)
class PredictionsRecord:
    """What ``predictions.json`` keeps where rows are labelled: what first seeds and rivals say of the test rows."""

    row_ids: tuple[str, ...]
    truth: tuple[Label, ...]
    """Indices count in ``DataRecord.classes``."""
    predicted: dict[str, tuple[Label, ...]]
    """By candidate."""
    lengths: tuple[int, ...] = ()
    """Characters of each row's text."""
    updates: dict[str, float] = field(default_factory=dict)
    """Layer and module, such as ``"11 query"``, → Frobenius norm of what the chosen adapter adds to its weight."""
    slices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Column → its value in each row, where rows are told apart by it."""


@dataclass(frozen=True, kw_only=True)
class SensitivityPoint:
    """The chosen configuration trained on other rows than all, or with other labels."""

    share: float
    """Of the training rows that it was trained on, or whose labels were exchanged."""
    rows: int
    """Of the first seed: trained on, or given another label."""
    seeds: int
    validation: float
    """Mean over them."""
    standard_error: float
    difference: tuple[float, float, float] | None = None
    """What the metric is higher with all rows as they are: (difference, low, high) at 95 %; None of these
    themselves."""


@dataclass(frozen=True, kw_only=True)
class ConfirmRecord:
    """What ``confirm.json`` keeps."""

    candidates: tuple[Candidate, ...]
    paired_test_differences: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    """For each other candidate: recommended minus it on the same test rows, as (difference, low, high) at 95 %."""
    validation_differences: dict[str, dict[str, tuple[float, float, float]]] = field(default_factory=dict)
    """Finalist → another → the first minus it on the same validation rows, mean over seeds, likewise; intervals hold
    for all of a finalist's together."""
    margin: float = 0.01
    """What one may be worse than another and still be as good, in the metric's unit."""
    left_out: dict[str, str] = field(default_factory=dict)
    """What was asked for → why it was not trained."""
    learning_curve: tuple[SensitivityPoint, ...] = ()
    """Of the chosen one, from the fewest rows to all; of written answers in ``completion_loss``."""
    label_noise: tuple[SensitivityPoint, ...] = ()
    """Likewise, from no label exchanged to the most."""
    kpis: dict[str, float] = field(default_factory=dict)
    """Metric that a score was asked of beside the one that decides → the chosen one's on validation rows, mean over
    seeds."""
    rows: dict[str, int] = field(default_factory=dict)
    """Split → its rows."""
    test_opened_at: str = ""


# ------------------------------------------------------------------------------------------------------ recommendation


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A sentence and the record fields that it rests on."""

    text: str
    fields: tuple[str, ...]
    """Dotted paths, e.g. ``"confirm.candidates.tfidf.test"``."""


@dataclass(frozen=True, kw_only=True)
class MetricSummary:
    """The chosen metric of one candidate."""

    name: str
    validation: float | None
    test: float | None
    test_ci95: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class MemorySummary:
    """Peak training memory of a configuration alone, in bytes."""

    predicted: int
    measured: int | None = None


@dataclass(frozen=True, kw_only=True)
class BaselineSummary:
    """One baseline, with the fields of the recommendation itself."""

    description: str
    metric: MetricSummary
    trainable_params: int
    trainable_fraction: float
    adapter_bytes: int
    peak_memory_bytes: MemorySummary
    seconds: float
    seconds_a_thousand: float | None = None
    """Of answering a thousand rows in batches; see ``Candidate``."""
    config: AdapterConfig | None = None


@dataclass(frozen=True, kw_only=True)
class FrontPoint:
    """One trial on the Pareto front of the search."""

    trial: int
    config: AdapterConfig
    validation: float
    trainable_params: int
    peak_memory_bytes: int


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Test rows of like confidence."""

    confidence: float
    """Mean."""
    accuracy: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class CoveragePoint:
    """The surest rows: how many they are, and how often right."""

    confidence: float
    """From which on rows are answered."""
    share: float
    """Of the test rows."""
    accuracy: float
    accuracy_ci95: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How sure the adapter that ships is, in plain PEFT, and how often it is right then."""

    temperature: float
    """What logits are divided by; found on validation rows."""
    rows: int
    """Test rows."""
    error_before: float
    """Expected calibration error at temperature 1."""
    error: float
    """At the temperature."""
    bins: tuple[ReliabilityBin, ...]
    coverage: tuple[CoveragePoint, ...]


@dataclass(frozen=True, kw_only=True)
class SearchSummary:
    """What the search did."""

    trials: int
    completed: int
    stopped: int
    failed: int
    refused: int
    seconds: float
    device: str
    metric: str = ""
    """By which trials were compared, where that is another one than the one that decides; else empty."""
    hypervolume: float
    """Quality above the floor scaled to 1, log10 of trainable parameters between fixed ends; 0 to 1."""
    hypervolume_reference: dict[str, float]
    """``{"metric_floor", "params_best", "params_worst"}``"""


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """The dataset behind a recommendation."""

    source: str
    hash: str
    rows: int
    splits: dict[str, int]
    used: dict[str, int] = field(default_factory=dict)
    """Rows of each split that the recommended adapter was trained, chosen and tested on; fewer where time was short."""


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """What scripts read: ``recommendation.json``, schema 1."""

    schema: int = 1
    name: str
    verdict: Verdict
    verdict_before_review: Verdict | None = None
    """What the search came to, where a review was read since; None without one."""
    reasons: tuple[Reason, ...]
    """Those of a review last; their fields begin with ``review.``."""
    would_change: tuple[Reason, ...] = ()
    """What would change the verdict, or the choice of this adapter."""
    problem: ProblemType = "single_label"
    threshold: float | None = None
    """Probability from which the shipped adapter gives a label, where a row may have several."""
    config: AdapterConfig | None
    """None when no adapter could be confirmed."""
    trial: int | None
    metric: MetricSummary | None
    trainable_params: int
    trainable_fraction: float
    adapter_bytes: int
    peak_memory_bytes: MemorySummary
    seconds_a_thousand: float | None = None
    """Of answering a thousand rows in batches; see ``Candidate``."""
    baselines: dict[str, BaselineSummary]
    front: tuple[FrontPoint, ...]
    search: SearchSummary
    versions: dict[str, str]
    data: DataSummary
    base_model: dict[str, str]
    """``{"id", "hash"}``; never a local path."""
    precision: Precision
    seed: int
    """The seed of the shipped adapter."""
    calibration: Calibration | None = None
    """None where a row has not exactly one class."""
    prompts: Prompts | None = None
    """Where an answer is written."""
    answers: tuple[str, ...] = ()
    """Where the likeliest of a closed set is taken: that set."""


def to_json(value: object, *, indent: int = 0) -> str:
    """Return a record as JSON text (not-a-number becomes null)."""
    raw = msgspec.json.encode(value)
    return (msgspec.json.format(raw, indent=indent) if indent else raw).decode()


def from_json(text: str | bytes, kind: type[T]) -> T:
    """Return the record of type ``kind`` that ``to_json`` wrote.

    Raises:
        msgspec.ValidationError: If the text is JSON of another shape.
        msgspec.DecodeError: If it is no JSON.
    """
    return msgspec.json.decode(text, type=kind)
