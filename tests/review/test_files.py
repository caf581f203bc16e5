"""Files that reviewers save: bad ones are refused with one clear error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autolora.errors import RequestError
from autolora.review import files
from autolora.review.records import Judgement, Review, ReviewKey
from tests.review import made

pytestmark = pytest.mark.unit

KEY = made.key()
FIRST = next(iter(KEY.answers))
Content = dict[str, Any]


def read(content: Any, key: ReviewKey = KEY) -> Review:
    return files.reviewed(files.saved(content, "review.json"), key, "review.json")


def with_first(**changed: Any) -> Content:
    """Return a file that is right but for its first judgement."""
    said = made.saved(KEY)["judgements"]
    return made.saved(KEY, judgements=[said[0] | changed, *said[1:]])


def test_a_whole_file_is_read_in_the_order_of_the_key() -> None:
    backwards = made.saved(KEY, made.accepts(made.CHOSEN), judgements=made.saved(KEY)["judgements"][::-1])

    found = read(backwards)

    assert found.reviewer == "Ada"
    assert [one.answer for one in found.judgements] == list(KEY.answers)


def test_the_checksum_is_that_of_a_list_without_white_space() -> None:
    said = (Judgement(answer="001a", judgement="edit", edit=('届いた\n"',), reason="\u2028é"),)
    it = files.SavedReview(
        schema=1, run="r", review="v", reviewer="Ada", finished=True, judgements=said, sha256=""
    )  # fmt: skip

    # sha256 of [1,"r","v","Ada",true,[["001a","edit",["届いた\n\""],"<U+2028>é"]]], computed by coreutils' sha256sum.
    assert files.digest(it) == "a04d3d43cebf3c2d5ea7443827fddb991db17251b3d72f6d90977bc7ecbfd897"


def edited_by_hand() -> Content:
    content = made.saved(KEY)
    content["judgements"][0]["judgement"] = "reject"
    return content


CASES: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "of another run": (
        lambda: made.saved(KEY, run="elsewhere"),
        ("belongs to another run: 'elsewhere' is not 'run'", "name the run it was made of"),
    ),
    "of another review": (
        lambda: made.saved(KEY, review="0" * 12),
        ("is of review '000000000000', but", "read files of one review at a time"),
    ),
    "edited by hand": (edited_by_hand, ("was changed after it was saved", "its checksum", "save it again")),
    "a checksum that is none": (lambda: made.saved(KEY) | {"sha256": "abc"}, ("was changed after it was saved",)),
    "of a newer schema": (lambda: made.saved(KEY, schema=2), ("is of schema 2, but 1 is read here",)),
    "of another shape": (lambda: {"review": KEY.id}, ("is no review file", "missing required field", "page has saved")),
    "no object": (lambda: "review", ("is no review file", "Expected `object`")),
    "saved unfinished": (
        lambda: made.saved(KEY, finished=False, judgements=made.saved(KEY)["judgements"][:4]),
        ("by Ada, is unfinished: 17 of 21 answers are still to be judged", f"the first is {list(KEY.answers)[4]}"),
    ),
    "an answer without a judgement": (
        lambda: made.saved(KEY, judgements=made.saved(KEY)["judgements"][1:]),
        ("is unfinished: 1 of 21 answers is still to be judged", f"the first is {FIRST}"),
    ),
    "a judgement that was left open": (lambda: with_first(judgement="", reason="hm"), ("1 of 21 answers is still",)),
    "a rejection without a reason": (
        lambda: with_first(judgement="reject", reason=" "),
        ("1 of 21 answers is still", "a rejection a reason"),
    ),
    "an edit without what is right": (lambda: with_first(judgement="edit", edit=[" "]), ("1 of 21 answers is still",)),
    "an edit that changes nothing": (
        lambda: with_first(judgement="edit", edit=[KEY.answers[FIRST].text]),
        ("1 of 21 answers is still", "an edit needs what it should have been"),
    ),
    "a judgement that is none": (
        lambda: with_first(judgement="maybe"),
        (f"answer {FIRST}: a judgement must be one of accept, edit, reject, but it is 'maybe'",),
    ),
    "an answer that is none": (
        lambda: with_first(answer="999z"),
        ("judges answer '999z', which the review does not hold",),
    ),
    "an answer judged twice": (
        lambda: made.saved(KEY, judgements=[*made.saved(KEY)["judgements"], made.saved(KEY)["judgements"][0]]),
        (f"judges answer {FIRST} more than once",),
    ),
    "no name": (lambda: made.saved(KEY, reviewer="  "), ("names no reviewer", "fill in the name")),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_is_refused_by_name_with_the_rule_and_the_way_out(case: str) -> None:
    content, says = CASES[case]

    with pytest.raises(RequestError) as error:
        read(content())

    assert str(error.value).startswith("review.json")
    assert error.value.hint
    assert not [words for words in says if words not in str(error.value)]


@pytest.mark.parametrize(
    ("kind", "edit", "says"),
    [
        ("class", ["repairs"], "there is no class 'repairs' (classes: money, repair)"),
        ("classes", ["money", "repairs"], "there is no class 'repairs'"),
        ("number", ["nine"], "'nine' is no number"),
        ("number", ["1e5"], "'1e5' is no number"),
    ],
)
def test_an_edit_must_be_what_answers_are(kind: Any, edit: list[str], says: str) -> None:
    key = replace(KEY, kind=kind, classes=("money", "repair") if kind.startswith("class") else ())

    with pytest.raises(RequestError, match="answer 001") as error:
        read(with_first(judgement="edit", edit=edit), key)

    assert says in str(error.value)


@pytest.mark.parametrize(
    ("kind", "edit"), [("class", ["money"]), ("classes", []), ("classes", ["money", "repair"]), ("number", ["-1.5"])]
)
def test_an_edit_that_is_what_answers_are_is_read(kind: Any, edit: list[str]) -> None:
    key = replace(KEY, kind=kind, classes=("money", "repair"))

    assert read(with_first(judgement="edit", edit=edit), key).judgements[0].edit == tuple(edit)


def test_one_reviewer_is_read_once_however_the_name_is_spelt() -> None:
    files.check_distinct([("Ada", "a.json"), ("Ben", "b.json")])

    with pytest.raises(RequestError, match=r"a.json and b.json are both by 'ADA '"):
        files.check_distinct([("Ada", "a.json"), ("ADA ", "b.json")])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff\xfe{", "is not JSON"),
        (b"[" * 10**5, "is not JSON"),
        (b'["\\ud800"]', "is not JSON"),
    ],
)
def test_a_file_that_is_no_json_is_refused(content: bytes | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "review.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(RequestError) as error:
        files.content(path)

    assert says in str(error.value)


def test_a_file_reads_back_as_the_json_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(made.saved(KEY)), encoding="utf-8")

    assert read(files.content(tmp_path / "a.json")) == made.review(KEY)
