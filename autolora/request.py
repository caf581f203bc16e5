"""What a user asks for, from a task file or command line: checked, completed, written back. Knows no data, no model.

Whether files, columns, models and spaces exist is found out by the rooms that read them.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from decimal import Decimal
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import msgspec
import yaml

from autolora.business import Business, Energy, Machine, Staff, Targets, check_one_currency, parse_amount
from autolora.checks import check_one_of, check_text, check_whole
from autolora.data_request import PROBLEMS, DataRequest
from autolora.errors import RequestError
from autolora.objectives import BY_LIKELIHOOD, GUIDE
from autolora.records import ProblemType
from autolora.units import parse_duration, parse_size
from autolora.values import is_number, listed, nearest, number_hint, shown
from autolora.yamlfile import check_keys, inside, key_path, read_mapping

T = TypeVar("T", bound="DataRequest | Limits | Budget | Request | Business | Machine | Staff | Targets | Energy")

VERSION = 1
"""Of the file format."""
METRICS: dict[ProblemType, tuple[str, ...]] = {
    "single_label": ("macro_f1", "accuracy"),
    "multi_label": ("macro_f1", "micro_f1", "accuracy"),
    "regression": ("mae", "r2"),
    "generation": ("chrf", "rouge_l", "token_f1", "exact_match", "completion_loss", "accuracy", "macro_f1"),
}
"""What can score each problem; the first is taken where none is named."""
ANSWER_METRICS = tuple(name for name in METRICS["generation"] if name not in (*BY_LIKELIHOOD, GUIDE))
"""Of how like a written answer is to the wanted one."""
UNBOUNDED = ("mae", "completion_loss")
"""Metrics that are no shares; the smaller the better."""
PrecisionWish = Literal["auto", "exact", "fast", "4bit"]
PRECISIONS: tuple[PrecisionWish, ...] = get_args(PrecisionWish)
BaselineWish = Literal["none", "quick", "all"]
BASELINES: tuple[BaselineWish, ...] = get_args(BaselineWish)
LARGEST_SEED = 2**31 - 1
LEAST_MEMORY_BYTES = 1024
"""Less than this is a size that was given without its unit."""

_NAME = re.compile(r"\w[\w.-]{0,79}")
_YAML_BREAKS = ("\x85", "\u2028", "\u2029")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the recommended adapter must keep to; None means no limit."""

    max_params: int | None = None
    """Trainable parameters."""
    max_memory: int | None = None
    """Peak training memory in bytes."""
    min_metric: float | None = None
    """Worst score on the validation split (mean of the fresh seeds) that will do: worse, and the verdict is not ready.
    Between 0 and 1, but for ``mae`` and ``completion_loss``, which may be at most this."""
    kpi: dict[str, float] = field(default_factory=dict)
    """The same for other metrics that are computed, by their names: worse in one, and the verdict is not ready."""
    margin: float | None = None
    """What a smaller adapter may be worse than a larger one, in the metric's unit, and still count as good as it; None
    means one point (0.01), and one hundredth of the score for ``mae`` and ``completion_loss``."""

    def __post_init__(self) -> None:
        """Check every limit.

        Raises:
            RequestError: If a value breaks its rule.
        """
        if self.max_params is not None:
            check_whole("max_params", self.max_params, least=1)
        if self.max_memory is not None:
            check_whole("max_memory", self.max_memory, least=LEAST_MEMORY_BYTES, hint="write a unit, such as 8GB")
        if self.min_metric is not None and not (is_number(self.min_metric) and self.min_metric >= 0):
            raise RequestError(
                "min_metric must be between 0 and 1 (for mae and completion_loss a number from 0), but got"
                f" {shown(self.min_metric)}",
                number_hint(self.min_metric) or "write 80 % as 0.8",
            )
        if not isinstance(self.kpi, Mapping) or not all(isinstance(name, str) for name in self.kpi):
            raise RequestError(
                f"kpi must name metrics with the worst score that will do, but got {shown(self.kpi)}",
                "write, for example, accuracy: 0.9",
            )
        for name, worst in self.kpi.items():
            if not (is_number(worst) and worst >= 0):
                raise RequestError(
                    f"kpi {name} must be a number from 0, but got {shown(worst)}",
                    number_hint(worst) or "write 80 % as 0.8",
                )
        if self.margin is not None and not (is_number(self.margin) and self.margin > 0):
            raise RequestError(
                f"margin must be a number above 0, in the metric's unit, but got {shown(self.margin)}",
                number_hint(self.margin) or "write two points as 0.02",
            )


