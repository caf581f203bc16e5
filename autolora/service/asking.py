"""From what somebody sends to a task as a task file says it. Ids and names become paths here, and nowhere else.

The keys are those of a task file, but for what names a place: the data are uploaded datasets, the base model one of the
service's own, the search space a shipped one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autolora import demo, request, space
from autolora.errors import RequestError
from autolora.request import Request
from autolora.service.bases import DEMO, Bases
from autolora.service.faults import Invalid
from autolora.values import listed

PLACES = ("path", "hub", "test")
"""Keys of ``data`` that would name a place."""
_MOST_NAME = 60


def task_of(
    body: Mapping[str, Any], *, bases: Bases, file_of: Callable[[str], Path], address: str | None
) -> tuple[dict[str, Any], Request]:
    """Return a task as a task file says it, and as it is understood.

    Args:
        body: What was sent: ``dataset``, ``test_dataset`` and ``base_model`` by name, the rest as in a task file.
        bases: The base models.
        file_of: Turns a dataset's id into its file.
        address: Of a Ray cluster.

    Raises:
        Invalid: If it breaks a rule; names the key.
        NotFound: If there is no such dataset.
    """
    task = {name: value for name, value in body.items() if value is not None}
    dataset, test = task.pop("dataset"), task.pop("test_dataset", None)
    data = dict(task.pop("data", {}))
    for name in PLACES:
        if name in data:
            raise Invalid(f"data.{name} must not be given", "upload the table, and name it by its id", param="data")
    wanted_space = task.get("space")
    if wanted_space is not None and wanted_space not in space.shipped():
        hint = "leave it out to take the usual one"
        raise Invalid(f"space must be one of {listed(space.shipped())}", hint, param="space")
    base = task["base_model"]
    task |= {
        "data": {**data, "path": str(file_of(dataset)), **({} if test is None else {"test": str(file_of(test))})},
        "base_model": str(bases.folder(base)),
        "base_id": demo.BASE_ID if base == DEMO else base,
    }
    if address is not None:
        task["address"] = address
    return task, understood(task)


def understood(task: Mapping[str, Any]) -> Request:
    """Return what a task says.

    Raises:
        Invalid: If it breaks a rule.
    """
    try:
        return request.from_mapping(task)
    except RequestError as error:
        key = re.match(r"([a-z_.]+):", error.message)
        raise Invalid(error.message, error.hint, param=key[1] if key else None) from None


def name_from(file_name: str) -> str:
    """Return a task's name made from that of an uploaded file: what names may not hold has become dashes."""
    stem = re.sub(r"\.gz$", "", file_name, flags=re.IGNORECASE).rpartition(".")[0] or file_name
    return re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFC", stem)).strip(".-_")[:_MOST_NAME] or "task"
