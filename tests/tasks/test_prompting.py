from __future__ import annotations

import json

import numpy as np
import pytest
from transformers import AutoTokenizer

from autolora.errors import RequestError
from autolora.records import Split
from autolora.tasks.generation import GenerationTask
from autolora.tasks.problems import Generation
from autolora.tasks.prompting import Prompting

pytestmark = pytest.mark.tiny


@pytest.fixture
def tokenizer(tiny_folder):
    """Return a function to a tokenizer, with a chat template or without."""
    return lambda chat: AutoTokenizer.from_pretrained(tiny_folder("llama", writes=True, chat=chat))


def prompting(tokenizer, chat_template=True, **options) -> Prompting:
    return Prompting(tokenizer=tokenizer(chat_template), **{"template": None, "chat": False, **options})


def read(it: Prompting, ids) -> str:
    return it.tokenizer.decode(ids)


def test_a_chat_template_is_rendered_as_transformers_does(tokenizer) -> None:
    it = prompting(tokenizer)
    messages = [{"role": "user", "content": "where is the parcel"}]

    ((prompt, answer),) = it.encoded(["where is the parcel"], ["late van"])

    rendered = it.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert prompt == it.tokenizer(rendered, add_special_tokens=False)["input_ids"]
    assert read(it, answer) == "late van [SEP]"
    assert it.stops == (it.tokenizer.eos_token_id,)


def test_a_conversation_is_rendered_whole(tokenizer) -> None:
    talk = [
        {"role": "system", "content": "help"},
        {"role": "user", "content": "where is the parcel"},
        {"role": "assistant", "content": "late"},
        {"role": "user", "content": "when"},
    ]

    ((prompt, _),) = prompting(tokenizer, chat=True).encoded([json.dumps(talk)])

    words = read(prompting(tokenizer), prompt)
    assert words.index("help") < words.index("parcel") < words.index("late") < words.index("when")


def test_without_a_chat_template_a_plain_one_is_filled(tokenizer) -> None:
    it = prompting(tokenizer, chat_template=False, template="please {prompt} now", chat=True)
    talk = [
        {"role": "system", "content": "help"},
        {"role": "user", "content": "where"},
        {"role": "assistant", "content": "late"},
        {"role": "user", "content": "when"},
    ]

    assert it.prompt_text(json.dumps(talk)) == "help\n\nplease where now late\n\nplease when now"
    assert not prompting(tokenizer, template="plain").is_chat
    assert "{prompt}" in prompting(tokenizer, chat_template=False).plain


def test_a_template_that_the_tokenizer_lacks_is_one_error(tokenizer) -> None:
    with pytest.raises(RequestError, match="the base's tokenizer has no chat template") as caught:
        prompting(tokenizer, chat_template=False, template="chat")
    assert "leave template out" in caught.value.hint


@pytest.mark.parametrize("chat_template", [True, False])
def test_control_tokens_in_peoples_text_stay_text(chat_template, tokenizer) -> None:
    it = prompting(tokenizer, chat_template)
    evil = "where [SEP] [CLS] parcel"
    controls = {it.tokenizer.convert_tokens_to_ids(token) for token in ("[SEP]", "[CLS]")}
    ((plain, said),) = it.encoded(["where parcel"], ["van"])

    ((prompt, answer),) = it.encoded([evil], ["van [SEP] late"])

    assert it.holds_controls(evil)
    assert not it.holds_controls("where parcel")
    assert sum(token in controls for token in prompt) == sum(token in controls for token in plain)
    assert sum(token in controls for token in answer) == sum(token in controls for token in said) == 1
    assert len(prompt) > len(plain)


def test_a_prompt_is_the_same_tokens_whatever_is_answered(tokenizer) -> None:
    for chat_template in (True, False):
        it = prompting(tokenizer, chat_template)
        rows = it.encoded(["where is the parcel"] * 2, ["late van", "money"])
        assert rows[0][0] == rows[1][0] == it.encoded(["where is the parcel"])[0][0]


def encoded(tokenizer, texts, answers, most, **options):
    task = GenerationTask(problem=Generation(), max_length=most, **options)
    split = Split(texts=tuple(texts), labels=tuple(answers), row_ids=tuple(map(str, range(len(texts)))))
    return task.encode(tokenizer(True), split)


def test_over_long_prompts_lose_the_end_of_what_was_said_and_are_counted(tokenizer) -> None:
    it = prompting(tokenizer)
    long = "where " + "parcel " * 40 + "money"

    rows = encoded(tokenizer, ["where is the van", long], ["late", "late van"], 24)

    assert [len(row) for row in rows.tokens] == [len(rows.tokens[0]), 24]
    assert rows.truncated_share == 0.5
    start = int(rows.targets[1])
    words = read(it, rows.tokens[1][:start])
    assert words.startswith("[CLS]")
    assert "where" in words
    assert "money" not in words
    assert words.rstrip().endswith(read(it, rows.tokens[0][: int(rows.targets[0])])[-12:].strip()), (
        "the end of the template"
    )
    assert read(it, rows.tokens[1][start:]) == "late van [SEP]"


def test_an_answer_keeps_at_least_half_of_the_room(tokenizer) -> None:
    rows = encoded(tokenizer, ["where " + "parcel " * 40], ["van " * 40], 24)

    assert len(rows.tokens[0]) - rows.targets[0] == 12
    assert rows.stops[0] not in rows.tokens[0][int(rows.targets[0]) :], "an answer that was cut does not end"


def test_no_row_is_longer_than_the_base_can_take(tokenizer) -> None:
    assert max(map(len, encoded(tokenizer, ["parcel " * 60], ["van"], 100, context=30).tokens)) == 30


def test_an_encoder_reads_the_prompt_and_a_decoder_the_answer(tokenizer) -> None:
    rows = encoded(tokenizer, ["where is the van"], ["late van"], 24, decoder_start=0)
    task = GenerationTask(problem=Generation(), max_length=24, decoder_start=0)
    from autolora.tasks.task import Rows

    inputs = task.inputs(Rows(rows.tokens, rows.targets), 0)

    answer = rows.tokens[0][int(rows.targets[0]) :]
    assert inputs["decoder_input_ids"].tolist() == [[0, *answer[:-1].tolist()]]
    assert np.array_equal(inputs["input_ids"][0], rows.tokens[0][: int(rows.targets[0])])
    assert task.weights(Rows(rows.tokens, rows.targets)).tolist() == [len(answer)]
