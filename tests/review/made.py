"""Made-up reviews: material, keys, and what reviewers say of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from autolora.data import prepare, record
from autolora.data_request import DataRequest
from autolora.records import AnsweredRow, AnswersRecord, PredictionsRecord
from autolora.request import Request, as_yaml
from autolora.review import files
from autolora.review.records import Item, Judgement, Material, Review, ReviewKey
from autolora.review.sampling import draw
from autolora.store import RunFolder
from tests.report import made_up

CHOSEN, DEFAULT, BASE = f"finalist_{made_up.CHOSEN}", "default_lora", "zero_shot"


def material(apart: int, alike: int, *, run: str = "run") -> Material:
    """Return rows on which the candidates differ, and rows on which they agree."""
    differing = {CHOSEN: "by the chosen", DEFAULT: "by the default", BASE: "by the base"}
    same = dict.fromkeys(differing, "by all")
    rows = [differing] * apart + [same] * alike
    return Material(
        run=run,
        chosen=CHOSEN,
        kind="text",
        classes=(),
        items=tuple(Item(row_id=str(at), answers=answers) for at, answers in enumerate(rows)),
    )


def key(apart: int = 6, alike: int = 3, rows: int = 9) -> ReviewKey:
    return draw(material(apart, alike), rows=rows, seed=0)


Opinion = Callable[[str, tuple[str, ...]], tuple[str, str, str]]
"""From an answer's id and whose it is to judgement, edit and reason."""


def accepts_all(_: str, __: tuple[str, ...]) -> tuple[str, str, str]:
    return "accept", "", ""


def accepts(*names: str) -> Opinion:
    """Return the opinion of one who accepts these candidates' answers, and rejects the others."""

    def judge(_: str, whose: tuple[str, ...]) -> tuple[str, str, str]:
        return ("accept", "", "") if set(names) & set(whose) else ("reject", "", "too vague")

    return judge


def review(it: ReviewKey, opinion: Opinion = accepts_all, reviewer: str = "Ada") -> Review:
    said = []
    for answer in it.answers.values():
        judgement, edit, reason = opinion(answer.id, answer.candidates)
        said.append(Judgement(answer=answer.id, judgement=judgement, edit=(edit,) if edit else (), reason=reason))
    return Review(reviewer=reviewer, judgements=tuple(said))


def saved(it: ReviewKey, opinion: Opinion = accepts_all, reviewer: str = "Ada", **changed: Any) -> dict[str, Any]:
    """Return what the page saves: whole, with a checksum that is right whatever is changed."""
    content: dict[str, Any] = {
        "schema": 1, "run": it.run, "review": it.id, "reviewer": reviewer, "finished": True, "sha256": "",
        "judgements": msgspec.to_builtins(review(it, opinion, reviewer).judgements),
    } | changed  # fmt: skip
    return content | {"sha256": files.digest(msgspec.convert(content, files.SavedReview))}


def export(it: ReviewKey, opinion: Opinion = accepts_all, annotator: Any = 1) -> list[dict[str, Any]]:
    """Return a JSON export of Label Studio in its documented shape."""
    tasks = []
    for at, (item, answer) in enumerate(((i, a) for i in it.items for a in i.answers), start=1):
        judgement, edit, reason = opinion(answer.id, answer.candidates)
        controls = [
            ("judgement", "choices", [judgement]),
            ("edit", "textarea", [edit]),
            ("reason", "textarea", [reason]),
        ]
        result = [
            {
                "id": f"r{at}{name}", "from_name": name, "to_name": "answer", "type": kind, "origin": "manual",
                "value": {"choices" if kind == "choices" else "text": value},
            }
            for name, kind, value in controls
            if value[0]
        ]  # fmt: skip
        annotation = {
            "id": 100 + at, "completed_by": annotator, "result": result, "was_cancelled": False, "ground_truth": False,
            "created_at": "2025-03-09T22:16:08.728353Z", "updated_at": "2025-03-09T22:16:08.728378Z",
            "lead_time": 4.288, "result_count": 0, "task": at,
        }  # fmt: skip
        data = {
            "run": it.run,
            "review": it.id,
            "item": item.id,
            "answer_id": answer.id,
            "text": "?",
            "answer": answer.text,
        }
        tasks.append({"id": at, "data": data, "annotations": [annotation], "predictions": [], "project": 83})
    return tasks


def written_run(folder: Path, *, rows: int = 8, done: bool = True) -> Path:
    """Return the run folder of a made-up search whose adapters write; the last row has one answer from all."""
    made = made_up.writing()
    assert made.confirm is not None
    assert made.recommendation is not None
    run = RunFolder.create(folder, "version: 1\nname: product-reviews\nmetric: chrf\n")
    run.write_data(made.data)
    run.write_trials(made.trials)
    run.write_confirm(made.confirm)
    run.write_recommendation(made.recommendation)
    names = (CHOSEN, DEFAULT, BASE)
    run.write_answers(
        AnswersRecord(
            rows=tuple(
                AnsweredRow(
                    row_id=str(at),
                    prompt=f"question {at} <b>&",
                    wanted=f"the right one to {at}",
                    written={
                        name: f"{'the same' if at == rows - 1 else place} to {at}" for place, name in enumerate(names)
                    },
                )
                for at in range(rows)
            ),
            scores={name: {"chrf": 0.5} for name in names},
            row_scores=dict.fromkeys(names, (0.5,) * rows),
            seconds=dict.fromkeys(names, 0.25),
            word_lengths={"wanted": (1,) * 7} | dict.fromkeys(names, (1,) * 7),
        )
    )
    if done:
        run.write_done()
    return run.path


def labelled_run(folder: Path, *, rivals: tuple[str, ...] = ("head_only", "tfidf")) -> Path:
    """Return the run folder of a made-up search on labelled rows that stand in a file beside it.

    The chosen adapter is right on every row; the default is right on every other one, and rivals on none.
    """
    folder.mkdir()
    rows = "".join(f"parcel number {at},delivery\ncard number {at},money\n" for at in range(30))
    (folder / "rows.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    wanted = Request(data=DataRequest(path=str(folder / "rows.csv"), text="text", label="label"), base_model="m")
    dataset = prepare(wanted.data, seed=wanted.seed)
    run = RunFolder.create(folder / "run", as_yaml(wanted))
    confirmed = made_up.confirm()
    run.write_data(record(dataset, seed=wanted.seed, max_length=64))
    run.write_trials(made_up.trials())
    run.write_confirm(confirmed)
    run.write_recommendation(made_up.recommendation())
    truth = tuple(int(label) for label in dataset.test.labels)
    said = {CHOSEN: truth, DEFAULT: tuple(t if at % 2 else 1 - t for at, t in enumerate(truth))}
    said |= {name: tuple(1 - t for t in truth) for name in rivals}
    run.write_predictions(PredictionsRecord(row_ids=dataset.test.row_ids, truth=truth, predicted=said))
    run.write_done()
    return run.path
