"""What finished adapters have answered, where answers are written: kept beside their weights, and told in a record.

Knows adapters, splits and texts; trains nothing and chooses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from msgspec import MsgspecError
from numpy.typing import NDArray

from autolora.data.conversations import last_prompt
from autolora.durable import write_whole
from autolora.engine.jobs import Finished, Written
from autolora.records import QUANTILES, AnsweredRow, AnswersRecord, GeneralText, Split, from_json, to_json
from autolora.tasks import text_metrics

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
    """Answers of adapters on splits, kept in files."""

    folder: Path
    closed: tuple[str, ...] = ()
    """The answers to choose from; none lets them be written."""

    def ask(self, engines: Asked, split: str, adapters: Sequence[tuple[str, str, Finished | None]]) -> None:
        """Have those adapters answer together whose answers to a split are not kept yet.

        Args:
            engines: Who know the split under its name.
            split: Of which every row is answered.
            adapters: Name, SHA-256 of the weights, and the adapter; None is the base without one.
        """
        due = [(name, sha, adapter) for name, sha, adapter in adapters if self.find(split, name, sha) is None]
        if not due:
            return
        found = engines.answers([adapter for _, _, adapter in due], split, closed=self.closed)
        for (name, sha, _), written in zip(due, found, strict=True):
            kept = Kept(weights_sha256=sha, written=written)
            write_whole(self._path(split, name), to_json(kept).encode(), at="confirm.answers")

    def of(self, split: str, name: str, sha: str = "") -> Written:
        """Return what an adapter, or the base, has answered to a split.

        Raises:
            KeyError: If it was not asked.
        """
        kept = self.find(split, name, sha)
        if kept is None:
            raise KeyError(f"{name} was not asked")
        return kept

    def find(self, split: str, name: str, sha: str = "") -> Written | None:
        """Return what an adapter has answered, None where it was not asked."""
        try:
            kept = from_json(self._path(split, name).read_bytes(), Kept)
        except (FileNotFoundError, MsgspecError):
            return None
        return kept.written if kept.weights_sha256 == sha else None

    def _path(self, split: str, name: str) -> Path:
        return self.folder / f"{name}.{split}.answers.json"


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
        slices=split.slices,
    )


def _lengths(answers: Sequence[str]) -> tuple[int, ...]:
    lengths = [len(text_metrics.words(answer)) for answer in answers]
    return tuple(int(q) for q in np.quantile(lengths, list(QUANTILES.values()))) if lengths else ()
