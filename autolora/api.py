"""The library's front door: ``autolora.search``. Spelling only, like the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autolora import flow
from autolora.command import out_folder, request_from, resumed_folder
from autolora.progress import PlainProgress
from autolora.request import Request
from autolora.results import SearchRecord


class _Silent(PlainProgress):
    def _print(self, text: str) -> None:
        """Say nothing."""


def search(
    data: str | Path | Request,
    *,
    text: str | None = None,
    label: str | None = None,
    base_model: str | Path | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    reopen_test: bool = False,
    quiet: bool = False,
    **options: Any,
) -> SearchRecord:
    """Search adapters for a dataset and return everything that was found.

    Args:
        data: A table, a saved dataset's folder, a hub dataset's name, a task file, or a request; with ``resume`` also a
            run folder.
        text: Column that holds the text; ``text`` unless set or the task file's.
        label: Column that holds the label; ``label`` unless set or the task file's.
        base_model: Folder or hub id of the base model.
        out: Run folder; ``runs/NAME`` unless set.
        resume: Go on with the search in the run folder.
        reopen_test: With ``resume``: open the test split for another choice, which the report says for ever.
        quiet: Print no progress.
        options: The other flags of ``autolora search`` by their names with underscores, e.g. ``trials=24``,
            ``budget="15m"``, ``max_params=500_000``.

    Raises:
        InputError: If anything about the request is wrong; nothing was written then.
    """
    given = {"text": text, "label": label, "base_model": base_model, **options}
    folder = Path(out) if out is not None else None
    progress = _Silent() if quiet else PlainProgress()
    if resume:
        return flow.resume(resumed_folder(data, folder, **given), progress=progress, reopen_test=reopen_test)
    request = request_from(data, **given)
    return flow.search(request, folder or out_folder(request), progress=progress)
