"""Finished adapters, or the bare base, at work on an engine: admitted for as long as they are asked.

Knows engines, adapters and a tokenizer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from autolora.engine import writing
from autolora.engine.choosing import likeliest
from autolora.engine.device import least_seconds, put
from autolora.engine.engine import SCORING_CHUNK_ROWS, Engine
from autolora.engine.jobs import Finished, Written
from autolora.engine.state import load_adapter
from autolora.engine.trial_pass import smallest
from autolora.records import Split
from autolora.tasks.tap import tapped
from autolora.tasks.task import Encoded, padded

_TIMED_ROWS = 256


@contextmanager
def admitted(engine: Engine, adapters: Sequence[Finished | None]) -> Iterator[list[str]]:
    """Have adapters in slots of their own inside the block, and give these; None is the base without one."""
    slots = [f"finished adapter {at}" for at in range(len(adapters))]
    with ExitStack() as after:
        for slot, adapter in zip(slots, adapters, strict=True):
            # An adapter that was not trained adds nothing.
            config, weights = adapter or (smallest(engine), {})
            engine.admit(slot, config, seed=0)
            after.callback(engine.release, slot)
            if weights:
                load_adapter(engine.slots[slot], {name: torch.tensor(values) for name, values in weights.items()})
        yield slots


def answered(
    engine: Engine,
    tokenizer: Any,
    adapters: Sequence[Finished | None],
    split: str,
    *,
    most_tokens: int,
    closed: Sequence[str] = (),
) -> list[Written]:
    """Return what each adapter answers to a split's prompts.

    Args:
        engine: On a task that writes.
        tokenizer: Of its base.
        adapters: That answer together; None is the base without one.
        split: Name of the split.
        most_tokens: Of an answer.
        closed: The answers to choose from, by likelihood; none lets answers be written.
    """
    rows = max(1, len(engine.splits[split]))
    with admitted(engine, adapters) as slots:
        start = time.perf_counter()
        if closed:
            prompting = engine.task.prompting(tokenizer)  # type: ignore[attr-defined]
            candidates = prompting.answers(closed)
            texts = [tuple(closed[at] for at in likeliest(engine, slot, split, candidates)) for slot in slots]
        else:
            written = writing.answers(engine, slots, split, most_tokens=most_tokens)
            texts = [
                tuple(text.strip() for text in tokenizer.batch_decode(written[slot], skip_special_tokens=True))
                for slot in slots
            ]
        each = (time.perf_counter() - start) / rows / len(slots)
    return [Written(texts=own, seconds=each) for own in texts]


def outputs_once(
    engine: Engine, tokenizer: Any, adapters: Sequence[Finished | None], rows: Split
) -> list[NDArray[Any]]:
    """Return what the problem keeps of each adapter's scores on rows that will not come again ``(rows, ...)``.

    Nothing is kept of the rows, neither a split nor what of them is the same for all adapters.

    Args:
        engine: Of any task.
        tokenizer: Of its base.
        adapters: None is the base without one.
        rows: Encoded as those of any other split.
    """
    with engine.passing_once(engine.task.encode(tokenizer, rows)) as split, admitted(engine, adapters) as slots:
        return [engine.outputs(slot, split) for slot in slots]


def general_losses(
    engine: Engine, tokenizer: Any, adapters: Sequence[Finished | None], texts: Sequence[str]
) -> list[float]:
    """Return each adapter's loss on texts as they are, without a prompt, in nats a token.

    Args:
        engine: On a task that writes, with one stack.
        tokenizer: Of its base.
        adapters: None is the base without one.
        texts: Each is cut to what the task's rows are cut to.
    """
    rows = [np.asarray(tokenizer(text)["input_ids"][: engine.task.max_length], dtype=np.int32) for text in texts]
    general = Encoded.whole(rows, [1] * len(rows))
    with engine.passing_once(general) as split, admitted(engine, adapters) as slots:
        summed = [engine.outputs(slot, split).sum(axis=0) for slot in slots]
    return [float(loss / tokens) for loss, tokens in summed]


def pass_seconds(engine: Engine, split: str) -> float:
    """Return the seconds that a row of a split takes through the whole base: what any adapter takes once merged.

    Args:
        engine: On a task with a head.
        split: Of which some rows pass, in batches, with nothing known of them beforehand.
    """
    data = engine.splits[split]
    some = np.unique(np.linspace(0, len(data) - 1, min(_TIMED_ROWS, len(data))).astype(np.int64))
    with engine.passing_once(data.take(some)) as once, admitted(engine, [None]) as (slot,):
        return least_seconds(engine.base.device, lambda: engine.outputs(slot, once)) / len(some)


@torch.no_grad()
def prompt_vectors(engine: Engine, split: str) -> NDArray[np.float32]:
    """Return the mean of the bare base's last hidden states of each prompt, of length 1 ``(rows, width)``."""
    data, model = engine.splits[split], engine.base.model
    prompts = data.prompts
    order = np.argsort([len(prompt) for prompt in prompts], kind="stable")
    found: list[NDArray[np.float32]] = []
    for at in range(0, len(order), SCORING_CHUNK_ROWS):
        rows = padded([prompts[row] for row in order[at : at + SCORING_CHUNK_ROWS]], engine.pad_token)
        inputs = {name: put(array, engine.base.device) for name, array in rows.items()}
        if engine.base.peft_task_type == "SEQ_2_SEQ_LM":
            hidden: Tensor = model.get_encoder()(**inputs).last_hidden_state  # type: ignore[operator]
        else:
            model(**inputs)
            hidden = tapped(model).take()
        mask = inputs["attention_mask"].unsqueeze(2)
        means = (hidden.float() * mask).sum(dim=1) / mask.sum(dim=1)
        found.append(functional.normalize(means, dim=1).cpu().numpy())
        engine.on_batch()
    vectors = np.concatenate(found)
    return vectors[np.argsort(order, kind="stable")]
