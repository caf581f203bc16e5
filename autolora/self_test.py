"""A bundle's self-test: a fresh process loads it with plain transformers and peft, and must say what the engine said.

Knows splits, records and scripts; loads no model itself.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autolora.calibration import calibration
from autolora.data.conversations import as_messages
from autolora.engine.jobs import TokenRows
from autolora.errors import BundleError
from autolora.loading import FOUR_BIT
from autolora.objectives import GUIDE
from autolora.records import Calibration, Precision, Prompts, Split
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import Problem

_TIMEOUT_S = 3600
_SAME_LABELS: dict[Precision, float] = {"exact": 0.995, "fast": 0.95, "4bit": 0.95}
"""Least share of the test rows' labels that must be the same in plain PEFT as in the engine."""
_SAME_CHOICES: dict[Precision, float] = {"exact": 0.995, "fast": 0.85, "4bit": 0.85}
"""Least share of likeliest answers, likewise: several may be about as likely, and bf16 rounds each of the sums
over a whole vocabulary that tell them apart (measured: 5 % differ with a vocabulary of 262,000)."""
_SAME_TEXTS: dict[Precision, float] = {"exact": 0.995, "fast": 0.5, "4bit": 0.5}
"""Least share of written answers, likewise: where a base in bf16 wavers between two words, one in float32 may take the
other, and everything behind it differs. The longer an answer, the likelier that it comes to that: see below."""
_WRITTEN_ALIKE = 50
"""Characters that answers which part must be alike for, on average, if fewer than that are the same to their ends. An
adapter that was loaded wrongly parts within a word or two."""
_SAME_LOSS = 0.05
"""What losses of one wanted answer may differ by, relatively, to count as the same."""
_SAME_PERPLEXITY: dict[Precision, float] = {"exact": 1e-3, "fast": 0.03, "4bit": 0.03}
"""What perplexities may differ by at most, relatively."""


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """How the bundle did in a fresh process with plain transformers and peft, on the base in float32 or in 4 bits."""

    rows: int
    """Test rows, or a stratified sample of them, that it labelled or answered."""
    test: float
    """Score on these rows."""
    same_labels: float
    """Share of these rows' labels, or answers, that are as the engine gave them."""
    seconds: float
    calibration: Calibration | None = None
    """Where a row has classes."""
    perplexity: float | None = None
    """Of the wanted answers, where answers are written."""
    perplexity_in_engine: float | None = None


@dataclass(frozen=True, kw_only=True)
class Bundled:
    """What is tested."""

    folder: Path
    base_folder: Path
    precision: Precision
    metric: str


def of_labels(
    it: Bundled,
    test: Split,
    problem: Problem,
    *,
    validation: Split,
    threshold: float | None,
    max_length: int,
    engine_outputs: NDArray[Any],
) -> SelfTest:
    """Compare labels with the engine's.

    Args:
        it: The bundle.
        test: Rows to label.
        problem: What a label is.
        validation: Rows that the adapter was not trained on, on which its temperature is found.
        threshold: Probability from which a label is given, where a row may have several.
        max_length: Tokens that a text is cut to.
        engine_outputs: What the engine kept of its logits on these rows ``(rows, ...)``.

    Raises:
        BundleError: If it cannot be loaded, or gives other labels.
    """
    calibrates = problem.name != "regression"
    texts = [*test.texts, *(validation.texts if calibrates else ())]
    request = {"texts": texts, "max_length": max_length, "num_labels": problem.num_labels}
    path = it.folder / "logits.npy"
    seconds = _run("bundle_check.py", it, path, request)
    every = np.load(path)
    path.unlink()
    logits = every[: len(test)]
    plain = problem.predictions(problem.outputs(logits), threshold)
    same = problem.same(plain, problem.predictions(engine_outputs, threshold))
    scorer = Scorer.build(it.metric, problem.targets(test.labels), len(problem.classes))
    _check_share(same, _SAME_LABELS[it.precision], "the test rows' labels")
    found = None
    if calibrates:
        truth, own = (problem.targets(split.labels) for split in (test, validation))
        found = calibration(logits, plain, truth, validation_logits=every[len(test) :], validation_truth=own)
    return SelfTest(
        rows=len(test),
        test=scorer.value(plain),
        same_labels=float(same.mean()),
        seconds=seconds,
        calibration=found,
    )


