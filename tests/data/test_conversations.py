from __future__ import annotations

import json

import pytest

from autolora.data import prepare
from autolora.data.conversations import as_messages, as_text, last_prompt
from autolora.data_request import DataRequest
from autolora.errors import DataError

ASKED = {"role": "user", "content": "Where is my parcel?"}
TOLD = {"role": "assistant", "content": "In the van."}
SYSTEM = {"role": "system", "content": "Be brief."}


def prepared(tmp_path, rows, *, name="rows.jsonl", **columns):
    path = tmp_path / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return prepare(DataRequest(path=str(path), **columns), seed=0)


def conversations(tmp_path, *odd):
    """Return the dataset of nine good conversations and some others."""
    good = [[{"role": "user", "content": f"Question {at}"}, TOLD] for at in range(9)]
    return prepared(tmp_path, [{"messages": messages} for messages in (*good, *odd)], messages="messages")


def test_the_last_message_is_the_answer_and_all_before_it_the_prompt(tmp_path) -> None:
    dataset = conversations(tmp_path, [SYSTEM, ASKED, TOLD, {"role": "user", "content": "When?"}, TOLD])

    parts = (dataset.train, dataset.validation, dataset.test)
    rows = {text: label for part in parts for text, label in zip(part.texts, part.labels, strict=True)}
    long = next(text for text in rows if "When?" in text)
    assert [message["role"] for message in json.loads(long)] == ["system", "user", "assistant", "user"]
    assert rows[long] == "In the van."
    assert (dataset.problem, dataset.chat, dataset.classes) == ("generation", True, ())
    assert last_prompt(long, chat=True) == "When?"


def test_prompts_and_completions_are_texts_as_they_stand(tmp_path) -> None:
    rows = [{"prompt": f"p {at}", "completion": f" c {at}\n"} for at in range(9)]
    dataset = prepared(tmp_path, rows, prompt="prompt", completion="completion")

    parts = (dataset.train, dataset.validation, dataset.test)
    found = {text: label for part in parts for text, label in zip(part.texts, part.labels, strict=True)}
    assert found == {row["prompt"]: row["completion"] for row in rows}
    assert (dataset.problem, dataset.chat, dataset.answers) == ("generation", False, ())


def test_conversations_in_a_cell_of_a_table_are_read_as_json(tmp_path) -> None:
    path = tmp_path / "rows.csv"
    cells = [json.dumps([{"role": "user", "content": f"q {at}"}, TOLD]).replace('"', '""') for at in range(9)]
    path.write_text("talk\n" + "".join(f'"{cell}"\n' for cell in cells))

    dataset = prepare(DataRequest(path=str(path), messages="talk"), seed=0)

    assert set(dataset.train.labels) == {"In the van."}


def test_few_answers_given_again_and_again_are_a_closed_set(tmp_path) -> None:
    rows = [{"prompt": f"p {at}", "completion": "yes" if at % 2 else "no"} for at in range(20)]

    assert prepared(tmp_path, rows, prompt="prompt", completion="completion").answers == ("no", "yes")
    rows.append({"prompt": "once", "completion": "perhaps"})
    assert prepared(tmp_path, rows, prompt="prompt", completion="completion").answers == ()


def test_a_row_reads_as_messages_and_back() -> None:
    assert as_messages("Hello", chat=False) == [{"role": "user", "content": "Hello"}]
    assert as_messages(as_text([SYSTEM, ASKED]), chat=True) == [SYSTEM, ASKED]


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ([TOLD], "message 1: roles are out of order"),
        ([ASKED, ASKED, TOLD], "message 2: roles are out of order"),
        ([SYSTEM, TOLD], "message 2: roles are out of order"),
        ([ASKED, SYSTEM, TOLD], "message 2: roles are out of order"),
        ([ASKED, TOLD, ASKED], "the last message must be the assistant's"),
        ([ASKED, {"role": "tool", "content": "x"}], "message 2: role must be one of system, user, assistant"),
        ([ASKED, {"role": "assistant"}], "message 2 must have a role and a content"),
        ([ASKED, {"role": "assistant", "content": ["a"]}], "message 2: content must be one text"),
        ([ASKED, {"role": "assistant", "content": "\ud800"}], "half of a character"),
        ([], "must be a list of messages"),
        ("just text", "must be a list of messages"),
    ],
)
def test_a_bad_conversation_is_one_error_with_its_row(messages, says, tmp_path) -> None:
    path = tmp_path / "rows.jsonl"
    good = [[{"role": "user", "content": f"Question {at}"}, TOLD] for at in range(9)]
    path.write_text("".join(json.dumps({"messages": each}) + "\n" for each in (*good, messages)))

    with pytest.raises(DataError) as caught:
        prepare(DataRequest(path=str(path), messages="messages"), seed=0)

    assert "rows.jsonl, row 10, column 'messages'" in caught.value.message
    assert says in caught.value.message
    assert caught.value.hint


def test_blank_answers_are_refused_with_their_rows(tmp_path) -> None:
    rows = [{"prompt": f"p {at}", "completion": "" if at in (3, 5) else "c"} for at in range(9)]

    with pytest.raises(DataError, match=r"column 'completion' is blank in 2 rows \(rows 4, 6\)"):
        prepared(tmp_path, rows, prompt="prompt", completion="completion")
