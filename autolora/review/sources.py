"""What a finished search has to be judged: its answers to the test rows, and the texts that they answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from autolora import request, store
from autolora.data import prepare
from autolora.errors import DataError, RunFolderError
from autolora.records import AnswersRecord, Label, PredictionsRecord, ProblemType, Recommendation
from autolora.report import text as words
from autolora.results import SearchRecord, read
from autolora.review.records import NO_CLASS, AnswerKind, Item, Material

KINDS: dict[ProblemType, AnswerKind] = {
    "single_label": "class",
    "multi_label": "classes",
    "regression": "number",
    "generation": "text",
}
_BASES = {True: ("zero_shot",), False: ("head_only", "tfidf")}
"""Whether answers are written → what stands for the base without an adapter: the first that there is."""


def finished(path: Path) -> SearchRecord:
    """Return a search that has ended.

    Raises:
        RunFolderError: If it has not, or the path is no run folder.
    """
    run = store.RunFolder.existing(path)
    if not run.is_done:
        raise RunFolderError(
            f"the search in {str(path)!r} is not finished, so there is nothing to review yet", "go on with --resume"
        )
    return read(path)


def material(it: SearchRecord) -> Material:
    """Return the answers of the recommended adapter, the default and the base to the test rows.

    Raises:
        RunFolderError: If the search recommends no adapter, or has kept no answers to the test rows.
    """
    found, chosen = it.recommendation, chosen_of(it)
    if found is None or chosen is None:
        raise RunFolderError(
            f"the search in {str(it.path)!r} found no adapter that could be reviewed", "search with more time or trials"
        )
    said = _written(it.answers) if found.problem == "generation" else _labels(it.predictions, it.data.classes)
    base = next((name for name in _BASES[found.problem == "generation"] if name in said), None)
    shown = [name for name in (chosen, "default_lora", base) if name is not None and name in said]
    if chosen not in shown:
        kept = store.ANSWERS if found.problem == "generation" else store.PREDICTIONS
        raise RunFolderError(
            f"{kept} in {str(it.path)!r} does not hold what {chosen} answers to the test rows", "search again"
        )
    rows = tuple(said[chosen])
    items = tuple(Item(row_id=row, answers={name: said[name][row] for name in shown}) for row in rows)
    return Material(
        run=_run_id(found, items), chosen=chosen, kind=KINDS[found.problem], classes=it.data.classes, items=items
    )


def texts(it: SearchRecord, row_ids: Sequence[str]) -> dict[str, str]:
    """Return the texts of test rows: where rows are labelled they are read again.

    Raises:
        DataError: If the data are not those that the search read.
    """
    if it.answers is not None:
        prompts = {row.row_id: row.prompt for row in it.answers.rows}
        return {row: prompts[row] for row in row_ids}
    wanted = request.read(it.path / store.TASK)
    dataset = prepare(wanted.data, seed=wanted.seed)
    if dataset.hash != it.data.hash:
        raise DataError(
            f"the data have changed since the search: {dataset.hash[:19]}… is not {it.data.hash[:19]}…",
            "bring back the file as it was, or search again",
        )
    places = {row: at for at, row in enumerate(dataset.test.row_ids)}
    return {row: dataset.test.texts[places[row]] for row in row_ids}


def chosen_of(it: SearchRecord) -> str | None:
    """Return the candidate that is recommended, None where none is."""
    if it.recommendation is None or it.recommendation.trial is None or it.confirm is None:
        return None
    return next((c.name for c in it.confirm.candidates if c.trial == it.recommendation.trial), None)


def _written(answers: AnswersRecord | None) -> dict[str, dict[str, str]]:
    """Return candidate → row → its answer; surrounding white space is not shown and makes no difference."""
    said: dict[str, dict[str, str]] = {}
    for row in answers.rows if answers is not None else ():
        for name, written in row.written.items():
            said.setdefault(name, {})[row.row_id] = written.strip()
    return said


def _labels(predictions: PredictionsRecord | None, classes: Sequence[str]) -> dict[str, dict[str, str]]:
    if predictions is None:
        return {}
    return {
        name: {row: _spelt(label, classes) for row, label in zip(predictions.row_ids, labels, strict=True)}
        for name, labels in predictions.predicted.items()
    }


def _spelt(label: Label, classes: Sequence[str]) -> str:
    """Return a label as a person reads it; numbers to four digits that count."""
    if isinstance(label, tuple):
        return ", ".join(classes[at] for at in label) or NO_CLASS
    if isinstance(label, float) or not classes:
        return words.plain(float(label), digits=4)
    return classes[int(label)]


def _run_id(found: Recommendation, items: Sequence[Item]) -> str:
    """Return a name of the search by what it found and answered; a review of it does not change that."""
    named = [found.name, found.data.hash, found.base_model.get("hash", ""), found.trial, found.seed]
    said = [[item.row_id, sorted(item.answers.items())] for item in items]
    return hashlib.sha256(json.dumps([named, said], ensure_ascii=False).encode()).hexdigest()[:16]