@dataclass(frozen=True, kw_only=True)
class Budget:
    """When a search ends, whichever comes first."""

    trials: int = 24
    minutes: float | None = None
    """Wall time of the search; None means no limit."""
    money: str | None = None
    """What its machine time may cost, such as ``3000 JPY``; None means no limit."""

    def __post_init__(self) -> None:
        """Check each.

        Raises:
            RequestError: If a value breaks its rule.
        """
        check_whole("trials", self.trials, least=1)
        if self.minutes is not None and not (is_number(self.minutes) and self.minutes > 0):
            raise RequestError(
                f"minutes must be a finite number above 0, but got {shown(self.minutes)}",
                number_hint(self.minutes) or "write a number without a unit, such as 15",
            )
        if self.money is not None:
            check_text("money", self.money)
            if parse_amount(self.money)[0] == 0:
                raise RequestError(
                    f"money must be more than nothing, but got {shown(self.money)}", "write, for example, 20usd"
                )


@dataclass(frozen=True, kw_only=True)
class Request:
    """One task, as a user asks for it; every default is filled in."""

    version: int = VERSION
    name: str = ""
    """Of the task, in reports and folders; left empty, it is taken from the data."""
    data: DataRequest
    base_model: str
    """A folder or a hub id."""
    base_id: str | None = None
    """What records call the base model; taken from the folder's name or the hub id where it is left out."""
    metric: str = ""
    """Left empty, it is macro_f1 for classes, mae for numbers and chrf for texts."""
    space: str = ""
    """A shipped search space, or the path of a YAML file; left empty, it is decoder for generation, else encoder."""
    limits: Limits = field(default_factory=Limits)
    budget: Budget = field(default_factory=Budget)
    baselines: BaselineWish = "quick"
    """What finalists are compared with: ``quick`` is the default adapter with a grid of rates, the head alone, a linear
    model and the majority class; ``all`` adds prompt tuning and full fine-tuning, and shows what wrong labels do;
    ``none`` trains no adapter beside the finalists, and none can be adopted then."""
    seed: int = 0
    precision: PrecisionWish = "auto"
    """``auto`` takes ``fast`` where the device is faster in bf16, and never ``4bit``."""
    prefix_cache: int | None = None
    """Bytes that rows' hidden states below the adapted layers may take in an engine's memory, and again on the disk; 0
    keeps none, None takes a part of what is free."""
    first_suggestions: bool = True
    """Whether the search begins with settings known to work."""
    address: str | None = None
    """Of a Ray cluster to join; None starts one on this machine."""
    memory: str | None = None
    """Folder of what earlier searches found: it makes the first suggestions, and this search is kept there too. None
    keeps nothing."""
    priority: float = 1.0
    """In a batch: how much a gain of this task counts beside the same gain of the others."""
    deadline: str | None = None
    """In a batch: the time from its begin within which this task is to be done, such as ``45m``; None means none."""
    business: Business | None = None
    """The work that an adapter would do, and what it costs today; None leaves money out."""

    def __post_init__(self) -> None:
        """Check every field, and complete the name.

        Raises:
            RequestError: If a value breaks its rule.
        """
        if self.version != VERSION or isinstance(self.version, bool):
            raise RequestError(f"version must be {VERSION}, but got {shown(self.version)}", f"write version: {VERSION}")
        if self.name == "":
            object.__setattr__(self, "name", _name_from(self.data))
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise RequestError(
                "name must be at most 80 letters, digits, dashes, underscores and dots and begin with none of dash and"
                f" dot, but got {shown(self.name)}",
                "change it, or leave it out to take the data's name"
                if isinstance(self.name, str)
                else "put it in quotes",
            )
        if self.space == "":
            object.__setattr__(self, "space", usual_space(self.data.problem))
        for name in ("base_model", "space"):
            check_text(name, getattr(self, name))
        for name in ("address", "memory"):
            if getattr(self, name) is not None:
                check_text(name, getattr(self, name))
        if not (is_number(self.priority) and self.priority > 0):
            raise RequestError(
                f"priority must be a number above 0, but got {shown(self.priority)}",
                number_hint(self.priority) or "write 2 for a task that counts twice",
            )
        if self.deadline is not None:
            check_text("deadline", self.deadline)
            try:
                parse_duration(self.deadline)
            except RequestError as fault:
                raise inside(fault, "deadline") from None
        self._complete_metric()
        check_one_of("precision", self.precision, PRECISIONS)
        check_one_of("baselines", self.baselines, BASELINES)
        if self.prefix_cache not in (None, 0) or isinstance(self.prefix_cache, bool):
            hint = "write a unit, such as 2GB, or 0 for none"
            check_whole("prefix_cache", self.prefix_cache, least=LEAST_MEMORY_BYTES, hint=hint)
        check_whole("seed", self.seed, least=0, most=LARGEST_SEED)
        if not isinstance(self.first_suggestions, bool):
            raise RequestError(
                f"first_suggestions must be true or false, but got {shown(self.first_suggestions)}",
                "write true or false",
            )
        if self.budget.money is not None:
            self._check_money()

    @property
    def minutes(self) -> float | None:
        """Wall time that both the time and the money of the budget allow; None means no limit."""
        if self.budget.money is None or not self.an_hour:
            return self.budget.minutes
        paid = 60 * parse_amount(self.budget.money)[0] / float(self.an_hour)
        return paid if self.budget.minutes is None else min(paid, self.budget.minutes)

    @property
    def an_hour(self) -> Decimal | None:
        """What an hour of the machine most likely costs, None where that is not said."""
        hour = None if self.business is None else self.business.machine.an_hour()
        return None if hour is None else hour[1]

    def _check_money(self) -> None:
        """Check that money can be told in machine time.

        Raises:
            RequestError: If nothing says what an hour costs, or it does so in another currency.
        """
        _, currency = parse_amount(str(self.budget.money))
        if self.business is None or not self.an_hour:
            raise RequestError(
                f"a budget in money needs what an hour of the machine costs, but got {shown(self.budget.money)} and no"
                " business.machine",
                "write it in a task file, such as business: {currency: JPY, machine: {hourly: 120}}, or give a time",
            )
        check_one_currency("budget.money", currency, self.business.currency)

    def _complete_metric(self) -> None:
        """Fill in the metric or the problem from each other, and check that they fit."""
        problem = self.data.problem
        if self.metric == "":
            object.__setattr__(self, "metric", METRICS[problem or "single_label"][0])
        known = METRICS[problem] if problem else tuple(dict.fromkeys(chain.from_iterable(METRICS.values())))
        if self.metric not in known:
            close = nearest(self.metric, known)
            of_problem = f" for problem {problem}" if problem else ""
            raise RequestError(
                f"metric must be one of {listed(known)}{of_problem}, but got {shown(self.metric)}",
                f"did you mean {close}?" if close else "choose one of them",
            )
        for name, example in (("min_metric", "80 % as 0.8"), ("margin", "two points as 0.02")):
            limit = getattr(self.limits, name)
            if self.metric not in UNBOUNDED and (limit or 0) > 1:
                raise RequestError(f"limits.{name} must be between 0 and 1, but got {shown(limit)}", f"write {example}")
        only = [each for each in PROBLEMS if self.metric in METRICS[each]]
        if problem is None and len(only) == 1:
            object.__setattr__(self, "data", replace(self.data, problem=only[0]))
        self._check_kpi()

    def _check_kpi(self) -> None:
        """Check that whatever is asked for is computed."""
        problem = self.data.problem
        possible = [problem] if problem else [each for each in PROBLEMS if self.metric in METRICS[each]]
        computed = tuple(dict.fromkeys(chain.from_iterable(computed_with(self.metric, each) for each in possible)))
        for name, worst in self.limits.kpi.items():
            if name not in computed:
                close = nearest(name, computed)
                raise RequestError(
                    f"kpi must be of metrics that are computed with metric {self.metric}, which are {listed(computed)},"
                    f" but got {shown(name)}",
                    f"did you mean {close}?" if close else "choose one of them",
                )
            if name not in UNBOUNDED and worst > 1:
                raise RequestError(
                    f"limits.kpi.{name} must be between 0 and 1, but got {shown(worst)}", "write 80 % as 0.8"
                )


