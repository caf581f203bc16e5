"""From command-line values to a request. Knows the request; prints nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from autolora.errors import RequestError
from autolora.request import Budget, DataRequest, Limits, Request, parse_duration, parse_size, read


def request_from(data: str, **flags: Any) -> Request:
    """Return the request for a task file, or for a dataset with flags; flags that were given override a file's.

    Raises:
        RequestError: If a value is wrong or one that is needed is missing.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    if Path(data).suffix.lower() in (".yaml", ".yml"):
        given.pop("text"), given.pop("label")  # their defaults are the file's business
        return _with(read(data), given)
    if "base_model" not in given:
        raise RequestError("a search needs a base model", "give --base-model FOLDER_OR_HUB_ID, or a task file")
    path = Path(data)
    is_hub = not path.exists() and not path.suffix and "/" in data and not data.startswith((".", "/", "~"))
    source = DataRequest(
        path=None if is_hub else data,
        hub=data if is_hub else None,
        text=given["text"],
        label=given["label"],
        test=given.get("test"),
        rows=given.get("rows"),
    )
    return _with(Request(data=source, base_model=given["base_model"]), given)


def _with(request: Request, given: dict[str, Any]) -> Request:
    limits, budget, data = request.limits, request.budget, request.data
    plain = {
        name: given[name] for name in ("metric", "space", "seed", "precision", "address", "base_model") if name in given
    }
    return replace(
        request,
        **plain,
        data=replace(data, test=given.get("test", data.test), rows=given.get("rows", data.rows)),
        limits=Limits(
            max_params=given.get("max_params", limits.max_params),
            max_memory=parse_size(given["max_memory"]) if "max_memory" in given else limits.max_memory,
            min_metric=given.get("min_metric", limits.min_metric),
        ),
        budget=Budget(
            trials=given.get("trials", budget.trials),
            minutes=parse_duration(given["budget"]) if "budget" in given else budget.minutes,
        ),
    )


def out_folder(request: Request) -> Path:
    """Return the run folder of a request that names none."""
    return Path("runs") / request.name
