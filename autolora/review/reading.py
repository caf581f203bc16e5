"""``autolora review read``: from files of judgements to the record, through the gate, into verdict and report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autolora import results
from autolora.errors import RequestError, RunFolderError
from autolora.pages import engineer_page
from autolora.records import Recommendation
from autolora.records.review import ReviewRecord
from autolora.review import files, keys, label_studio, sources
from autolora.review.gate import gated
from autolora.review.records import Review, ReviewKey
from autolora.review.result import result
from autolora.store import RunFolder


def read(run: Path, paths: Sequence[Path], *, min_accepted: float | None) -> tuple[ReviewRecord, Recommendation]:
    """Read what reviewers say into a run folder: ``review.json``, verdict and reasons, report.

    Reading again starts from the verdict of the search, and takes the place of what was read before.

    Args:
        run: The run folder.
        paths: Files that the page saved, and JSON exports of Label Studio; at least one.
        min_accepted: Share of the recommended adapter's answers that must be accepted as they are, if one is asked for.

    Returns:
        What the review came to, and the recommendation after it.

    Raises:
        RunFolderError: If the search is not finished, or has other answers than those that were judged.
        RequestError: If a file is not of this run and one review, was changed, or is not whole, or two are by one
            reviewer.
    """
    it = sources.finished(run)
    material = sources.material(it)
    key, reviews = _reviews(run, paths)
    if key.run != material.run or it.recommendation is None:
        raise RunFolderError(
            f"the answers in {str(run)!r} are not those of review {key.id!r}: the run folder was changed since",
            "bring it back as it was, or make a new review",
        )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = result(key, reviews, read_at=now, min_accepted=min_accepted)
    folder = RunFolder(run)
    with folder.owned():
        final = gated(it.recommendation, record)
        folder.write_review(record)
        folder.write_recommendation(final)
        folder.write_report(engineer_page(results.read(run)))
    return record, final


def _reviews(run: Path, paths: Sequence[Path]) -> tuple[ReviewKey, list[Review]]:
    """Return every reviewer's judgements, and the key of the one review that all files belong to."""
    found = [(path.name, files.content(path)) for path in paths]
    first, content = found[0]
    key = keys.of(run, _review_of(content, first), first)
    reviews: list[Review] = []
    whose: list[tuple[str, str]] = []
    for name, said in found:
        own = _own(said, key, name)
        reviews += own
        whose += [(review.reviewer, name) for review in own]
    files.check_distinct(whose)
    return key, reviews


def _own(said: Any, key: ReviewKey, name: str) -> list[Review]:
    """Return what one file says: a list is an export of Label Studio, anything else should be of the page."""
    if isinstance(said, list):
        return label_studio.reviews(said, key, name)
    return [files.reviewed(files.saved(said, name), key, name)]


def _review_of(said: Any, name: str) -> object:
    """Return the id of the review that a file belongs to.

    Raises:
        RequestError: If it does not say.
    """
    if isinstance(said, list):
        task = said[0] if said else None
        data = task.get("data") if isinstance(task, dict) else None
        review = data.get("review") if isinstance(data, dict) else None
    else:
        review = said.get("review") if isinstance(said, dict) else None
    if not isinstance(review, str):
        raise RequestError(
            f"{name} is no review file: it does not name its review",
            "give files that the page has saved, or JSON exports (not JSON-MIN) of Label Studio",
        )
    return review
