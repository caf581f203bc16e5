"""The base models that may be named: folders on this machine. Nobody sends a path or an address."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from autolora import demo
from autolora.errors import BaseModelError
from autolora.service.faults import Invalid
from autolora.values import listed, nearest

DEMO = demo.BASE_ID.rsplit("/", 1)[-1]


class Bases:
    """Looks for base models each time, so that one that was copied there is there."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)

    def all(self) -> dict[str, Path]:
        """Return the folders of base models by name; the demo's is among them where it is installed."""
        found: dict[str, Path] = {}
        with contextlib.suppress(BaseModelError):
            found[DEMO] = demo.base_folder()
        for folder in self._folders:
            if folder.is_dir():
                found |= {each.name: each for each in sorted(folder.iterdir()) if (each / "config.json").is_file()}
        return found

    def folder(self, name: str) -> Path:
        """Return the folder of a base model.

        Raises:
            Invalid: If there is none of this name.
        """
        known = self.all()
        if name not in known:
            close = nearest(name, known)
            hint = f"did you mean {close}?" if close else "list them with GET /v1/models"
            raise Invalid(f"base_model must be one of {listed(known) or 'none yet'}", hint, param="base_model")
        return known[name]
