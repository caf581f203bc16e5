"""Files that reviewers save in the page: read, and checked against the key. Knows no estimate.

A file carries a SHA-256 of what it says. That finds damage and careless edits; it is no signature, since whoever can
run the page can compute it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from autolora.errors import RequestError
from autolora.records.review import JUDGEMENTS
from autolora.review.records import Judgement, Review, ReviewKey
from autolora.values import folded, listed, shown

SCHEMA = 1
_NUMBER = re.compile(r"[-+\u2212]?([0-9]+\.?[0-9]*|\.[0-9]+)")


@dataclass(frozen=True, kw_only=True)
class SavedReview:
    """What the page saves, schema 1."""

    schema: int
    run: str
    review: str
    reviewer: str
    finished: bool
    """Whether it was saved as a whole; a draft can be loaded into the page again."""
    judgements: tuple[Judgement, ...]
    sha256: str


def content(path: Path) -> Any:
    """Return what a file of judgements holds as JSON values.

    Raises:
        RequestError: If it cannot be read, or is no JSON.
    """
    try:
        return msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise RequestError(
            f"the review file {str(path)!r} cannot be read: {error.strerror}", "check the path"
        ) from error
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise RequestError(
            f"{path.name} is no review file: it is not JSON", "give files that the page has saved, or an export"
        ) from None


def digest(it: SavedReview) -> str:
    """Return the SHA-256 of what a file says, as the page computes it: of a JSON list without white space."""
    said = [[j.answer, j.judgement, list(j.edit), j.reason] for j in it.judgements]
    listed_so = [it.schema, it.run, it.review, it.reviewer, it.finished, said]
    plain = json.dumps(listed_so, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def saved(found: Any, name: str) -> SavedReview:
    """Return the values of a file that the page has saved.

    Raises:
        RequestError: If they are of another shape, or do not match their checksum.
    """
    try:
        it = msgspec.convert(found, SavedReview)
    except msgspec.ValidationError as error:
        raise RequestError(f"{name} is no review file: {error}", "give files that the page has saved") from None
    if it.schema != SCHEMA:
        raise RequestError(
            f"{name} is of schema {it.schema}, but {SCHEMA} is read here",
            "read it with the autolora that made the page",
        )
    if digest(it) != it.sha256:
        raise RequestError(
            f"{name} was changed after it was saved: its content does not match its checksum",
            "load it into the page, which says the same, or have the reviewer save it again",
        )
    return it


def reviewed(it: SavedReview, key: ReviewKey, name: str) -> Review:
    """Return what a file's reviewer says, checked against the key.

    Raises:
        RequestError: If it belongs to another run or review, names no reviewer, or is not whole.
    """
    if it.run != key.run:
        raise RequestError(
            f"{name} belongs to another run: {it.run!r} is not {key.run!r}", "name the run it was made of"
        )
    if it.review != key.id:
        raise RequestError(
            f"{name} is of review {it.review!r}, but {key.id!r} is being read", "read files of one review at a time"
        )
    return checked(Review(reviewer=it.reviewer.strip(), judgements=it.judgements), key, name, finished=it.finished)


def checked(review: Review, key: ReviewKey, name: str, *, finished: bool = True) -> Review:
    """Return one reviewer's judgements in the order of the key.

    Raises:
        RequestError: If there is no name, an answer is unknown, judged twice or not at all, or a judgement is none.
    """
    if not review.reviewer:
        raise RequestError(f"{name} names no reviewer", "fill in the name in the page, and save again")
    answers = key.answers
    twice = [answer for answer, times in Counter(j.answer for j in review.judgements).items() if times > 1]
    if twice:
        raise RequestError(f"{name} judges answer {twice[0]} more than once", "have the reviewer save it again")
    for one in review.judgements:
        _check(one, key, name)
    whole = {one.answer: one for one in review.judgements if is_whole(one, key)}
    missing = [answer for answer in answers if answer not in whole]
    if missing or not finished:
        state = (
            f"{len(missing)} of {len(answers)} answers are" if len(missing) != 1 else f"1 of {len(answers)} answers is"
        )
        raise RequestError(
            f"{name}, by {review.reviewer}, is unfinished: {state} still to be judged"
            + (f", the first is {missing[0]}" if missing else ""),
            "an edit needs what it should have been, a rejection a reason; finish it and save it again",
        )
    return replace(review, judgements=tuple(whole[answer] for answer in answers))


def _check(one: Judgement, key: ReviewKey, name: str) -> None:
    if one.answer not in key.answers:
        raise RequestError(
            f"{name} judges answer {shown(one.answer)}, which the review does not hold", "check the file"
        )
    where = f"{name}, answer {one.answer}"
    if one.judgement and one.judgement not in JUDGEMENTS:
        raise RequestError(
            f"{where}: a judgement must be one of {listed(JUDGEMENTS)}, but it is {shown(one.judgement)}",
            "have the reviewer save it again",
        )
    if one.judgement != "edit":
        return
    unknown = [edit for edit in one.edit if key.kind in ("class", "classes") and edit not in key.classes]
    if unknown:
        raise RequestError(f"{where}: there is no class {shown(unknown[0])}", f"classes: {listed(key.classes)}")
    if key.kind == "number" and any(edit.strip() and not _NUMBER.fullmatch(edit.strip()) for edit in one.edit):
        raise RequestError(f"{where}: {shown(one.edit[0])} is no number", "write it with digits and a decimal point")


def is_whole(one: Judgement, key: ReviewKey) -> bool:
    """Whether a judgement says all that it must: an edit what is right instead, and a rejection why."""
    if one.judgement == "edit":
        is_given = key.kind == "classes" or (len(one.edit) == 1 and bool(one.edit[0].strip()))
        return is_given and one.edited != key.answers[one.answer].text
    return one.judgement == "accept" or (one.judgement == "reject" and bool(one.reason.strip()))


def check_distinct(reviewers: Sequence[tuple[str, str]]) -> None:
    """Check that nobody is read twice, however the name is spelt.

    Args:
        reviewers: Name of each, with the file.

    Raises:
        RequestError: If two files are by one reviewer.
    """
    files: dict[str, str] = {}
    for reviewer, file in reviewers:
        before = files.get(folded(reviewer))
        if before is not None:
            raise RequestError(
                f"{before} and {file} are both by {reviewer!r}",
                "read one file a reviewer, or tell the two apart by name",
            )
        files[folded(reviewer)] = file
