from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.metrics import f1_score

from autolora.engine import baselines
from autolora.records import Split
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import MultiLabel, Regression, SingleLabel
from tests.conftest import made_up_split

pytestmark = pytest.mark.unit


def split(*rows: tuple[str, int]) -> Split:
    return Split(
        texts=tuple(text for text, _ in rows),
        labels=tuple(label for _, label in rows),
        row_ids=tuple(str(at) for at in range(len(rows))),
    )


THREE = SingleLabel(classes=("delivery", "money", "repair"))


def tfidf(train: Split, validation: Split, test: Split) -> baselines.Fitted:
    return baselines.tfidf(THREE, "macro_f1", train, validation, test)


def test_the_majority_is_that_of_the_training_rows() -> None:
    train = split(("a", 2), ("b", 2), ("c", 0))

    fitted = baselines.constant(THREE, "macro_f1", train, split(("d", 0), ("e", 0)), split(("f", 1)))

    assert fitted.name == "majority"
    assert fitted.validation.tolist() == [2, 2]
    assert fitted.test.tolist() == [2]
    assert (fitted.parameters, fitted.bytes) == (0, 0)


def test_tfidf_learns_what_words_tell() -> None:
    train, validation, test = (made_up_split(rows, seed=seed) for rows, seed in ((96, 1), (48, 2), (48, 3)))

    fitted = tfidf(train, validation, test)

    assert fitted.name == "tfidf"
    assert fitted.description == "TF-IDF (words) with logistic regression"
    assert f1_score(test.labels, fitted.test, average="macro") > 0.8
    assert len(fitted.validation) == 48
    assert fitted.parameters % 3 == 0, "a weight and an intercept for each class"
    assert fitted.bytes > 8 * fitted.parameters * 0.9
    assert fitted.seconds > 0


def test_the_test_rows_change_nothing_but_their_own_predictions() -> None:
    train, validation = made_up_split(96, seed=1), made_up_split(48, seed=2)

    one, other = (tfidf(train, validation, test) for test in (made_up_split(30, seed=3), split(("x", 0))))

    assert np.array_equal(one.validation, other.validation)
    assert (one.parameters, one.bytes) == (other.parameters, other.bytes)


def test_a_test_split_without_rows_is_predicted_as_none() -> None:
    fitted = tfidf(made_up_split(96, seed=1), made_up_split(48, seed=2), split())

    assert fitted.test.tolist() == []


JAPANESE = (
    ("荷物がまだ届きません。", 0),
    ("配送はいつになりますか。", 0),
    ("荷物の届け先を変えたいです。", 0),
    ("二重に請求されています。", 1),
    ("請求書を送ってください。", 1),
    ("返金はいつですか。請求額が違います。", 1),
)


def test_where_words_are_not_spaced_characters_are_counted() -> None:
    fitted = tfidf(split(*JAPANESE), split(*JAPANESE), split(("荷物が届かない", 0), ("請求が違う", 1)))

    assert fitted.description == "TF-IDF (characters) with logistic regression"
    assert fitted.test.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("first", "second"),
    [("a b c", "x y z"), ("? ! ?", ". . ."), ("😀 😀 😀", "😡 😡 😡")],
    ids=["letters", "marks", "faces"],
)
def test_texts_without_any_word_of_two_letters_are_no_accident(first: str, second: str) -> None:
    rows = split(*[(first, 0), (second, 1)] * 5)

    fitted = tfidf(rows, rows, rows)

    assert fitted.description == "TF-IDF (characters) with logistic regression"
    assert fitted.test.tolist() == [0, 1] * 5


def test_of_two_classes_the_weights_are_counted_as_they_are_stored() -> None:
    rows = split(*[("parcel late", 0), ("card charged", 1)] * 5)

    fitted = tfidf(rows, rows, rows)

    assert fitted.parameters == 6 + 1, "four words and two pairs, and one intercept"


def test_fitting_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tfidf(*(made_up_split(96, seed=seed, noise=0.6) for seed in (1, 2, 3)))


def test_several_classes_a_row_are_learned_one_by_one() -> None:
    problem = MultiLabel(classes=("late", "dear"))
    words = {(): "fine thanks", (0,): "parcel late", (1,): "price high", (0, 1): "parcel late price high"}
    rows = Split(texts=tuple(words.values()) * 6, labels=tuple(words) * 6, row_ids=tuple(map(str, range(24))))

    fitted = baselines.tfidf(problem, "macro_f1", rows, rows, rows)

    scorer = Scorer.build("macro_f1", problem.targets(rows.labels), 2)
    assert fitted.description == "TF-IDF (words) with a logistic regression for each class"
    assert scorer.value(problem.decided(fitted.test, scorer)) == 1.0
    assert fitted.parameters == 2 * (10 + 1), "six words and four pairs"


def test_numbers_are_learned_by_ridge_regression() -> None:
    problem = Regression(center=50.0, scale=40.0)
    rows = Split(texts=("cheap thing", "dear thing") * 10, labels=(10.0, 90.0) * 10, row_ids=tuple(map(str, range(20))))

    fitted = baselines.tfidf(problem, "mae", rows, rows, rows)

    assert fitted.description == "TF-IDF (words) with ridge regression"
    assert fitted.test[:2] == pytest.approx([10, 90], abs=2)


def test_the_constant_answer_is_the_best_one_for_the_metric() -> None:
    numbers = Split(texts=("a",) * 4, labels=(1.0, 1.0, 1.0, 9.0), row_ids=("1",) * 4)

    median, mean = (baselines.constant(Regression(), metric, numbers, numbers, numbers) for metric in ("mae", "r2"))

    assert (median.name, median.description) == ("constant", "Always the same answer")
    assert (median.test.tolist(), mean.test.tolist()) == ([1.0] * 4, [3.0] * 4)
