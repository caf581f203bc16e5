"""A base checkpoint on its way to machines that cannot read its folder: through Ray's object store, known by its hash.

Knows files and the object store; knows no engine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autolora.engine.checkpoint import KINDS, find
from autolora.errors import BaseModelError, EngineError

_CHUNK_BYTES = 64 * 2**20
"""A part of a file that is held in memory at once; the object store spills to disk what it cannot hold."""


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """A checkpoint's files as references into the object store; they live as long as the driver holds them."""

    files: tuple[tuple[str, tuple[Any, ...]], ...]
    """Names with their chunks."""
    hash: str


def is_here(folder: str, wanted: str) -> bool:
    """Return whether the folder is readable on this machine and holds the checkpoint with that hash."""
    try:
        return find(folder).hash == wanted
    except (BaseModelError, OSError):
        return False


def pack(folder: Path, hash: str) -> Shipment:
    """Put a checkpoint's files into the object store."""
    import ray

    def chunks(path: Path) -> Iterator[Any]:
        with open(path, "rb") as file:
            while data := file.read(_CHUNK_BYTES):
                yield ray.put(data)

    paths = sorted({path for kind in KINDS for path in folder.glob(kind) if path.is_file()})
    return Shipment(files=tuple((path.name, tuple(chunks(path))) for path in paths), hash=hash)


@contextmanager
def unpacked(shipment: Shipment) -> Iterator[Path]:
    """Write the checkpoint into a private folder, yield it, and remove it: what was loaded from it needs it no more.

    Raises:
        EngineError: If it cannot be written, or is not what was sent.
    """
    import ray

    with tempfile.TemporaryDirectory(prefix="alr-base-") as name:  # private (0700)
        folder = Path(name)
        try:
            for file_name, chunks in shipment.files:
                with open(folder / file_name, "wb") as file:
                    for chunk in chunks:
                        file.write(ray.get(chunk))
        except OSError as error:
            raise EngineError(
                f"the base model cannot be written to {folder.parent}: {error.strerror}",
                "free space there, or share its folder under the same path",
            ) from error
        arrived = find(str(folder)).hash
        if arrived != shipment.hash:
            raise EngineError(
                f"the base model arrived as {arrived}, but was sent as {shipment.hash}", "copy its folder there"
            )
        yield folder
