"""From command-line values to a request, or to the run folder to go on with. Knows the request; prints nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from autolora.business import reads_as_amount
from autolora.data_request import DataRequest
from autolora.errors import RequestError
from autolora.examine import Examination
from autolora.request import Budget, Limits, Request, read, with_paths_from
from autolora.store import TASK, RunFolder
from autolora.units import parse_duration, parse_size
from autolora.values import listed, nearest, shown
from autolora.yamlfile import inside

_COLUMNS = ("text", "label", "prompt", "completion", "messages")
_DATA = (
    *(*_COLUMNS, "template", "problem", "label_separator"),
    *("test", "rows", "encoding", "split_by", "split_by_time", "slices"),
)
_LIMITS = ("max_params", "max_memory", "min_metric", "kpi", "margin")
_BUDGET = ("trials", "budget")
_PLAIN = ("base_model", "metric", "space", "baselines", "seed", "precision", "prefix_cache", "address", "memory")
_FLAGS = (*_DATA, *_LIMITS, *_BUDGET, *_PLAIN)
_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def request_from(data: str | Path | Request, **flags: Any) -> Request:
    """Return the request for a task file, or for a dataset with flags; flags that were given override a file's.

    Raises:
        RequestError: If a value is wrong, one that is needed is missing, or there is no such flag.
    """
    given = _given(flags)
    if isinstance(data, Request):
        return _with(data, given)
    if _is_task_file(data):
        return _with(read(data), given)
    if "base_model" not in given:
        raise RequestError("a search needs a base model", "give --base-model FOLDER_OR_HUB_ID, or a task file")
    return _with(Request(data=_source(data, given), base_model=given["base_model"]), given)


def examination_from(data: str, **flags: Any) -> Examination:
    """Return what to examine for a task file, or for a dataset with flags; flags that were given override a file's.

    Raises:
        RequestError: If a value is wrong.
    """
    given = _given(flags)
    if _is_task_file(data):
        task = _with(read(data), given)
        return Examination(data=task.data, base_model=task.base_model, space=task.space, seed=task.seed)
    rest = {name: given[name] for name in ("base_model", "space", "seed") if name in given}
    return Examination(data=_source(data, given), **rest)


def _source(data: str | Path, given: dict[str, Any]) -> DataRequest:
    """Return what flags say of a dataset that is named by its path or hub id."""
    is_hub = _is_hub_id(data)
    written = "messages" in given or "prompt" in given or "completion" in given
    usual = {"prompt": "prompt", "completion": "completion"} if written else {"text": "text", "label": "label"}
    return DataRequest(
        path=None if is_hub else str(data),
        hub=str(data) if is_hub else None,
        **({} if "messages" in given else usual) | {name: given[name] for name in _DATA if name in given},
    )


def resumed_folder(data: str | Path | Request, out: Path | None = None, **flags: Any) -> Path:
    """Return the folder of the run to go on with: ``data`` itself, or where a search of ``data`` was started.

    Flags may repeat what the search was started with; they cannot change it.

    Raises:
        RunFolderError: If there is no run.
        RequestError: If something else is asked for than the search was started with.
    """
    given = _given(flags)
    is_request = isinstance(data, Request) or _is_task_file(data) or "base_model" in given
    if not isinstance(data, Request) and ((Path(data) / TASK).is_file() or not is_request):
        run = RunFolder.existing(Path(data))
        started = read(run.path / TASK)
        wanted = _with(started, given)
    else:
        wanted = request_from(data, **given)
        run = RunFolder.existing(out or out_folder(wanted))
        started = read(run.path / TASK)
    before, now = (dict(_flat(asdict(with_paths_from(each, Path.cwd())))) for each in (started, wanted))
    for name, value in now.items():
        if value != before[name]:
            raise RequestError(
                f"{name} of the search in {str(run.path)!r} is {shown(before[name])}, but {shown(value)} is asked for",
                "a resumed search keeps what it was started with: leave that out, or start a new search",
            )
    return run.path


def out_folder(request: Request) -> Path:
    """Return the run folder of a request that names none."""
    return Path("runs") / request.name


def _given(flags: dict[str, Any]) -> dict[str, Any]:
    """Return the flags that were given.

    Raises:
        RequestError: If there is none of that name; Python callers may misspell them.
    """
    for name in flags:
        if name not in _FLAGS:
            close = nearest(name, _FLAGS)
            raise RequestError(
                f"there is no option {name!r}", f"did you mean {close}?" if close else f"options: {listed(_FLAGS)}"
            )
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in flags.items()
        if value is not None and value != ()  # which is what a flag that may come several times is without any
    }


def _with(request: Request, given: dict[str, Any]) -> Request:
    """Return a request with what was given in place of its own."""
    limits: dict[str, Any] = {name: given[name] for name in _LIMITS if name in given}
    if isinstance(limits.get("max_memory"), str):
        limits["max_memory"] = _parsed(parse_size, "max_memory", given)
    if isinstance(limits.get("kpi"), list | tuple):
        limits["kpi"] = request.limits.kpi | dict(map(_kpi, limits["kpi"]))
    budget: dict[str, Any] = {"trials": given["trials"]} if "trials" in given else {}
    if "budget" in given:
        if reads_as_amount(str(given["budget"])):
            budget["money"] = str(given["budget"])
        else:
            budget["minutes"] = _parsed(parse_duration, "budget", given)
    if isinstance(given.get("prefix_cache"), str):
        given = given | {"prefix_cache": _parsed(parse_size, "prefix_cache", given)}
    return replace(
        request,
        **{name: given[name] for name in _PLAIN if name in given},
        data=replace(request.data, **{name: given[name] for name in _DATA if name in given}),
        limits=Limits(**asdict(request.limits) | limits),
        budget=Budget(**asdict(request.budget) | budget),
    )


def _kpi(text: str) -> tuple[str, float]:
    """Return the metric and the number of a flag such as ``accuracy=0.9``.

    Raises:
        RequestError: If it is not spelt like this.
    """
    name, _, worst = str(text).partition("=")
    try:
        return name.strip(), float(worst)
    except ValueError:
        raise RequestError(
            f"kpi must be a metric and the worst score that will do, such as accuracy=0.9, but got {shown(text)}",
            "write, for example, --kpi accuracy=0.9",
        ) from None


def _parsed(parse: Any, name: str, given: dict[str, Any]) -> Any:
    """Return a flag's value as a number; errors name the flag."""
    try:
        return parse(str(given[name]))
    except RequestError as fault:
        raise inside(fault, name) from None


def _is_task_file(data: str | Path) -> bool:
    return Path(data).suffix.lower() in (".yaml", ".yml")


def _is_hub_id(data: str | Path) -> bool:
    """Return whether ``data`` reads like owner/name: nothing of that name is here, and it has no file's extension."""
    name, path = str(data), Path(data)
    is_version = path.suffix[1:].isdecimal()  # as in owner/data-1.5
    return _HUB_ID.fullmatch(name) is not None and not path.exists() and (not path.suffix or is_version)


def _flat(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value under its dotted name."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