def of_answers(
    it: Bundled,
    test: Split,
    rows: TokenRows,
    *,
    chat: bool,
    prompts: Prompts,
    closed: tuple[str, ...],
    engine_answers: NDArray[Any],
    engine_losses: NDArray[Any],
) -> SelfTest:
    """Compare answers, and the perplexity of the wanted ones, with the engine's.

    Rows that were cut, or that hold control tokens, are left out: any other tokenizer call reads them otherwise.

    Args:
        it: The bundle.
        test: Rows to answer.
        rows: The same as tokens.
        chat: Whether texts are conversations.
        prompts: How they are put to the base.
        closed: The answers to choose from; none lets them be written.
        engine_answers: What the engine answered ``(rows,)``.
        engine_losses: Summed loss and tokens of the wanted answers ``(rows, 2)``.

    Raises:
        BundleError: If it cannot be loaded, or answers otherwise.
    """
    is_loss = it.metric == GUIDE
    kept = [at for at, plain in enumerate(rows.as_they_are) if plain] or list(range(len(test)))
    request = {
        "prompts": [
            as_messages(test.texts[at], chat=chat) if prompts.chat_template else rows.prompts[at] for at in kept
        ],
        "rows": [(rows.tokens[at], rows.starts[at]) for at in kept],
        "closed": rows.closed,
        "in_pairs": prompts.in_pairs,
        "stops": prompts.stops,
        "longest_answer": 0 if is_loss else prompts.longest_answer,
    }
    path = it.folder / "found.json"
    seconds = _run("bundle_check_writing.py", it, path, request)
    found = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    losses = np.asarray(found["losses"])
    if is_loss:
        plain, least = losses, _SAME_LABELS
        same = np.abs(losses[:, 0] - engine_losses[kept, 0]) <= _SAME_LOSS * losses[:, 0]
    else:
        plain = np.array([closed[answer] if closed else answer for answer in found["answers"]], dtype=str)
        same, least = plain == engine_answers[kept], _SAME_CHOICES if closed else _SAME_TEXTS
    ours, theirs = _perplexity(engine_losses[kept]), _perplexity(losses)
    if is_loss or closed or it.precision == "exact" or not _part_late(plain, engine_answers[kept]):
        _check_share(same, least[it.precision], "the answers")
    if abs(ours - theirs) > _SAME_PERPLEXITY[it.precision] * theirs:
        raise BundleError(
            f"in plain PEFT the wanted answers' perplexity is {theirs:.4f}, but in the engine {ours:.4f}",
            "this is a bug; report it with the run folder",
        )
    scorer = Scorer.build(it.metric, np.asarray([str(test.labels[at]) for at in kept], dtype=str), 0)
    return SelfTest(
        rows=len(kept),
        test=scorer.value(plain),
        same_labels=float(same.mean()),
        seconds=seconds,
        perplexity=theirs,
        perplexity_in_engine=ours,
    )


def _part_late(answers: NDArray[Any], others: NDArray[Any]) -> bool:
    """Return whether answers that are not the same are alike for long before they part."""
    pairs = list(zip(answers, others, strict=True))
    parting = sum(one != other for one, other in pairs)
    alike = sum(sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(*pair, strict=False))) for pair in pairs)
    return bool(alike >= _WRITTEN_ALIKE * parting)


def _perplexity(losses: NDArray[Any]) -> float:
    summed, tokens = losses.sum(axis=0)
    return math.exp(summed / tokens)


def _run(script: str, it: Bundled, found: Path, request: dict[str, Any]) -> float:
    """Run a script on a bundle, and return the seconds that it took.

    Raises:
        BundleError: If it fails, or takes too long.
    """
    request |= {"quantization": FOUR_BIT if it.precision == "4bit" else None}
    try:
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name(script)), str(it.folder), str(it.base_folder), str(found)],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(
            f"the adapter's self-test took longer than {_TIMEOUT_S:,} s", "give it a machine with less to do"
        ) from error
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise BundleError(f"plain transformers and peft cannot load the adapter: {reason}", "this is a bug; report it")
    return float(done.stdout.splitlines()[-1])


def _check_share(same: NDArray[np.bool_], least: float, what: str) -> None:
    # A row on a border may flip by rounding; in a small test split one row is more than the share allows.
    if (~same).sum() > max(1, (1 - least) * same.size):
        raise BundleError(
            f"in plain PEFT {same.mean():.1%} of {what} are the engine's, but at least {least:.1%} must",
            "this is a bug; report it with the run folder",
        )
