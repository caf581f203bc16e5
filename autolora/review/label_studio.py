"""A review in Label Studio's formats: tasks to import, the labelling interface, and its JSON export read back.

Formats as its documentation has them: tasks are ``[{"data": {...}}, ...]``; an exported task has ``annotations``, each
with ``completed_by`` and a ``result`` of regions, of which each names its control tag (``from_name``), its ``type`` and
a ``value`` under that type's name (``choices`` for Choices, ``text`` for TextArea; both are lists). A task is one
answer, so that every control can stand in the interface once, whatever number of answers a text has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from autolora.errors import RequestError
from autolora.records.review import JUDGEMENTS
from autolora.review.files import checked
from autolora.review.records import Judgement, Language, Review, ReviewKey
from autolora.review.wording import WORDINGS, Wording

_JUDGEMENT, _EDIT, _REASON = "judgement", "edit", "reason"
"""Names of the control tags."""
_EXPORT = "export the project as JSON (not JSON-MIN)"


def tasks(key: ReviewKey, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the tasks to import, an answer each, those of one text side by side.

    Args:
        key: What is shown.
        texts: Row → its text.
    """
    return [
        {
            "data": {
                "run": key.run,
                "review": key.id,
                "item": item.id,
                "answer_id": answer.id,
                "text": texts[item.row_id],
                "answer": answer.text,
            }
        }
        for item in key.items
        for answer in item.answers
    ]


def interface(key: ReviewKey, language: Language) -> str:
    """Return the labelling interface as XML."""
    say = WORDINGS[language]
    view = ElementTree.Element("View")
    _add(view, "Header", value=say.guidance)
    _add(view, "Header", value=say.blind)
    _add(view, "Text", name="text", value="$text")
    _add(view, "Header", value=say.answer)
    _add(view, "Text", name="answer", value="$answer")
    choices = _add(
        view, "Choices", name=_JUDGEMENT, toName="answer", choice="single-radio", showInline="true", required="true"
    )
    for name in JUDGEMENTS:
        _add(choices, "Choice", value=name, hint={"accept": say.accept, "edit": say.edit, "reject": say.reject}[name])
    change = _add(view, "View", visibleWhen="choice-selected", whenTagName=_JUDGEMENT, whenChoiceValue="edit")
    _change(change, key, say)
    _add(view, "Header", value=say.reason_needed)
    _add(view, "TextArea", name=_REASON, toName="answer", rows="1", maxSubmissions="1", editable="true")
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def _change(view: ElementTree.Element, key: ReviewKey, say: Wording) -> None:
    """Add what a change is chosen from or written in."""
    titles = {"class": say.edit_class, "classes": say.edit_classes, "number": say.edit_number, "text": say.edit_text}
    _add(view, "Header", value=titles[key.kind])
    if key.kind in ("number", "text"):
        rows = "1" if key.kind == "number" else "4"
        _add(view, "TextArea", name=_EDIT, toName="answer", rows=rows, maxSubmissions="1", editable="true")
        return
    choice = "single" if key.kind == "class" else "multiple"
    classes = _add(view, "Choices", name=_EDIT, toName="answer", choice=choice)
    for name in key.classes:
        _add(classes, "Choice", value=name)


def _add(above: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(above, tag, attributes)


def reviews(found: list[Any], key: ReviewKey, name: str) -> list[Review]:
    """Return what each annotator of an export says, checked against the key; skipped tasks count as not judged.

    Args:
        found: The export's JSON.
        key: What was shown.
        name: Of the file, for messages.

    Raises:
        RequestError: If it is no export of this review's tasks, or an annotator has not judged every answer once.
    """
    said: dict[str, list[Judgement]] = {}
    for at, task in enumerate(found, start=1):
        where = f"{name}, task {at}"
        answer = _answer_of(task, key, where)
        for annotation in task["annotations"]:
            if not isinstance(annotation, dict) or not isinstance(annotation.get("result"), list):
                raise RequestError(f"{where} has an annotation without a result", _EXPORT)
            if not annotation.get("was_cancelled"):
                judgement = _judgement(annotation["result"], answer, where)
                said.setdefault(_annotator(annotation.get("completed_by"), where), []).append(judgement)
    if not said:
        raise RequestError(f"{name} holds no judgement: nobody has annotated its tasks", "export it when they have")
    return [
        checked(Review(reviewer=reviewer, judgements=tuple(judgements)), key, name)
        for reviewer, judgements in said.items()
    ]


def _answer_of(task: Any, key: ReviewKey, where: str) -> str:
    """Return the id of the answer that a task shows.

    Raises:
        RequestError: If the task is none of this review.
    """
    if (
        not isinstance(task, dict)
        or not isinstance(task.get("data"), dict)
        or not isinstance(task.get("annotations"), list)
    ):
        raise RequestError(f"{where} is none of Label Studio's: it has no data and annotations", _EXPORT)
    data = task["data"]
    if data.get("run") != key.run:
        raise RequestError(
            f"{where} belongs to another run: {data.get('run')!r} is not {key.run!r}", "name the run it was made of"
        )
    if data.get("review") != key.id:
        raise RequestError(
            f"{where} is of review {data.get('review')!r}, but {key.id!r} is being read",
            "read files of one review at a time",
        )
    known = key.answers.get(str(data.get("answer_id")))
    if known is None or known.text != data.get("answer"):
        raise RequestError(
            f"{where} does not show an answer of the review as it was made: answer_id {data.get('answer_id')!r}",
            "import the tasks anew, unchanged",
        )
    return known.id


def _annotator(completed_by: Any, where: str) -> str:
    """Return what an annotator is called: exports name them by number, or with all that is known of them."""
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("email") or completed_by.get("id")
    if isinstance(completed_by, str) and completed_by.strip():
        return completed_by.strip()
    if isinstance(completed_by, int) and not isinstance(completed_by, bool):
        return f"annotator {completed_by}"
    raise RequestError(f"{where} does not say by whom it was annotated (completed_by)", "export it with user details")


def _judgement(result: list[Any], answer: str, where: str) -> Judgement:
    """Return what one annotation says."""
    said: dict[str, tuple[str, ...]] = {}
    for region in result:
        if not isinstance(region, dict) or not isinstance(region.get("value"), dict):
            raise RequestError(f"{where} has a result without a value", _EXPORT)
        name, value = region.get("from_name"), region["value"]
        if name in (_JUDGEMENT, _EDIT, _REASON):
            listed = value.get("choices", value.get("text", []))
            parts = [listed] if isinstance(listed, str) else listed
            if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
                raise RequestError(f"{where}: {name} must be a list of texts", _EXPORT)
            said[name] = (*said.get(name, ()), *parts)
    return Judgement(
        answer=answer,
        judgement=" ".join(said.get(_JUDGEMENT, ())),
        edit=said.get(_EDIT, ()),
        reason=" ".join(said.get(_REASON, ())),
    )
