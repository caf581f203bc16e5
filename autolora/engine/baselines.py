"""Rivals that need no adapter: the majority class, and TF-IDF with logistic regression. Knows texts; no torch."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autolora.records import Split

Ints = NDArray[np.int64]

_PENALTIES = (1.0, 3.0, 10.0, 30.0)
"""Inverse regularisation strengths tried for TF-IDF; the validation split chooses."""
_SPACELESS = 0.05
"""Share of white space among characters under which a language is taken to write without spaces."""
_COUNTED_WORD = re.compile(r"\b\w\w+\b")
"""What scikit-learn counts as a word; single letters are none."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A rival, fitted on the training split."""

    name: str
    description: str
    validation: Ints
    """Predicted classes of the validation rows."""
    test: Ints
    parameters: int
    bytes: int
    """What has to be stored to use it."""
    seconds: float


def majority(train: Split, validation: Split, test: Split) -> Fitted:
    """Return the largest class of the training split for every row."""
    largest = int(np.bincount(np.asarray(train.labels)).argmax())
    return Fitted(
        name="majority",
        description="Always the most frequent class",
        validation=np.full(len(validation), largest),
        test=np.full(len(test), largest),
        parameters=0,
        bytes=0,
        seconds=0.0,
    )


def tfidf(train: Split, validation: Split, test: Split) -> Fitted:
    """Return TF-IDF features (words and pairs of words; characters where words are not spaced) with a linear model."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    start = time.perf_counter()
    spaced = _has_words(train.texts)
    grams = {"ngram_range": (1, 2)} if spaced else {"analyzer": "char", "ngram_range": (1, 3)}
    true = np.asarray(validation.labels)
    best, most_hits = None, -1
    for penalty in _PENALTIES:
        model = make_pipeline(
            TfidfVectorizer(sublinear_tf=True, **grams), LogisticRegression(C=penalty, max_iter=1000)
        ).fit(train.texts, train.labels)
        hits = int((model.predict(validation.texts) == true).sum())
        if hits > most_hits:
            best, most_hits = model, hits
    assert best is not None
    weights, vocabulary = best[-1].coef_, best[0].vocabulary_
    return Fitted(
        name="tfidf",
        description=f"TF-IDF ({'words' if spaced else 'characters'}) with logistic regression",
        validation=np.asarray(best.predict(validation.texts), dtype=np.int64),
        test=np.asarray(best.predict(test.texts), dtype=np.int64) if len(test) else np.zeros(0, np.int64),
        parameters=int(weights.size + len(weights)),
        bytes=int(weights.nbytes + 8 * len(vocabulary) + sum(len(term.encode()) for term in vocabulary)),
        seconds=time.perf_counter() - start,
    )


def _has_words(texts: tuple[str, ...]) -> bool:
    """Return whether texts are written with spaces between words, of which some are long enough to be counted."""
    characters = "".join(texts)
    spaced = sum(map(str.isspace, characters)) >= _SPACELESS * len(characters)
    return spaced and any(_COUNTED_WORD.search(text) for text in texts)
