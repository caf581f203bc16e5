"""Measures an engine's speed: a few training steps of the dearest and the cheapest adapter, and some scoring.

About two seconds on a CPU. Batches hold rows of like lengths, so a few of them may be long or short: tokens a second
are measured, padding included, and turned into rows a second by what the rows of a whole epoch take.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle

import numpy as np
import torch
from numpy.typing import NDArray

from autolora.engine import writing
from autolora.engine.costs import CostModel, Kind, Rates
from autolora.engine.device import synchronise
from autolora.engine.engine import SCORING_CHUNK_ROWS, Engine
from autolora.engine.jobs import SLOTS_AT_ONCE
from autolora.engine.order import epoch_batches
from autolora.engine.trial_pass import usual_length
from autolora.records import AdapterConfig

_LEAST_SECONDS = 0.5
_LEAST_STEPS = 2
_ANSWERS, _ANSWER_TOKENS = 4, 8
"""Of each slot, and how far they are written."""
_LONG_ANSWER = 0.9
"""Share of the training rows' answers that are no longer than what an answer is taken to take."""
_RANK = 8
_BATCHES = 4
"""Different batches that are trained on again and again: what is computed of a row once is no part of the speed."""


def measured_rates(engine: Engine, costs: CostModel, batch_size: int, *, slots: int) -> Rates:
    """Return the rows a second of an engine on its training and validation rows.

    Args:
        engine: With no slot taken.
        costs: Which kinds of adapters there are.
        batch_size: Rows of a training step.
        slots: Adapters that take their steps together, as far as they pass together.
    """
    adapters = [kind for kind in costs.kinds.values() if kind.modules]  # the head alone is no trial
    by_size = sorted(adapters, key=lambda kind: kind.pass_bytes_per_row)
    return Rates(
        train_dearest=_training_rate(engine, by_size[-1], batch_size, slots),
        train_cheapest=_training_rate(engine, by_size[0], batch_size, slots),
        score=_scoring_rate(engine, by_size[-1]),
        answer=_writing_rate(engine, by_size[0]) if engine.task.problem.name == "generation" else math.inf,
    )


def _training_rate(engine: Engine, kind: Kind, batch_size: int, slots: int) -> float:
    config = _config(kind, batch_size)
    lengths = engine.splits["train"].kept_lengths
    at_once = engine.chunk_tokens // (batch_size * usual_length(engine))
    names = [f"speed probe {at}" for at in range(max(1, min(slots, at_once)))]
    tokens = 0.0

    def step() -> None:
        nonlocal tokens
        for name in names:
            engine.slots[name].step %= _BATCHES
        tokens += sum(_padded(lengths, engine.slots[name].batch_rows()) for name in names)
        engine.step(names)

    try:
        for at, name in enumerate(names):
            engine.admit(name, config, seed=at)
        for _ in range(_BATCHES):
            step()  # warms up
        tokens = 0.0
        seconds = _timed(step)
    finally:
        for name in names:
            engine.release(name)
    batches = epoch_batches(lengths, batch_size, seed=0, epoch=0)
    return tokens / seconds / (sum(_padded(lengths, rows) for rows in batches) / len(lengths))


def _scoring_rate(engine: Engine, kind: Kind) -> float:
    """Return rows scored in a second, by chunks from all over the line of validation rows in order of length."""
    lengths = engine.splits["validation"].kept_lengths
    order = np.argsort(lengths, kind="stable")
    chunks = [order[at : at + SCORING_CHUNK_ROWS] for at in range(0, len(order), SCORING_CHUNK_ROWS)]
    first = np.random.default_rng(0).permutation(len(chunks)).tolist()
    waiting = cycle(first)
    name, tokens = "speed probe", 0.0

    def score() -> None:
        nonlocal tokens
        chunk = chunks[next(waiting)]
        tokens += _padded(lengths, chunk)
        engine.score_rows(name, "validation", chunk)

    try:
        engine.admit(name, _config(kind, 1), seed=0)
        for _ in range(min(_BATCHES, len(chunks))):
            score()
        waiting = cycle(first[:_BATCHES])
        tokens = 0.0
        seconds = _timed(score)
    finally:
        engine.release(name)
    return tokens / seconds / (sum(_padded(lengths, chunk) for chunk in chunks) / len(lengths))


def _writing_rate(engine: Engine, kind: Kind) -> float:
    """Return answers written in a second, each as long as one of the longer ones of the training rows.

    A base that repeats itself writes on to the end of what it may; the average would promise too much.
    """
    train, rows = engine.splits["train"], engine.splits["validation"]
    some = np.random.default_rng(0).permutation(len(rows))[:_ANSWERS]
    names = [f"speed probe {at}" for at in range(SLOTS_AT_ONCE)]
    few = replace(rows.take(some), stops=())  # what an untrained adapter writes is of any length
    seconds = {}
    try:
        for name in names:
            engine.admit(name, _config(kind, 1), seed=0)
        with engine.passing_once(few) as split:
            for tokens in (1, 1 + _ANSWER_TOKENS):
                start = time.perf_counter()
                writing.answers(engine, names, split, most_tokens=tokens)
                synchronise(engine.base.device)
                seconds[tokens] = time.perf_counter() - start
    finally:
        for name in names:
            engine.release(name)
    each_token = (seconds[1 + _ANSWER_TOKENS] - seconds[1]) / _ANSWER_TOKENS
    length = float(np.quantile(train.kept_lengths - train.targets, _LONG_ANSWER))
    return len(some) * len(names) / (seconds[1] + max(each_token, 0.0) * length)


def _config(kind: Kind, batch_size: int) -> AdapterConfig:
    return AdapterConfig(
        rank=_RANK,
        alpha=_RANK,
        target_modules=kind.modules,
        layers=kind.layers,
        learning_rate=1e-4,
        # More steps than are measured: an epoch may have fewer.
        epochs=1e6,
        batch_size=batch_size,
    )


def _padded(lengths: NDArray[np.int64], rows: NDArray[np.int64]) -> float:
    """Return the tokens that pass through the base with these rows."""
    return float(lengths[rows].max() * len(rows))


def _timed(work: Callable[[], None]) -> float:
    """Do the work again and again for a while, and return how long."""
    start = time.perf_counter()
    steps = 0
    while steps < _LEAST_STEPS or time.perf_counter() - start < _LEAST_SECONDS:
        work()
        steps += 1
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start