def computed_with(metric: str, problem: ProblemType) -> tuple[str, ...]:
    """Return the metrics that are computed where ``metric`` decides: of answers only what is known of all of them."""
    if problem != "generation":
        return METRICS[problem]
    if metric == GUIDE:
        return (GUIDE,)
    return BY_LIKELIHOOD if metric in BY_LIKELIHOOD else ANSWER_METRICS


def usual_space(problem: ProblemType | None) -> str:
    """Return the search space that is taken for a problem where none is named."""
    return "decoder" if problem == "generation" else "encoder"


def read(path: str | Path, *, defaults: Mapping[str, Any] | None = None) -> Request:
    """Return the request in a task file; its relative paths are taken from the file's own folder.

    Args:
        path: The file.
        defaults: What holds where the file says nothing, key by key; its paths are absolute.

    Raises:
        RequestError: If the file cannot be read or breaks a rule; names file, key, rule and value.
    """
    path = Path(os.path.expanduser(path))
    value = read_mapping(path, error=RequestError)
    try:
        request = from_mapping(_merged(defaults or {}, value))
    except RequestError as fault:
        raise inside(fault, path.name) from None
    return with_paths_from(request, path.parent)


def from_mapping(value: Mapping[str, Any]) -> Request:
    """Return the request that a task file's content describes; paths are left as they are.

    Raises:
        RequestError: If it breaks a rule; names key, rule and value.
    """
    return _section(
        value, Request, "", data=_data, limits=_limits, budget=_budget, prefix_cache=_bytes, business=_business
    )


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with another one over it, in sections key by key."""
    found = dict(below)
    for key, value in above.items():
        under = found.get(key)
        found[key] = _merged(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return found


def business_of(task: Mapping[str, Any]) -> Business | None:
    """Return what a task file's content says of the business, None where it says nothing.

    Raises:
        RequestError: If it breaks a rule.
    """
    given = task.get("business")
    return None if given is None else _business(given, "business")


def read_business(path: str | Path) -> Business:
    """Return the business in a YAML file that holds only that, or a task file's.

    Raises:
        RequestError: If the file cannot be read, or breaks a rule; names file, key, rule and value.
    """
    path = Path(os.path.expanduser(path))
    value = read_mapping(path, error=RequestError)
    try:
        return _business(value.get("business", value), "business" if "business" in value else "")
    except RequestError as fault:
        raise inside(fault, path.name) from None


def as_yaml(request: Request) -> str:
    """Return a request as a task file with every default filled in."""
    text = yaml.safe_dump(msgspec.to_builtins(request), sort_keys=False, allow_unicode=True)
    if any(character in text for character in _YAML_BREAKS):
        # Left as they are, YAML would read them back as line breaks; escaped, they stay what they are.
        text = yaml.safe_dump(msgspec.to_builtins(request), sort_keys=False, allow_unicode=False)
    return text


def with_paths_from(request: Request, folder: Path) -> Request:
    """Return ``request`` with its relative paths made absolute, as seen from ``folder``.

    A base model is a path when a folder is there or it is spelt like one; a search space, when it is spelt like one.
    """

    def absolute(given: str) -> str:
        # Links are kept: their names carry the extension, their targets often do not.
        return os.path.abspath(os.path.join(folder, os.path.expanduser(given)))

    data, base, space = request.data, request.base_model, request.space
    return replace(
        request,
        data=replace(
            data,
            path=None if data.path is None else absolute(data.path),
            test=None if data.test is None else absolute(data.test),
        ),
        base_model=absolute(base) if base.startswith((".", "/", "~")) or os.path.isdir(absolute(base)) else base,
        space=absolute(space) if "/" in space or space.endswith((".yaml", ".yml")) else space,
        memory=None if request.memory is None else absolute(request.memory),
    )


def _section(value: object, kind: type[T], where: str, **readers: Callable[[Any, str], Any]) -> T:
    """Return the part of a request that a mapping describes; keys without a value have their default.

    Args:
        value: What stands in the file.
        kind: The class of the part.
        where: The key path of ``value``.
        readers: For keys whose value is not taken as it is: what turns value and key path into the field's value.
    """
    known = fields(kind)
    required = [each.name for each in known if each.default is MISSING and each.default_factory is MISSING]
    given: Mapping[str, Any] = check_keys(
        value, [each.name for each in known], where=where, error=RequestError, required=required
    )
    values = {
        name: readers[name](each, key_path(where, name)) if name in readers else each
        for name, each in given.items()
        if each is not None
    }
    try:
        return kind(**values)
    except RequestError as fault:
        raise (inside(fault, where) if where else fault) from None


def _data(value: object, where: str) -> DataRequest:
    return _section(value, DataRequest, where)


def _limits(value: object, where: str) -> Limits:
    return _section(value, Limits, where, max_memory=_bytes)


def _budget(value: object, where: str) -> Budget:
    return _section(value, Budget, where)


def _business(value: object, where: str) -> Business:
    parts = {"machine": Machine, "staff": Staff, "targets": Targets, "energy": Energy}
    readers = {name: partial(_part, kind) for name, kind in parts.items()}
    return _section(value, Business, where, **readers)


def _part(kind: type[T], value: object, where: str) -> T:
    return _section(value, kind, where)


def _bytes(value: object, where: str) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_size(value)
    except RequestError as fault:
        raise inside(fault, where) from None


def _name_from(data: DataRequest) -> str:
    """Return a task's name made from that of its data: characters that names may not have become dashes."""
    stem = (
        Path(re.sub(r"\.gz$", "", data.path, flags=re.IGNORECASE)).stem
        if data.path is not None
        else (data.hub or "").rsplit("/", 1)[-1]
    )
    return re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFC", stem)).strip(".-")[:80] or "task"
