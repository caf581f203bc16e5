"""Finished adapters, and the bare base, at work."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForCausalLM

from autolora.engine import finished, general
from autolora.engine.choosing import likeliest
from autolora.engine.state import adapter_tensors
from autolora.tasks.task import load_tokenizer
from tests.conftest import ANSWERS
from tests.engine.plain_peft import PlainPeft
from tests.engine.test_writing import engine_that_writes, trained

pytestmark = pytest.mark.tiny


@pytest.fixture
def engine(tiny_folder, tiny_dataset):
    return engine_that_writes("llama", tiny_folder, tiny_dataset)


def tokenizer_of(engine):
    return load_tokenizer(engine.base.checkpoint.folder)


def adapter(engine, name):
    return engine.slots[name].config, {key: t.numpy() for key, t in adapter_tensors(engine.slots[name]).items()}


def test_an_adapter_answers_as_its_slot_did_and_leaves_no_slot_behind(engine) -> None:
    from autolora.engine import writing

    trained(engine)
    there = set(engine.slots)
    found = finished.answered(
        engine, tokenizer_of(engine), [adapter(engine, "wide"), None, adapter(engine, "low")], "test", most_tokens=7
    )

    own = writing.answers(engine, ["wide"], "test", most_tokens=7)["wide"]
    assert list(found[0].texts) == [text.strip() for text in tokenizer_of(engine).batch_decode(own)]
    assert set(engine.slots) == there
    assert found[1].texts != found[0].texts
    assert all(each.seconds > 0 for each in found)


def test_the_bare_base_is_that_without_an_adapter(engine) -> None:
    with finished.admitted(engine, [None]) as (slot,):
        losses = engine.outputs(slot, "test")
    data = engine.splits["test"]
    model = AutoModelForCausalLM.from_pretrained(engine.base.checkpoint.folder).eval()

    with torch.no_grad():
        for row in (0, 7):
            ids, start = torch.from_numpy(data.tokens[row].astype(np.int64))[None], int(data.targets[row])
            logits = model(input_ids=ids).logits[0, start - 1 : -1]
            due = torch.nn.functional.cross_entropy(logits, ids[0, start:], reduction="sum")
            assert losses[row, 0] == pytest.approx(float(due), rel=1e-4)
            assert losses[row, 1] == ids.shape[1] - start


def test_the_likeliest_answer_is_that_of_the_least_loss_in_plain_peft(engine) -> None:
    configs = trained(engine, names=("wide",))
    answers = engine.task.prompting(tokenizer_of(engine)).answers(ANSWERS)

    found = likeliest(engine, "wide", "test", answers)

    data = engine.splits["test"]
    peft = PlainPeft(engine, configs["wide"], seed=3, start=adapter_tensors(engine.slots["wide"])).model
    for row in range(12):
        prompt, losses = data.tokens[row][: int(data.targets[row])].tolist(), []
        for answer in answers:
            with torch.no_grad():
                logits = peft(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
            losses.append(float(torch.nn.functional.cross_entropy(logits, torch.tensor(answer), reduction="sum")))
        assert found[row] == int(np.argmin(losses))
    assert len(set(found.tolist())) > 1
    assert set(engine.splits) == {"train", "validation", "test"}


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_prompts_are_vectors_of_what_the_base_makes_of_them(family, tiny_folder, tiny_dataset) -> None:
    engine = engine_that_writes(family, tiny_folder, tiny_dataset)

    vectors = finished.prompt_vectors(engine, "test")

    data = engine.splits["test"]
    assert vectors.shape == (len(data), 32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    model = AutoModel.from_pretrained(engine.base.checkpoint.folder).eval()
    model = model.get_encoder() if family == "t5" else model
    prompt = torch.from_numpy(data.tokens[3][: int(data.targets[3])].astype(np.int64))[None]
    with torch.no_grad():
        mean = model(input_ids=prompt).last_hidden_state[0].mean(dim=0)
    assert vectors[3] == pytest.approx((mean / mean.norm()).numpy(), abs=1e-4)


def test_what_is_forgotten_is_told_by_the_loss_on_a_general_text(engine) -> None:
    texts = ["please help my broken lamp again today", "the sofa is blue"]
    before = finished.general_losses(engine, tokenizer_of(engine), [None], texts)
    trained(engine, names=("wide",), steps=60)

    after = finished.general_losses(engine, tokenizer_of(engine), [adapter(engine, "wide"), None], texts)

    assert after[1] == pytest.approx(before[0], rel=1e-6)
    assert after[0] != pytest.approx(before[0], rel=1e-3)


def test_general_texts_come_in_both_languages() -> None:
    assert general.language_of("注文した荷物が届きません") == "ja"
    assert general.language_of("My parcel has not come") == "en"
    for language in ("en", "ja"):
        paragraphs = general.paragraphs(language)
        assert len(paragraphs) >= 8
        assert str(len(paragraphs)) in general.name_of(language)
        assert general.language_of(paragraphs[0]) == language
