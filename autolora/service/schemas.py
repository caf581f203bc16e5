"""What goes over the wire: the shapes of requests and answers, for checking and for the OpenAPI description."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from autolora.service.states import Kind, State, Wish

Id = Annotated[str, Field(max_length=40, examples=["search_0123456789abcdefghjk"])]
Name = Annotated[str, Field(min_length=1, max_length=80)]
MOST_TASKS = 200
"""Of one batch."""
MOST_TEXTS = 256
"""Of one prediction."""


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class TaskIn(_In):
    """A task, in the keys of a task file (docs/task-file.md); what names a place is an id or a name here."""

    dataset: Id
    """An uploaded table."""
    test_dataset: Id | None = None
    """A second one, with the rows to test on."""
    base_model: Name
    """One of ``GET /v1/models``."""
    name: Name | None = None
    """Of the task; made from the name of the dataset unless given."""
    data: dict[str, Any] = {}
    """Which columns matter, as under ``data`` of a task file; those that the last check took, unless given."""
    metric: str | None = None
    space: str | None = None
    limits: dict[str, Any] | None = None
    budget: dict[str, Any] | None = None
    baselines: Literal["none", "quick", "all"] | None = None
    seed: int | None = None
    precision: str | None = None
    first_suggestions: bool | None = None
    business: dict[str, Any] | None = None


class SearchIn(TaskIn):
    """A search that is asked for."""

    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    """Of two searches that wait, the one with more is begun first."""


class BatchTaskIn(TaskIn):
    """A task of a batch."""

    priority: Annotated[float, Field(gt=0)] | None = None
    """How much its gain counts beside that of the others."""
    deadline: str | None = None
    """Time from the begin of the batch within which it is to be done, such as ``45m``."""


class BatchIn(_In):
    """A batch that is asked for."""

    name: Name
    tasks: Annotated[list[BatchTaskIn], Field(min_length=1, max_length=MOST_TASKS)]
    minutes: Annotated[float, Field(gt=0)] | None = None
    """Wall time of all together."""
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0


class CheckIn(_In):
    """How a dataset is to be read."""

    data: dict[str, Any] = {}
    """As under ``data`` of a task file; columns are guessed unless given."""
    base_model: Name | None = None
    """Whose tokenizer counts the tokens."""


class PredictIn(_In):
    """Texts to be answered by what a search found."""

    search: Id
    texts: Annotated[list[Annotated[str, Field(max_length=100_000)]], Field(min_length=1, max_length=MOST_TEXTS)]
    abstain_below: Annotated[float, Field(ge=0, le=1)] | None = None


class Standing(BaseModel):
    """How far a job has come, by what it said last."""

    stage: str | None = None
    trials_done: int = 0
    """Of a batch those of all its tasks."""
    trials_total: int | None = None
    """At the most; None where it is not known yet, and for a batch, whose tasks end when they have enough."""
    metric: str | None = None
    """What trials are compared by."""
    best: float | None = None
    """Of the trials in full."""
    left: str | None = None
    """What is left of the budget, in words."""
    last_event: int = 0
    """Id of the last event."""


class JobOut(BaseModel):
    """A search, a batch or a plan."""

    id: str
    object: Kind
    name: str
    state: State
    wish: Wish
    """What is wanted of it: ``pause`` and ``cancel`` take some seconds until the state follows."""
    priority: int
    dataset: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    cause: str | None
    """Why it failed."""
    hint: str | None
    progress: Standing
    links: dict[str, str]


class Page(BaseModel):
    """Some of a list, the newest first."""

    data: list[JobOut]
    next: str | None
    """Cursor of what follows, for ``?after=``; None at the end."""


class FindingOut(BaseModel):
    """Something about the data that a person should know."""

    code: str
    severity: Literal["note", "warning"]
    message: str
    hint: str
    rows: list[int]


class TroubleOut(BaseModel):
    """Why a search would refuse the data."""

    message: str
    hint: str
    code: str
    """What kind of fault it is; empty where it has no name."""


class CheckOut(BaseModel):
    """What the last check of a dataset saw."""

    columns: list[str]
    rows: list[list[str]]
    """The first ones; long cells are cut."""
    data: dict[str, Any]
    """Which columns were taken for what."""
    was_guessed: bool
    rows_total: int | None
    classes: dict[str, int]
    """Rows of each class, where labels are classes."""
    findings: list[FindingOut]
    trouble: TroubleOut | None


class DatasetOut(BaseModel):
    """An uploaded table."""

    id: str
    object: Literal["dataset"] = "dataset"
    name: str
    bytes: int
    sha256: str
    created_at: str
    state: Literal["checking", "ready", "refused"]
    """``ready`` for a search; ``refused`` says in ``check.trouble`` why."""
    check: CheckOut | None
    links: dict[str, str]


class DatasetPage(BaseModel):
    """Some of the datasets, the newest first."""

    data: list[DatasetOut]
    next: str | None


class ModelOut(BaseModel):
    """A base model that may be named."""

    name: str
    object: Literal["model"] = "model"


class Models(BaseModel):
    """All base models."""

    data: list[ModelOut]


class PredictionOut(BaseModel):
    """What is said of one text."""

    label: str | float | None
    confidence: float | None
    abstained: bool


class Predictions(BaseModel):
    """What is said of each text, in their order."""

    data: list[PredictionOut]


class EventOut(BaseModel):
    """Something that a job said."""

    model_config = ConfigDict(extra="allow")

    id: int
    at: str
    event: str


class Events(BaseModel):
    """What a job said, the oldest first."""

    data: list[EventOut]
    next: int
    """Id of the last event, for ``?after=``."""
    ended: bool
    """Whether no more will come."""
