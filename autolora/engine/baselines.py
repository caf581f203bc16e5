"""Rivals that need no adapter: the same answer for every text, and TF-IDF with a linear model. Knows no torch."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autolora.records import Split
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import Problem

Array = NDArray[Any]

_PENALTIES = (1.0, 3.0, 10.0, 30.0)
"""Inverse regularisation strengths tried for logistic regression; the validation split chooses."""
_RIDGE_PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Regularisation strengths tried for numbers, likewise."""
_SPACELESS = 0.05
"""Share of white space among characters under which a language is taken to write without spaces."""
_COUNTED_WORD = re.compile(r"\b\w\w+\b")
"""What scikit-learn counts as a word; single letters are none."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A rival, fitted on the training split."""

    name: str
    description: str
    validation: Array
    """Outputs for the validation rows, as a trial's; see ``Problem.outputs``."""
    test: Array
    """Outputs for the test rows."""
    parameters: int
    bytes: int
    """What has to be stored to use it."""
    seconds: float
    peak_memory_bytes: int = 0
    """Of training it, where that is worth telling."""
    seconds_a_row: float | None = None
    """Of answering a row, in batches; None where nobody measured it."""


def constant(problem: Problem, metric: str, train: Split, validation: Split, test: Split) -> Fitted:
    """Return what scores best on the training split if every row gets the same answer."""
    one = problem.constant(metric, problem.targets(train.labels))
    single = problem.name == "single_label"
    return Fitted(
        name="majority" if single else "constant",
        description="Always the most frequent class" if single else "Always the same answer",
        validation=np.repeat(one, len(validation), axis=0),
        test=np.repeat(one, len(test), axis=0),
        parameters=0,
        bytes=0,
        seconds=0.0,
        seconds_a_row=0.0,
    )


def tfidf(problem: Problem, metric: str, train: Split, validation: Split, test: Split) -> Fitted:
    """Return TF-IDF features (words and pairs of words; characters where words are not spaced) with a linear model."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    start = time.perf_counter()
    spaced = _has_words(train.texts)
    features = TfidfVectorizer(sublinear_tf=True, **grams(train.texts))
    seen, unseen = features.fit_transform(train.texts), features.transform(validation.texts)
    targets = problem.targets(train.labels)
    scorer = Scorer.build(metric, problem.targets(validation.labels), len(problem.classes))

    def loss(model: Any) -> float:
        return scorer.objective.loss(scorer.value(problem.decided(_outputs(problem, model, unseen), scorer)))

    best = min((model.fit(seen, targets) for model in _linear_models(problem)), key=loss)
    known = _outputs(problem, best, unseen)
    numbers = _parameters(best)
    answering = time.perf_counter()
    tested = _outputs(problem, best, features.transform(test.texts)) if len(test) else known[:0]
    answering = time.perf_counter() - answering
    return Fitted(
        name="tfidf",
        description=f"TF-IDF ({'words' if spaced else 'characters'}) with {_LINEAR[problem.name]}",
        validation=known,
        test=tested,
        parameters=numbers,
        bytes=8 * (numbers + len(features.vocabulary_)) + sum(len(term.encode()) for term in features.vocabulary_),
        seconds=time.perf_counter() - start,
        seconds_a_row=answering / len(test) if len(test) else None,
    )


_LINEAR = {
    "single_label": "logistic regression",
    "multi_label": "a logistic regression for each class",
    "regression": "ridge regression",
}


def _linear_models(problem: Problem) -> Iterator[Any]:
    """Yield the models to try, unfitted."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier

    if problem.name == "regression":
        yield from (Ridge(alpha=penalty) for penalty in _RIDGE_PENALTIES)
        return
    for penalty in _PENALTIES:
        model = LogisticRegression(C=penalty, max_iter=1000)
        yield OneVsRestClassifier(model) if problem.name == "multi_label" else model


def _outputs(problem: Problem, model: Any, features: Any) -> Array:
    """Return a fitted model's answers in the shape of a trial's outputs."""
    if problem.name == "multi_label":
        return np.asarray(model.predict_proba(features), dtype=np.float16)
    return np.asarray(model.predict(features))


def _parameters(model: Any) -> int:
    """Return how many numbers a fitted model has."""
    if hasattr(model, "estimators_"):  # a class that every or no training row has gets no model
        return sum(_parameters(one) for one in model.estimators_ if hasattr(one, "coef_"))
    return int(np.size(model.coef_) + np.size(model.intercept_))


def grams(texts: Sequence[str]) -> dict[str, Any]:
    """Return scikit-learn's settings for TF-IDF of such texts: words and pairs of words, or characters."""
    return {"ngram_range": (1, 2)} if _has_words(texts) else {"analyzer": "char", "ngram_range": (1, 3)}


def _has_words(texts: Sequence[str]) -> bool:
    """Return whether texts are written with spaces between words, of which some are long enough to be counted."""
    characters = "".join(texts)
    spaced = sum(map(str.isspace, characters)) >= _SPACELESS * len(characters)
    return spaced and any(_COUNTED_WORD.search(text) for text in texts)
