"""The likeliest answer of a closed set: each answer is scored behind each prompt, and none is written.

Knows engines and tokens; knows no texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autolora.engine.engine import Engine
from autolora.tasks.task import Encoded


def likeliest(engine: Engine, slot_id: str, split: str, answers: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Return for each prompt of a split which answer its slot finds likeliest ``(rows,)``.

    An answer counts with the token that ends it, so that none is likelier for being the beginning of another.

    Args:
        engine: On a task that writes.
        slot_id: A slot with its adapter.
        split: Name of the split; its rows' own answers are not looked at.
        answers: Tokens of each answer, with what ends it.

    Raises:
        TrialDiverged: If a score is no finite number.
        TrialOutOfMemory: If it does not fit on the device, even row by row.
    """
    data = engine.splits[split]
    tokens, starts = [], []
    for prompt in data.prompts:
        tokens += [np.concatenate([prompt, np.asarray(answer, dtype=np.int32)]) for answer in answers]
        starts += [len(prompt)] * len(answers)
    with engine.passing_once(Encoded.whole(tokens, starts)) as every:
        losses = engine.outputs(slot_id, every)[:, 0].reshape(len(data), len(answers))
    return np.asarray(losses.argmin(axis=1), dtype=np.int64)
