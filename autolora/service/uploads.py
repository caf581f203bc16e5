"""Uploads as they come in: written piece by piece into a folder of their own, hashed on the way, never parsed here."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import unicodedata
from collections.abc import AsyncIterable
from pathlib import Path
from typing import BinaryIO

from fastapi.concurrency import run_in_threadpool

from autolora.data.reading import TEXT_READERS, TYPED_READERS
from autolora.service.asking import name_from
from autolora.service.faults import Invalid
from autolora.service.ids import Prefix, new_id
from autolora.service.jobs import Dataset, Jobs
from autolora.service.workplace import Workplace
from autolora.values import listed

_LONGEST_NAME = 120


def file_name(name: str, kind: str, packed: bool) -> str:
    """Return the name of a dataset's file in its folder: of the user's name only what is harmless in a path.

    Messages and reports name the file by it, so that it must be known again.
    """
    return f"{name_from(shown_name(name))}.{kind}{'.gz' if packed else ''}"


def shown_name(name: str) -> str:
    """Return a file's name as it is shown: without folders, controls and what turns the reading direction."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    clean = "".join(character for character in last if unicodedata.category(character)[0] != "C").strip()
    if len(clean) > _LONGEST_NAME:
        stem, _, end = clean.rpartition(".")
        clean = f"{stem[: _LONGEST_NAME - 10]}….{end[:8]}" if stem else clean[:_LONGEST_NAME]
    return clean or "table"


def kind_of(name: str) -> tuple[str, bool]:
    """Return what kind of table a file's name says it is, and whether it is packed.

    Raises:
        Invalid: If it is none that can be read.
    """
    lower = name.lower()
    packed = lower.endswith(".gz")
    _, dot, kind = lower.removesuffix(".gz").rpartition(".")
    if f"{dot}{kind}" not in (TEXT_READERS if packed else (*TEXT_READERS, *TYPED_READERS)):
        raise Invalid(
            f"the name of the file must end with one of {listed((*TEXT_READERS, *TYPED_READERS))} (text files also with"
            f" .gz after it), but it is {shown_name(name)!r}",
            "save the table as CSV",
            param="name",
        )
    return kind, packed


async def take_in(jobs: Jobs, place: Workplace, name: str, pieces: AsyncIterable[bytes]) -> Dataset:
    """Keep an upload.

    Args:
        jobs: The tables.
        place: The data folder.
        name: Of the user's file.
        pieces: Its content, some at a time.

    Raises:
        Invalid: If its name is that of no table, or it is empty; nothing is left of it then.
    """
    kind, packed = kind_of(name)
    id, file = new_id(Prefix.DATA), file_name(name, kind, packed)
    folder = place.dataset(id)
    await run_in_threadpool(folder.mkdir, 0o700, True)
    try:
        size, digest = await _written(folder / file, pieces)
        if size == 0:
            raise Invalid("the file is empty", "choose a table with a header and rows", param="file")
        return await run_in_threadpool(
            lambda: jobs.add_dataset(id=id, name=shown_name(name), file=file, bytes=size, sha256=digest)
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


async def _written(path: Path, pieces: AsyncIterable[bytes]) -> tuple[int, str]:
    """Write what comes, and return how many bytes that were and their SHA-256."""
    size, digest = 0, hashlib.sha256()
    with open(path, "xb") as file:
        async for piece in pieces:
            size += len(piece)
            await run_in_threadpool(_take, piece, file, digest)
        await run_in_threadpool(_keep, file)
    return size, digest.hexdigest()


def _keep(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _take(piece: bytes, file: BinaryIO, digest: hashlib._Hash) -> None:
    file.write(piece)
    digest.update(piece)
