"""The library's front door: ``autolora.search``. Spelling only, like the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autolora import flow
from autolora.command import out_folder, request_from
from autolora.progress import PlainProgress
from autolora.request import Request
from autolora.results import SearchRecord


class _Silent(PlainProgress):
    def _print(self, text: str) -> None:
        """Say nothing."""


def search(
    data: str | Path | Request,
    *,
    text: str = "text",
    label: str = "label",
    base_model: str | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    quiet: bool = False,
    **options: Any,
) -> SearchRecord:
    """Search adapters for a dataset and return everything that was found.

    Args:
        data: A table, a saved dataset's folder, a hub dataset's name, a task file, or a request.
        text: Column that holds the text.
        label: Column that holds the label.
        base_model: Folder or hub id of the base model.
        out: Run folder; ``runs/NAME`` unless set.
        resume: Go on with the search in the run folder.
        quiet: Print no progress.
        options: The other flags of ``autolora search`` by their names with underscores, e.g. ``trials=24``,
            ``budget="15m"``, ``max_params=500_000``.

    Raises:
        InputError: If anything about the request is wrong; nothing was written then.
    """
    if isinstance(data, Request):
        request = data
    else:
        request = request_from(str(data), text=text, label=label, base_model=base_model, **options)
    folder = Path(out) if out is not None else out_folder(request)
    progress = _Silent() if quiet else PlainProgress()
    if resume:
        return flow.resume(folder, progress=progress)
    return flow.search(request, folder, progress=progress)
