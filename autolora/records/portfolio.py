"""What a batch of tasks came to: what its reports are made of, and what scripts read (``portfolio.json``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from autolora.records.kinds import ProblemType, Verdict

ADAPTERS: tuple[Verdict, ...] = ("adopt", "keep_default")
"""Verdicts after which an adapter goes to work."""
MemberState = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Allotted:
    """What one task was given of a batch's time, and why."""

    seconds: float | None
    """That were set aside for it at the start; None where the batch has no budget."""
    least_seconds: float | None = None
    """The least that its own parts take; likewise."""
    explored_seconds: float = 0.0
    """Device time of its trials."""
    trials: int = 0
    completed: int = 0
    priority: float = 1.0
    deadline_seconds: float | None = None
    weight: float = 1.0
    """What its gain counted beside the others' gain."""
    unit: Literal["share", "money"] = "share"
    """Whether that gain was counted as a share of its hypervolume, or as money a month."""
    last_promise: float | None = None
    """Share of its hypervolume that one more trial was expected to add when its exploring ended; None where no trial
    was believed anything of."""
    ended_by: str = ""
    """Why its exploring ended, in words."""
    suggested_by: dict[str, int] = field(default_factory=dict)
    """Task whose search made first suggestions → how many."""


@dataclass(frozen=True, kw_only=True)
class MemberOutcome:
    """One task of a batch."""

    name: str
    state: MemberState
    cause: str = ""
    """Why it failed."""
    source: str = ""
    """What the user named: a file name."""
    base_model: str = ""
    problem: ProblemType = "single_label"
    classes: int = 0
    rows: int = 0
    """All splits together."""
    metric: str = ""
    verdict: Verdict | None = None
    test: float | None = None
    """Test score of what is recommended."""
    test_ci95: tuple[float, float] | None = None
    required: float | None = None
    """Worst score on validation rows that will do, where one was asked for."""
    rival: str = ""
    """Name of the best baseline."""
    rival_test: float | None = None
    trainable_params: int = 0
    adapter_bytes: int = 0
    seconds: float = 0.0
    """That were worked on it."""
    hypervolume: float | None = None
    currency: str = ""
    """Empty where no money was entered."""
    spent: float | None = None
    """What its trial has cost."""
    net_a_month: float | None = None
    """What a month is worth after the ramp, in the likely case; like what follows, of adapters that go to work only."""
    present_value: float | None = None
    payback_months: int | None = None
    horizon_months: int = 0
    allotted: Allotted


@dataclass(frozen=True, kw_only=True)
class CrossScore:
    """One task's adapter on another task's test rows."""

    adapter: str
    """Task that it was trained for."""
    rows: str
    """Task whose rows were scored."""
    score: float
    own: float
    """Test score of that task's own adapter, on the same rows."""
    difference: tuple[float, float, float]
    """Score less own, paired over the rows: difference, and its 95 % interval."""
    as_good: bool
    """Whether it is as good as the task's own within the margin."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One task in the order in which to roll out."""

    name: str
    reason: str
    """Why it stands there: ``money`` or ``gain`` for an adapter that goes to work, ``loss`` where it costs more than it
    brings; ``simpler`` where something simpler goes to work; ``not_ready``, or its state, for what does not."""


@dataclass(frozen=True, kw_only=True)
class PortfolioRecord:
    """A batch."""

    version: int = 1
    name: str
    finished: bool
    members: tuple[MemberOutcome, ...]
    seconds: float
    """Wall time, all processes together."""
    budget_seconds: float | None = None
    device: str = ""
    base_bytes: dict[str, int] = field(default_factory=dict)
    """Base model → bytes of its weights."""
    adapter_bytes: int = 0
    """Of all adapters that go to work."""
    full_model_bytes: int = 0
    """Of as many full models."""
    cross: tuple[CrossScore, ...] = ()
    order: tuple[Step, ...] = ()
