"""What finished adapters have answered, where answers are written: kept beside their weights, and told in a record.

Knows adapters, splits and texts; trains nothing and chooses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from msgspec import MsgspecError
from numpy.typing import NDArray

from autolora.data.conversations import last_prompt
from autolora.durable import write_whole
from autolora.engine.baselines import SHOTS, Fitted, constant, few_shot, nearest, nearest_by_base, tfidf
from autolora.engine.jobs import Finished, Written
from autolora.objectives import GUIDE
from autolora.records import QUANTILES, AnsweredRow, AnswersRecord, Dataset, GeneralText, Split, from_json, to_json
from autolora.tasks import text_metrics
from autolora.tasks.problems import SingleLabel, problem_of

Array = NDArray[Any]


class Asked(Protocol):
    """What this needs of the engines."""

    def answers(self, adapters: Sequence[Finished | None], split: str, *, closed: Sequence[str] = ()) -> list[Written]:
        """Return what each finished adapter, or the bare base, answers to a split's prompts."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Answers on the disk, and of which weights they are."""

    weights_sha256: str
    written: Written


@dataclass(frozen=True, kw_only=True)
class AnswerShelf:
    """Answers on one split, kept in files."""

    folder: Path
    split: str
    closed: tuple[str, ...]
    """The answers to choose from; none lets them be written."""

    def ask(self, engines: Asked, adapters: Sequence[tuple[str, str, Finished | None]]) -> None:
        """Have those adapters answer together whose answers are not kept yet.

        Args:
            engines: Who hold the split under its name.
            adapters: Name, SHA-256 of the weights, and the adapter; None is the base without one.
        """
        due = [each for each in adapters if self._kept(each[0], each[1]) is None]
        if not due:
            return
        found = engines.answers([adapter for _, _, adapter in due], self.split, closed=self.closed)
        for (name, sha, _), written in zip(due, found, strict=True):
            kept = Kept(weights_sha256=sha, written=written)
            write_whole(self._path(name), to_json(kept).encode(), at="confirm.answers")

    def of(self, name: str, sha: str) -> Written:
        """Return what an adapter has answered."""
        kept = self._kept(name, sha)
        if kept is None:
            raise KeyError(f"{name} was not asked")
        return kept

    def _kept(self, name: str, sha: str) -> Written | None:
        try:
            kept = from_json(self._path(name).read_bytes(), Kept)
        except (FileNotFoundError, MsgspecError):
            return None
        return kept.written if kept.weights_sha256 == sha else None

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.{self.split}.answers.json"


def texts(written: Written) -> Array:
    """Return answers as predictions ``(rows,)``."""
    return np.asarray(written.texts, dtype=str)


def record(
    split: Split,
    answered: dict[str, Written],
    *,
    losses: dict[str, Array],
    chat: bool,
    shown: Sequence[str],
    forgetting: GeneralText | None,
) -> AnswersRecord:
    """Return what ``answers.json`` keeps.

    Args:
        split: The test rows.
        answered: Candidate → its answers.
        losses: Candidate → summed loss and tokens of the wanted answers ``(rows, 2)``.
        chat: Whether texts are conversations.
        shown: Candidates whose answers are kept row by row.
        forgetting: Losses on a general text.
    """
    wanted = [str(label) for label in split.labels]
    row_scores = {name: text_metrics.chrf(wanted, list(written.texts)) for name, written in answered.items()}
    scores: dict[str, dict[str, float]] = {}
    for name, written in answered.items():
        own = {"chrf": float(row_scores[name].mean())}
        for metric in ("rouge_l", "token_f1", "exact_match"):
            own[metric] = float(text_metrics.METRICS[metric](wanted, list(written.texts)).mean())
        if name in losses:
            summed, tokens = losses[name].sum(axis=0)
            own |= {"completion_loss": float(summed / tokens), "perplexity": math.exp(min(summed / tokens, 700.0))}
        scores[name] = own
    return AnswersRecord(
        rows=tuple(
            AnsweredRow(
                row_id=split.row_ids[row],
                prompt=last_prompt(split.texts[row], chat=chat),
                wanted=wanted[row],
                written={name: answered[name].texts[row] for name in shown if name in answered},
            )
            for row in range(len(split))
        ),
        scores=scores,
        row_scores={name: tuple(map(float, row_scores[name])) for name in shown if name in row_scores},
        seconds={name: written.seconds for name, written in answered.items()},
        word_lengths={"wanted": _lengths(wanted)} | {name: _lengths(answered[name].texts) for name in answered},
        general=forgetting,
    )


