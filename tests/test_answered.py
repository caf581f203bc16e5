"""Answers that are kept: asked once, told with what they are worth."""

from __future__ import annotations

import numpy as np
import pytest

from autolora import answered
from autolora.answered import AnswerShelf
from autolora.engine.jobs import Written
from autolora.records import GeneralText, Split

pytestmark = pytest.mark.unit

ROWS = Split(
    texts=("where is my parcel", "a card was charged twice", "the lamp is broken"),
    labels=("in the van", "money comes back", "send it back"),
    row_ids=("1", "2", "3"),
)


class Engines:
    """Answers with the names of whom is asked, and notes them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple]] = []

    def answers(self, adapters, split, *, closed=()):
        self.asked.append((split, tuple(adapters)))
        return [Written(texts=(f"{adapter} on {split}",) * 3, seconds=0.5) for adapter in adapters]


def test_an_adapter_is_asked_once_and_again_when_its_weights_are_others(tmp_path) -> None:
    engines, shelf = Engines(), AnswerShelf(folder=tmp_path)
    adapters = [("finalist_1-6", "sha of one", "one"), ("zero_shot", "", None)]

    shelf.ask(engines, "test", adapters)
    shelf.ask(engines, "test", adapters)
    shelf.ask(engines, "test", [("finalist_1-6", "sha of another", "other"), ("zero_shot", "", None)])

    assert engines.asked == [("test", ("one", None)), ("test", ("other",))]
    assert shelf.of("test", "finalist_1-6", "sha of another").texts[0] == "other on test"
    with pytest.raises(KeyError, match="finalist_1-6 was not asked"):
        shelf.of("test", "finalist_1-6", "sha of one")


def test_damaged_answers_are_asked_for_again(tmp_path) -> None:
    engines, shelf = Engines(), AnswerShelf(folder=tmp_path)
    shelf.ask(engines, "test", [("x", "sha", "one")])
    next(tmp_path.glob("*.json")).write_text("{")

    shelf.ask(engines, "test", [("x", "sha", "one")])

    assert len(engines.asked) == 2


def test_a_record_holds_scores_lengths_and_the_rows_of_those_that_are_shown() -> None:
    found = answered.record(
        ROWS,
        {
            "finalist_1": Written(texts=("in the van", "money comes back", "no"), seconds=0.5),
            "nearest": Written(texts=("x", "y z", "w"), seconds=0.0),
        },
        losses={"finalist_1": np.array([[3.0, 3.0], [6.0, 3.0], [9.0, 3.0]])},
        chat=False,
        shown=("finalist_1", "zero_shot"),
        forgetting=GeneralText(text="a text", losses={"finalist_1": 3.0}),
    )

    assert found.scores["finalist_1"]["exact_match"] == pytest.approx(2 / 3)
    assert found.scores["finalist_1"]["completion_loss"] == pytest.approx(2.0)
    assert found.scores["finalist_1"]["perplexity"] == pytest.approx(np.exp(2.0))
    assert "perplexity" not in found.scores["nearest"]
    assert found.rows[2].written == {"finalist_1": "no"}
    assert found.rows[0].prompt == ROWS.texts[0]
    assert list(found.row_scores) == ["finalist_1"]
    assert found.word_lengths["wanted"][3] == 3
