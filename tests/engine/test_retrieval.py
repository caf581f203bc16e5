"""Training rows that are found again by their prompts."""

from __future__ import annotations

import numpy as np
import pytest

from autolora.data.conversations import as_messages
from autolora.engine.retrieval import Nearest, nearest_by_base
from autolora.records import Split

pytestmark = pytest.mark.unit

ROWS = Split(
    texts=("where is my parcel", "a card was charged twice", "the lamp is broken"),
    labels=("in the van", "money comes back", "send it back"),
    row_ids=("1", "2", "3"),
)


def test_the_nearest_prompts_answer_is_given() -> None:
    asked = Split(texts=("Parcel? Where!", "a broken lamp"), labels=("", ""), row_ids=("4", "5"))

    fitted = Nearest.by_words(ROWS, chat=False).answering(asked, asked)
    vectors = np.eye(3)
    by_base = nearest_by_base(ROWS, vectors, np.array([[0.1, 0.9, 0.0]]), np.array([[0.0, 0.1, 0.9]]))

    assert fitted.test.tolist() == ["in the van", "send it back"]
    assert (by_base.validation.tolist(), by_base.test.tolist()) == (["money comes back"], ["send it back"])


def test_examples_are_the_nearest_training_rows_with_the_nearest_last() -> None:
    asked = Split(texts=("the parcel is broken",), labels=("",), row_ids=("4",))

    (text,) = Nearest.by_words(ROWS, chat=False).shown_before(asked).texts

    messages = as_messages(text, chat=True)
    assert [message["role"] for message in messages] == ["user", "assistant"] * 3 + ["user"]
    assert messages[-1]["content"] == "the parcel is broken"
    assert messages[-2]["content"] in ("send it back", "in the van")
    assert messages[1]["content"] == "money comes back", "the least alike first"
