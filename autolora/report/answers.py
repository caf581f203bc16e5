"""What the page shows of written answers: how like each candidate's are to the wanted ones, and which changed most."""

from __future__ import annotations

from dataclasses import dataclass

from autolora.report import words
from autolora.report.source import SearchReport

_OF_TEXTS = ("chrf", "rouge_l", "token_f1", "exact_match")
_OF_LOSSES = ("completion_loss", "perplexity")
_SHOWN = 12
"""Rows before and after: half of them those that gained most, half those that lost most."""


@dataclass(frozen=True, kw_only=True)
class AnswerRow:
    """One candidate's answers."""

    name: str
    chosen: bool
    scores: dict[str, float]
    seconds: float
    lengths: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Changed:
    """One test row, before and after."""

    row_id: str
    prompt: str
    wanted: str
    written: tuple[tuple[str, str, float | None], ...]
    """Candidate, its answer, and the answer's chrF."""


def metrics(report: SearchReport) -> tuple[str, ...]:
    """Return the metrics of the table: the one that decides first."""
    first = (report.metric_key,) if report.metric_key in _OF_TEXTS else ()
    return (*first, *(key for key in _OF_TEXTS if key not in first), *_OF_LOSSES)


def names(report: SearchReport) -> dict[str, str]:
    """Return what the page calls each candidate."""
    found = {name: words.baseline_name(name) for name in (report.answers.scores if report.answers else ())}
    if (chosen := report.chosen_candidate) is not None:
        found[chosen.name] = words.candidate_name(chosen)
    return found


def rows(report: SearchReport) -> tuple[AnswerRow, ...]:
    """Return every candidate with its scores: the chosen one first."""
    answers = report.answers
    if answers is None:
        return ()
    named, chosen = names(report), report.chosen_candidate
    ordered = sorted(answers.scores, key=lambda name: (chosen is None or name != chosen.name, _order(name)))
    return tuple(
        AnswerRow(
            name=named[name],
            chosen=chosen is not None and name == chosen.name,
            scores=answers.scores[name],
            seconds=answers.seconds.get(name, 0.0),
            lengths=answers.word_lengths.get(name, ()),
        )
        for name in ordered
    )


def changed(report: SearchReport) -> tuple[Changed, ...]:
    """Return the rows whose answers changed most against the base: those that gained, then those that lost."""
    answers, chosen = report.answers, report.chosen_candidate
    if answers is None or chosen is None or chosen.name not in answers.row_scores:
        return ()
    after, before = answers.row_scores[chosen.name], answers.row_scores.get("zero_shot", ())
    if len(after) != len(before):
        return ()
    gains = [one - other for one, other in zip(after, before, strict=True)]
    by_gain = sorted(range(len(gains)), key=lambda at: (-gains[at], at))
    half = _SHOWN // 2
    lost = [at for at in reversed(by_gain) if gains[at] < 0][:half]
    gained = [at for at in by_gain if gains[at] >= 0 and at not in lost][: _SHOWN - len(lost)]
    named = names(report)
    return tuple(
        Changed(
            row_id=answers.rows[at].row_id,
            prompt=answers.rows[at].prompt,
            wanted=answers.rows[at].wanted,
            written=tuple(
                (named.get(name, name), text, answers.row_scores[name][at] if name in answers.row_scores else None)
                for name, text in answers.rows[at].written.items()
            ),
        )
        for at in (*gained, *lost)
    )


def _order(name: str) -> tuple[int, str]:
    known = words.BASELINE_ORDER
    return (known.index(name) if name in known else -1, name)
