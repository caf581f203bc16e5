"""What adapters write together is what each writes alone in plain transformers and PEFT."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import GenerationConfig

from autolora.engine import writing
from autolora.errors import TrialOutOfMemory
from tests import tiny_models
from tests.conftest import relabelled
from tests.engine.plain_peft import PlainPeft
from tests.engine.test_promise import engine_for, mixed_configs

pytestmark = pytest.mark.tiny

MOST = 9


def engine_that_writes(family, tiny_folder, tiny_dataset, **options):
    return engine_for(
        tiny_folder(family, writes=True), relabelled(tiny_dataset, "generation"), dtype=torch.float32, **options
    )


def trained(engine, names=("small", "wide", "low"), steps=25, **changes):
    """Train adapters until they write different answers of different lengths."""
    configs = {name: replace(mixed_configs(engine)[name], **changes) for name in names}
    for name, config in configs.items():
        engine.admit(name, config, seed=3)
    for _ in range(steps):
        assert engine.step(list(configs)) == {}
    return configs


def written_by_plain_peft(engine, name, config) -> list[list[int]]:
    """Return what transformers' own generate writes to each prompt by itself."""
    from autolora.engine import state

    peft = PlainPeft(engine, config, seed=3, start=state.adapter_tensors(engine.slots[name])).model
    data = engine.splits["test"]
    greedy = GenerationConfig(
        do_sample=False, max_new_tokens=MOST, pad_token_id=0, eos_token_id=list(data.stops), use_cache=True
    )
    answers = []
    for tokens, start in zip(data.tokens, data.targets, strict=True):
        ids = torch.from_numpy(tokens[:start].astype(np.int64))[None]
        out = peft.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=greedy)[0].tolist()
        new = out[1:] if peft.config.is_encoder_decoder else out[ids.shape[1] :]
        answers.append([token for token in new if token not in data.stops])
    return answers


@pytest.mark.parametrize("family", tiny_models.WRITING)
def test_answers_written_together_are_those_of_plain_peft_alone(family, tiny_folder, tiny_dataset) -> None:
    engine = engine_that_writes(family, tiny_folder, tiny_dataset)
    # A decoder that begins with nothing takes longer to say anything.
    longer = {"steps": 200, "learning_rate": 3e-2, "epochs": 40.0} if family == "t5" else {}
    configs = trained(engine, **longer)

    ours = writing.answers(engine, list(configs), "test", most_tokens=MOST)

    texts = set()
    for name, config in configs.items():
        theirs = written_by_plain_peft(engine, name, config)
        same = [own.tolist() == other for own, other in zip(ours[name], theirs, strict=True)]
        assert np.mean(same) >= 0.995, name
        texts |= set(map(tuple, theirs))
    assert len(texts) > 1
    assert family == "t5" or len(set(map(len, texts))) > 1, "rows leave the batch at different times"


def test_what_is_written_does_not_depend_on_the_batch(tiny_folder, tiny_dataset, monkeypatch) -> None:
    engine = engine_that_writes("gemma3", tiny_folder, tiny_dataset)
    names = list(trained(engine))
    together = writing.answers(engine, names, "test", most_tokens=MOST)

    monkeypatch.setitem(writing.ROWS_AT_ONCE, "cpu", 1)
    alone = writing.answers(engine, names, "test", most_tokens=MOST)

    same = [
        one.tolist() == other.tolist() for name in names for one, other in zip(together[name], alone[name], strict=True)
    ]
    assert np.mean(same) >= 0.995


def test_an_answer_ends_at_its_longest(tiny_folder, tiny_dataset) -> None:
    engine = engine_that_writes("llama", tiny_folder, tiny_dataset)
    names = list(trained(engine))

    short = writing.answers(engine, names, "test", most_tokens=2)

    assert max(len(answer) for answer in short["wide"]) == 2


def test_where_memory_runs_out_fewer_rows_are_written_at_once(tiny_folder, tiny_dataset, monkeypatch) -> None:
    engine = engine_that_writes("llama", tiny_folder, tiny_dataset)
    names = list(trained(engine))
    roomy = writing.answers(engine, names, "test", most_tokens=MOST)
    written, most = writing._Batch.written, 6

    def limited(batch, tokens):
        if len(batch.due) > most:
            raise torch.OutOfMemoryError("this device is small")
        return written(batch, tokens)

    monkeypatch.setattr(writing._Batch, "written", limited)

    small = writing.answers(engine, names, "test", most_tokens=MOST)

    assert [answer.tolist() for answer in small["wide"]] == [answer.tolist() for answer in roomy["wide"]]
    most = 0
    with pytest.raises(TrialOutOfMemory, match="writing answers does not fit on the device, even row by row"):
        writing.answers(engine, names, "test", most_tokens=MOST)
