"""A review in Label Studio's formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from autolora.errors import RequestError
from autolora.review import label_studio
from autolora.review.records import AnswerKind, Language, ReviewKey
from tests.review import made

pytestmark = pytest.mark.unit

KEY = made.key()
TEXTS = {item.row_id: f"text of {item.row_id}" for item in KEY.items}


def controls(key: ReviewKey, language: Language = "en") -> dict[str, ElementTree.Element]:
    """Return the tags of the interface that have a name."""
    root = ElementTree.fromstring(label_studio.interface(key, language))
    assert root.tag == "View"
    return {tag.attrib["name"]: tag for tag in root.iter() if "name" in tag.attrib}


def test_a_task_is_one_answer_and_says_neither_whose_nor_which_row() -> None:
    tasks = label_studio.tasks(KEY, TEXTS)

    assert [task["data"]["answer_id"] for task in tasks] == list(KEY.answers)
    assert all(set(task) == {"data"} for task in tasks)
    first = KEY.items[0]
    assert tasks[0]["data"] == {
        "run": KEY.run, "review": KEY.id, "item": "001", "answer_id": "001a", "text": TEXTS[first.row_id],
        "answer": first.answers[0].text,
    }  # fmt: skip
    assert not [name for name in KEY.candidates for task in tasks if name in str(task)]


def test_the_interface_shows_what_the_tasks_hold_and_every_control_belongs_to_the_answer() -> None:
    found = controls(KEY)

    assert {tag.attrib["value"] for name, tag in found.items() if tag.tag == "Text"} == {"$text", "$answer"}
    assert {name for name, tag in found.items() if tag.tag != "Text"} == {"judgement", "edit", "reason"}
    assert {tag.attrib["toName"] for tag in found.values() if tag.tag != "Text"} == {"answer"}
    assert [choice.attrib["value"] for choice in found["judgement"]] == ["accept", "edit", "reject"]
    assert found["judgement"].attrib["required"] == "true"


@pytest.mark.parametrize(
    ("kind", "tag", "choice"),
    [
        ("class", "Choices", "single"),
        ("classes", "Choices", "multiple"),
        ("number", "TextArea", None),
        ("text", "TextArea", None),
    ],
)
def test_a_change_is_chosen_or_written_as_answers_are(kind: AnswerKind, tag: str, choice: str | None) -> None:
    classes = ("money & more", 'a "repair" <now>') if kind.startswith("class") else ()
    edit = controls(replace(KEY, kind=kind, classes=classes))["edit"]

    assert (edit.tag, edit.attrib.get("choice")) == (tag, choice)
    assert tuple(each.attrib["value"] for each in edit) == classes


def test_the_interface_speaks_japanese() -> None:
    assert [choice.attrib["hint"] for choice in controls(KEY, "ja")["judgement"]] == ["採用", "修正", "却下"]


def test_an_export_is_read_as_if_the_page_had_saved_it() -> None:
    def opinion(answer: str, whose: tuple[str, ...]) -> tuple[str, str, str]:
        return ("edit", "the van is late", "wrong name") if made.BASE in whose else ("accept", "", "")

    (found,) = label_studio.reviews(made.export(KEY, opinion), KEY, "export.json")

    assert found == made.review(KEY, opinion, "annotator 1")


def test_annotators_are_told_apart_and_skipped_tasks_are_not_judged() -> None:
    both = made.export(KEY, annotator=1)
    for task, other in zip(
        both, made.export(KEY, made.accepts(made.CHOSEN), annotator={"id": 7, "email": "b@x.org"}), strict=True
    ):
        task["annotations"] += other["annotations"]
    both[0]["annotations"].append({"completed_by": 9, "was_cancelled": True, "result": []})

    assert [review.reviewer for review in label_studio.reviews(both, KEY, "export.json")] == ["annotator 1", "b@x.org"]


def changed(**data: Any) -> list[dict[str, Any]]:
    """Return an export whose first task has other data."""
    tasks = made.export(KEY)
    return [tasks[0] | {"data": tasks[0]["data"] | data}, *tasks[1:]]


def annotated(**annotation: Any) -> list[dict[str, Any]]:
    """Return an export whose first task has another annotation."""
    tasks = made.export(KEY)
    return [tasks[0] | {"annotations": [tasks[0]["annotations"][0] | annotation]}, *tasks[1:]]


CASES: dict[str, tuple[Callable[[], list[Any]], tuple[str, ...]]] = {
    "JSON-MIN": (
        lambda: [{"run": KEY.run, "review": KEY.id, "judgement": "accept"}],
        ("task 1 is none of Label Studio's", "export the project as JSON (not JSON-MIN)"),
    ),
    "of another run": (lambda: changed(run="x"), ("task 1 belongs to another run: 'x' is not 'run'",)),
    "of another review": (lambda: changed(review="x"), ("task 1 is of review 'x'",)),
    "an unknown answer": (lambda: changed(answer_id="999z"), ("does not show an answer of the review", "'999z'")),
    "an answer that was edited": (lambda: changed(answer="better"), ("does not show an answer of the review",)),
    "nobody has judged": (lambda: [t | {"annotations": []} for t in made.export(KEY)], ("holds no judgement",)),
    "one task is missing": (lambda: made.export(KEY)[1:], ("by annotator 1, is unfinished: 1 of 21 answers is",)),
    "a skipped task": (lambda: annotated(was_cancelled=True), ("is unfinished: 1 of 21 answers is",)),
    "a task judged twice": (lambda: [*made.export(KEY), made.export(KEY)[0]], ("judges answer 001a more than once",)),
    "no annotator": (lambda: annotated(completed_by=None), ("does not say by whom", "with user details")),
    "no result": (lambda: annotated(result=None), ("has an annotation without a result",)),
    "a result without a value": (lambda: annotated(result=[{"from_name": "judgement"}]), ("a result without a value",)),
    "a value that is no list": (
        lambda: annotated(result=[{"from_name": "judgement", "value": {"choices": 3}}]),
        ("judgement must be a list of texts",),
    ),
    "a judgement that is none": (
        lambda: annotated(result=[{"from_name": "judgement", "value": {"choices": ["fine"]}}]),
        ("a judgement must be one of accept, edit, reject, but it is 'fine'",),
    ),
    "a rejection without a reason": (
        lambda: annotated(result=[{"from_name": "judgement", "value": {"choices": ["reject"]}}]),
        ("is unfinished: 1 of 21 answers is", "a rejection a reason"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_export_is_refused_by_name_with_the_rule_and_the_way_out(case: str) -> None:
    content, says = CASES[case]

    with pytest.raises(RequestError) as error:
        label_studio.reviews(content(), KEY, "export.json")

    assert str(error.value).startswith("export.json")
    assert error.value.hint
    assert not [words for words in says if words not in str(error.value)]
