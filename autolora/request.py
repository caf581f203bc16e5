"""What a user asks for, from a task file or command line: checked, completed, written back. Knows no data, no model.

Whether files, columns, models and spaces exist is found out by the rooms that read them.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import msgspec
import yaml

from autolora.errors import RequestError
from autolora.records import ProblemType
from autolora.values import is_number, is_text, is_whole, listed, nearest, number_hint, shown
from autolora.yamlfile import check_keys, inside, key_path, read_mapping

T = TypeVar("T", bound="DataRequest | Limits | Budget | Request")

VERSION = 1
"""Of the file format."""
METRICS: dict[ProblemType, tuple[str, ...]] = {
    "single_label": ("macro_f1", "accuracy"),
    "multi_label": ("macro_f1", "micro_f1", "accuracy"),
    "regression": ("mae", "r2"),
    "generation": ("chrf", "rouge_l", "token_f1", "exact_match", "completion_loss", "accuracy", "macro_f1"),
}
"""What can score each problem; the first is taken where none is named."""
UNBOUNDED = ("mae", "completion_loss")
"""Metrics that are no shares; the smaller the better."""
PROBLEMS: tuple[ProblemType, ...] = get_args(ProblemType)
PrecisionWish = Literal["auto", "exact", "fast", "4bit"]
PRECISIONS: tuple[PrecisionWish, ...] = get_args(PrecisionWish)
LARGEST_SEED = 2**31 - 1
LEAST_MEMORY_BYTES = 1024
"""Less than this is a size that was given without its unit."""

_NAME = re.compile(r"\w[\w.-]{0,79}")
_UNITS = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([A-Za-z]{0,3})")
_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)"
_DURATION = re.compile(rf"(?:{_NUMBER}\s*h)?\s*(?:{_NUMBER}\s*m)?\s*(?:{_NUMBER}\s*s)?", re.IGNORECASE)


_YAML_BREAKS = ("\x85", "\u2028", "\u2029")


@dataclass(frozen=True, kw_only=True)
class DataRequest:
    """Where the rows come from, and which columns matter."""

    path: str | None = None
    """A file, or a folder saved with ``datasets.save_to_disk``."""
    hub: str | None = None
    """A dataset id on the hub, in place of ``path``."""
    text: str | None = None
    """Column of the texts."""
    label: str | None = None
    """Column of the labels."""
    prompt: str | None = None
    """Column of the prompts, in place of texts, where an answer is to be written."""
    completion: str | None = None
    """Column of the answers to them."""
    messages: str | None = None
    """Column of conversations, in place of prompts and answers: lists of messages, of which the last is the answer."""
    template: str | None = None
    """How a prompt is put to the base: ``chat`` (its tokenizer's template), ``plain``, or a text with {prompt} in it;
    None takes ``chat`` where the tokenizer has one."""
    test: str | None = None
    """A second file (or saved folder) with the rows to test on."""
    rows: int | None = None
    """Rows to use at most; None means all."""
    problem: ProblemType | None = None
    """What a label is; None takes several classes where cells hold lists or a separator is given, else one class."""
    label_separator: str | None = None
    """What stands between the classes of a cell that may name several."""
    encoding: str | None = None
    """Of text files that are not UTF-8 and whose encoding cannot be found."""
    split_by: str | None = None
    """Column whose equal cells stay on one side of the splits: a customer, say."""
    split_by_time: str | None = None
    """Column of times: the latest rows are tested on, those before them validated on."""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            RequestError: If a value breaks its rule.
        """
        columns = ("text", "label", "prompt", "completion", "messages")
        for name in (*columns, "path", "hub", "test", "encoding", "split_by", "split_by_time", "template"):
            if getattr(self, name) is not None:
                _check_text(name, getattr(self, name))
        self._check_columns({name for name in columns if getattr(self, name) is not None})
        if (self.path is None) == (self.hub is None):
            raise RequestError(
                f"exactly one of path and hub must be given, but got path={self.path!r} and hub={self.hub!r}",
                "name a file or a hub dataset",
            )
        if self.split_by is not None and self.split_by_time is not None:
            raise RequestError(
                f"at most one of split_by and split_by_time may be given, but got {self.split_by!r} and"
                f" {self.split_by_time!r}",
                "leave one out",
            )
        if self.rows is not None:
            _check_whole("rows", self.rows, least=1)
        if self.label_separator is not None:
            # A blank or a line break may stand between labels too, so it may be blank text.
            if not isinstance(self.label_separator, str) or not self.label_separator:
                _check_text("label_separator", self.label_separator)
            if self.problem is None:
                object.__setattr__(self, "problem", "multi_label")
        if self.problem is not None:
            _check_one_of("problem", self.problem, PROBLEMS)
            if self.label_separator is not None and self.problem != "multi_label":
                raise RequestError(
                    f"label_separator is for labels of problem multi_label, but problem is {self.problem}",
                    "leave one of the two out",
                )

    @property
    def inputs(self) -> str:
        """The column that a model reads."""
        return self.text or self.prompt or self.messages or ""

    @property
    def targets(self) -> str:
        """The column of what it is to say; conversations hold both."""
        return self.label or self.completion or self.messages or ""

    def _check_columns(self, named: set[str]) -> None:
        """Check that the columns are those of one kind of rows, and complete the problem from them."""
        kinds = ({"text", "label"}, {"prompt", "completion"}, {"messages"})
        if named not in kinds:
            kind = next((kind for kind in kinds if named < kind), None)
            missing = listed(sorted(kind - named)) if kind and named else ""
            raise RequestError(
                f"columns must be named as text and label, as prompt and completion, or as messages, but {missing} is"
                " missing"
                if missing
                else "columns must be named as text and label, as prompt and completion, or as messages, but got"
                f" {listed(sorted(named)) or 'none'}",
                f"name {missing}" if missing else "name one of the three",
            )
        if len(named) > 1 and self.inputs == self.targets:
            first, second = ("text", "label") if self.text else ("prompt", "completion")
            raise RequestError(
                f"{first} and {second} must be two columns, but both are {self.inputs!r}", f"name the {second} column"
            )
        writes = self.text is None
        if writes and self.problem is None:
            object.__setattr__(self, "problem", "generation")
        if (self.problem == "generation") != writes:
            raise RequestError(
                f"problem {self.problem} does not fit the columns {listed(sorted(named))}",
                "for generation name prompt and completion, or messages; for all else text and label",
            )
        if self.template is not None:
            if not writes:
                raise RequestError("template is for problem generation", "leave it out")
            if self.template not in ("chat", "plain") and self.template.count("{prompt}") != 1:
                raise RequestError(
                    "template must be chat, plain, or a text in which {prompt} stands once, but got"
                    f" {shown(self.template)}",
                    "write, for example, 'Question: {prompt}\\nAnswer:'",
                )


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

    def __post_init__(self) -> None:
        """Check every limit.

        Raises:
            RequestError: If a value breaks its rule.
        """
        if self.max_params is not None:
            _check_whole("max_params", self.max_params, least=1)
        if self.max_memory is not None:
            _check_whole("max_memory", self.max_memory, least=LEAST_MEMORY_BYTES, hint="write a unit, such as 8GB")
        if self.min_metric is not None and not (is_number(self.min_metric) and self.min_metric >= 0):
            raise RequestError(
                "min_metric must be between 0 and 1 (for mae and completion_loss a number from 0), but got"
                f" {shown(self.min_metric)}",
                number_hint(self.min_metric) or "write 80 % as 0.8",
            )


@dataclass(frozen=True, kw_only=True)
class Budget:
    """When a search ends, whichever comes first."""

    trials: int = 24
    minutes: float | None = None
    """Wall time of the search; None means no limit."""

    def __post_init__(self) -> None:
        """Check both.

        Raises:
            RequestError: If a value breaks its rule.
        """
        _check_whole("trials", self.trials, least=1)
        if self.minutes is not None and not (is_number(self.minutes) and self.minutes > 0):
            raise RequestError(
                f"minutes must be a finite number above 0, but got {shown(self.minutes)}",
                number_hint(self.minutes) or "write a number without a unit, such as 15",
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
            _check_text(name, getattr(self, name))
        if self.address is not None:
            _check_text("address", self.address)
        self._complete_metric()
        _check_one_of("precision", self.precision, PRECISIONS)
        if self.prefix_cache not in (None, 0) or isinstance(self.prefix_cache, bool):
            hint = "write a unit, such as 2GB, or 0 for none"
            _check_whole("prefix_cache", self.prefix_cache, least=LEAST_MEMORY_BYTES, hint=hint)
        _check_whole("seed", self.seed, least=0, most=LARGEST_SEED)
        if not isinstance(self.first_suggestions, bool):
            raise RequestError(
                f"first_suggestions must be true or false, but got {shown(self.first_suggestions)}",
                "write true or false",
            )

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
        if self.metric not in UNBOUNDED and (self.limits.min_metric or 0) > 1:
            raise RequestError(
                f"limits.min_metric must be between 0 and 1, but got {shown(self.limits.min_metric)}",
                "write 80 % as 0.8",
            )
        only = [each for each in PROBLEMS if self.metric in METRICS[each]]
        if problem is None and len(only) == 1:
            object.__setattr__(self, "data", replace(self.data, problem=only[0]))


def usual_space(problem: ProblemType | None) -> str:
    """Return the search space that is taken for a problem where none is named."""
    return "decoder" if problem == "generation" else "encoder"


def read(path: str | Path) -> Request:
    """Return the request in a task file; its relative paths are taken from the file's own folder.

    Raises:
        RequestError: If the file cannot be read or breaks a rule; names file, key, rule and value.
    """
    path = Path(os.path.expanduser(path))
    value = read_mapping(path, error=RequestError)
    try:
        request = _section(value, Request, "", data=_data, limits=_limits, budget=_budget, prefix_cache=_bytes)
    except RequestError as fault:
        raise inside(fault, path.name) from None
    return with_paths_from(request, path.parent)


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
    )


def parse_duration(text: str) -> float:
    """Return a duration such as ``"15m"``, ``"90s"``, ``"2h"`` or ``"1h30m"`` in minutes.

    Raises:
        RequestError: If it is not spelt like these, or is nothing.
    """
    match = _DURATION.fullmatch(text.strip()) if text.strip() else None
    if match is None:
        raise RequestError(
            f"a duration must be hours, minutes and seconds such as 1h30m, 15m or 90s, but got {shown(text)}",
            f"write {text.strip()}m for minutes" if re.fullmatch(_NUMBER, text.strip()) else "write, for example, 15m",
        )
    hours, minutes, seconds = (Fraction(part or 0) for part in match.groups())
    total = float(hours * 60 + minutes + seconds / 60)
    if total == 0:
        raise RequestError(f"a duration must be longer than nothing, but got {shown(text)}", "write, for example, 15m")
    return total


def parse_size(text: str) -> int:
    """Return a size such as ``"8GB"``, ``"512MB"``, ``"8GiB"`` or ``"8000000000"`` in bytes.

    Raises:
        RequestError: If it is not spelt like these.
    """
    match = _SIZE.fullmatch(text.strip())
    unit = _UNITS.get((match[2] or "B").upper()) if match else None
    if match is None or unit is None:
        raise RequestError(
            f"a size must be a number of bytes, or a number and one of KB, MB, GB, TB, KiB, MiB, GiB, TiB,"
            f" but got {shown(text)}",
            "write, for example, 8GB",
        )
    return int(Fraction(match[1]) * unit)


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


def _check_text(name: str, value: object) -> None:
    if not is_text(value):
        hint = "put it in quotes" if isinstance(value, bool | int | float) else f"write a text for {name}"
        raise RequestError(f"{name} must be text, but got {shown(value)}", hint)


def _check_whole(name: str, value: object, *, least: int, most: int | None = None, hint: str = "") -> None:
    if is_whole(value) and value >= least and (most is None or value <= most):
        return
    rule = f"of at least {least:,}" if most is None else f"from {least:,} to {most:,}"
    raise RequestError(
        f"{name} must be a whole number {rule}, but got {shown(value)}",
        number_hint(value) or hint or f"change {name}, or leave it out",
    )


def _check_one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        close = nearest(value, known)
        raise RequestError(
            f"{name} must be one of {listed(known)}, but got {shown(value)}",
            f"did you mean {close}?" if close else "choose one of them",
        )
