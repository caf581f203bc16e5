"""Answers that are kept: asked once, told with what they are worth."""

from __future__ import annotations

import numpy as np
import pytest

from autolora import answered
from autolora.answered import AnswerShelf
from autolora.engine import baselines
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
    engines, shelf = Engines(), AnswerShelf(folder=tmp_path, split="test", closed=())
    adapters = [("finalist_1-6", "sha of one", "one"), ("zero_shot", "", None)]

    shelf.ask(engines, adapters)
    shelf.ask(engines, adapters)
    shelf.ask(engines, [("finalist_1-6", "sha of another", "other"), ("zero_shot", "", None)])

    assert engines.asked == [("test", ("one", None)), ("test", ("other",))]
    assert shelf.of("finalist_1-6", "sha of another").texts[0] == "other on test"
    with pytest.raises(KeyError, match="finalist_1-6 was not asked"):
        shelf.of("finalist_1-6", "sha of one")


def test_damaged_answers_are_asked_for_again(tmp_path) -> None:
    engines, shelf = Engines(), AnswerShelf(folder=tmp_path, split="test", closed=())
    shelf.ask(engines, [("x", "sha", "one")])
    next(tmp_path.glob("*.json")).write_text("{")

    shelf.ask(engines, [("x", "sha", "one")])

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


def test_the_nearest_prompts_answer_is_given() -> None:
    asked = Split(texts=("Parcel? Where!", "a broken lamp"), labels=("", ""), row_ids=("4", "5"))

    fitted = baselines.nearest(ROWS, asked, asked, chat=False)
    vectors = np.eye(3)
    by_base = baselines.nearest_by_base(ROWS, vectors, np.array([[0.1, 0.9, 0.0]]), np.array([[0.0, 0.1, 0.9]]))

    assert fitted.test.tolist() == ["in the van", "send it back"]
    assert (by_base.validation.tolist(), by_base.test.tolist()) == (["money comes back"], ["send it back"])


def test_examples_are_the_nearest_training_rows_with_the_nearest_last() -> None:
    from autolora.data.conversations import as_messages

    asked = Split(texts=("the parcel is broken",), labels=("",), row_ids=("4",))

    (text,) = baselines.few_shot(ROWS, asked, chat=False).texts

    messages = as_messages(text, chat=True)
    assert [message["role"] for message in messages] == ["user", "assistant"] * 3 + ["user"]
    assert messages[-1]["content"] == "the parcel is broken"
    assert messages[-2]["content"] in ("send it back", "in the van")
    assert messages[1]["content"] == "money comes back", "the least alike first"
