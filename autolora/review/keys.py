"""Keys of reviews in the run folder: which candidate gave which answer. They never leave it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from autolora.durable import unwritable, write_whole
from autolora.errors import RequestError, RunFolderError
from autolora.records import from_json, to_json
from autolora.review.records import ReviewKey
from autolora.store import REVIEWS
from autolora.values import shown


def keep(run: Path, key: ReviewKey) -> None:
    """Keep a key; that of the same sample is the same.

    Raises:
        RunFolderError: If it cannot be written.
    """
    path = _path(run, key.id)
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
    write_whole(path, to_json(key, indent=1).encode(), at="review.key")


def of(run: Path, review: object, name: str) -> ReviewKey:
    """Return the key of a review.

    Args:
        run: The run folder.
        review: Its id, as a file names it.
        name: Of that file, for messages.

    Raises:
        RequestError: If no such review was made of this run.
        RunFolderError: If the key is damaged.
    """
    known = {path.name: path for path in (run / REVIEWS).glob("key-*.json")}
    path = known.get(f"key-{review}.json")
    if path is None:
        raise RequestError(
            f"{name} is of review {shown(review)}, which was not made of the run {str(run)!r}",
            "name the run that it was made of",
        )
    try:
        return from_json(path.read_bytes(), ReviewKey)
    except msgspec.MsgspecError as error:
        raise RunFolderError(
            f"{path.name} in {str(path.parent)!r} cannot be read: {error}",
            "make the review again, with the same --seed",
        ) from error


def _path(run: Path, review: str) -> Path:
    return run / REVIEWS / f"key-{review}.json"
