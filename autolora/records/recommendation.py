"""What scripts read: ``recommendation.json``."""

from __future__ import annotations

from dataclasses import dataclass, field

from autolora.records.confirmed import Candidate, Prompts
from autolora.records.kinds import Precision, ProblemType, Verdict
from autolora.records.trials import AdapterConfig


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
    kilowatt_hours: float | None = None
    """Drawn by this machine meanwhile, as codecarbon counts or estimates them; None where it was not there."""
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
    kept: str = ""
    """Where the default is kept: which of ``baselines`` that is; else empty."""
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
    """None where a row has no classes."""
    prompts: Prompts | None = None
    """Where an answer is written."""
    answers: tuple[str, ...] = ()
    """Where the likeliest of a closed set is taken: that set."""

    @property
    def used(self) -> Recommendation | BaselineSummary:
        """What the verdict would have used: this, or the default, where that is kept."""
        return self.baselines.get(self.kept, self)

    def uses(self, candidate: Candidate) -> bool:
        """Return whether a confirmed candidate is what the verdict would have used."""
        if self.kept:
            return candidate.name == self.kept
        return candidate.trial is not None and candidate.trial == self.trial

    @property
    def default_apart(self) -> bool:
        """Whether the kept default is another configuration than the best found: then it is packed beside that."""
        return bool(self.kept) and self.baselines[self.kept].config != self.config
