"""What is confirmed on fresh seeds, and what was said of the test rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from autolora.records.kinds import Label, TrialState
from autolora.records.trials import AdapterConfig, Score


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