def _lengths(answers: Sequence[str]) -> tuple[int, ...]:
    lengths = [len(text_metrics.words(answer)) for answer in answers]
    return tuple(int(q) for q in np.quantile(lengths, list(QUANTILES.values()))) if lengths else ()


def written_rivals(dataset: Dataset, engines: Any, shelves: dict[str, AnswerShelf]) -> list[Fitted]:
    """Return what needs no adapter: answers of old, and the bare base, with and without examples in its prompts.

    Args:
        dataset: The rows that were confirmed on; engines know them as ``validation`` and ``test``.
        engines: Who hold the base.
        shelves: By split, where answers are kept; none where only losses are compared, which old answers have none of.
    """
    parts = {"validation": dataset.validation, "test": dataset.test}
    if not shelves:
        losses = {split: engines.outputs([None], split)[0] for split in parts}
        return [_base("zero_shot", "The base without an adapter", losses)]
    for split, rows in parts.items():
        shown = few_shot(dataset.train, rows, chat=dataset.chat)
        engines.add_split(f"few_shot_{split}", shown, SHOTS)
        shelves[split].ask(engines, [("zero_shot", "", None)])
        replace(shelves[split], split=f"few_shot_{split}").ask(engines, [("few_shot", "", None)])
    zero = {split: shelves[split].of("zero_shot", "") for split in parts}
    few = {split: replace(shelves[split], split=f"few_shot_{split}").of("few_shot", "") for split in parts}
    problem, closed = problem_of(dataset), shelves["test"].closed
    return [
        *([_classifier(dataset, closed)] if closed else ()),
        constant(problem, GUIDE, dataset.train, dataset.validation, dataset.test),
        nearest(dataset.train, dataset.validation, dataset.test, chat=dataset.chat),
        nearest_by_base(dataset.train, *engines.prompt_vectors(("train", "validation", "test"))),
        *(
            _base(name, words, {split: texts(written) for split, written in asked.items()})
            for name, words, asked in (
                ("zero_shot", "The base without an adapter", zero),
                ("few_shot", f"The base, shown the {SHOTS} nearest training rows in the prompt", few),
            )
        ),
    ]


def _classifier(dataset: Dataset, closed: tuple[str, ...]) -> Fitted:
    """Return TF-IDF with a linear model, which takes the answers of a closed set for classes."""
    place = {answer: at for at, answer in enumerate(closed)}

    def as_classes(split: Split) -> Split:
        prompts = tuple(last_prompt(text, chat=dataset.chat) for text in split.texts)
        return replace(split, texts=prompts, labels=tuple(place[str(label)] for label in split.labels))

    parts = map(as_classes, (dataset.train, dataset.validation, dataset.test))
    fitted = tfidf(SingleLabel(classes=closed), "accuracy", *parts)
    return replace(
        fitted,
        validation=np.array([closed[at] for at in fitted.validation], dtype=str),
        test=np.array([closed[at] for at in fitted.test], dtype=str),
    )


def _base(name: str, description: str, outputs: dict[str, Array]) -> Fitted:
    return Fitted(
        name=name,
        description=description,
        validation=outputs["validation"],
        test=outputs["test"],
        parameters=0,
        bytes=0,
        seconds=0.0,
    )
