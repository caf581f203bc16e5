"""How like a written answer is to the one that was wanted: a number between 0 and 1 for each. Knows texts only.

chrF and ROUGE-L are those of sacrebleu and rouge-score. Where a metric counts words, letters of languages without
spaces (kanji, kana, thai; hangul too) count as words of their own: rouge-score's own tokenizer knows only a to z.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autolora.values import folded

Floats = NDArray[np.float64]

_SPACELESS = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[{_SPACELESS}]|[^\W{_SPACELESS}]+")


def words(text: str) -> list[str]:
    """Return the words of a text, without differences of case, spacing or character width."""
    return _WORD.findall(folded(text))


def exact_match(wanted: Sequence[str], written: Sequence[str]) -> Floats:
    """Return for each answer whether it is the one that was wanted, but for case, spacing and character width."""
    return np.array([folded(one) == folded(other) for one, other in zip(wanted, written, strict=True)], dtype=float)


def token_f1(wanted: Sequence[str], written: Sequence[str]) -> Floats:
    """Return the F1 of each answer's words, as SQuAD counts them (arXiv 1606.05250), articles included."""
    return np.array([_f1(words(one), words(other)) for one, other in zip(wanted, written, strict=True)])


def rouge_l(wanted: Sequence[str], written: Sequence[str]) -> Floats:
    """Return the F1 of the longest common subsequence of words of each answer (Lin 2004)."""
    scorer = _rouge()
    pairs = zip(wanted, written, strict=True)
    return np.array([float(scorer.score(one, other)["rougeL"].fmeasure) for one, other in pairs])


def chrf(wanted: Sequence[str], written: Sequence[str]) -> Floats:
    """Return chrF2 of each answer (Popović 2015): the F2 of its runs of up to six characters."""
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF()
    pairs = zip(wanted, written, strict=True)
    return np.array([metric.sentence_score(other, [one]).score / 100 for one, other in pairs])


METRICS: dict[str, Callable[[Sequence[str], Sequence[str]], Floats]] = {
    "chrf": chrf,
    "rouge_l": rouge_l,
    "token_f1": token_f1,
    "exact_match": exact_match,
}


def _f1(wanted: list[str], written: list[str]) -> float:
    if not wanted or not written:
        return float(wanted == written)
    common = sum((Counter(wanted) & Counter(written)).values())
    return 2 * common / (len(wanted) + len(written))


class _Words:
    """rouge-score's idea of a tokenizer."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]

    return RougeScorer(["rougeL"], tokenizer=_Words())
