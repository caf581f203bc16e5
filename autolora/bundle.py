"""The adapter folder that leaves the house: PEFT's own files, card, provenance, checksums; tested before it counts.

Knows weights and records; loads no model itself. The folder is written aside, tested in a fresh process with plain
transformers and peft, and only then renamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from autolora import self_test
from autolora.data import subset
from autolora.durable import unwritable
from autolora.engine.jobs import TokenRows
from autolora.engine.start import EngineFacts
from autolora.failpoints import failpoint
from autolora.loading import Answers, loading_code
from autolora.records import AdapterConfig, Dataset, Prompts, to_json
from autolora.self_test import Bundled, SelfTest
from autolora.tasks.problems import problem_of

_JOBS = {
    "single_label": "labels a text with one of {classes} classes",
    "multi_label": "labels a text with any of {classes} classes",
    "regression": "gives a text a number",
    "generation": "writes an answer to a prompt",
}


@dataclass(frozen=True, kw_only=True)
class Writing:
    """What a bundle that writes needs besides."""

    prompts: Prompts
    closed: tuple[str, ...]
    """The answers to choose from by likelihood; none lets them be written."""
    rows: TokenRows
    """The test rows."""
    losses: NDArray[Any]
    """The engine's: summed loss and tokens of the wanted answers ``(rows, 2)``."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What goes into a bundle."""

    name: str
    config: AdapterConfig
    weights: dict[str, Any]
    """By PEFT's names."""
    facts: EngineFacts
    dataset: Dataset
    """With the validation rows of the seed that ships."""
    metric: str
    threshold: float | None = None
    """Probability from which a label is given, where a row may have several."""
    max_length: int
    seed: int
    validation: float
    """Mean over the fresh seeds."""
    test: float
    test_ci95: tuple[float, float]
    verdict: str
    checked: int | None = None
    """Test rows of the self-test; None means all."""
    writing: Writing | None = None
    """Where an answer is written."""


def write(contents: Contents, final: Path, *, base_folder: Path, engine_outputs: NDArray[Any]) -> SelfTest:
    """Write the bundle aside, test it, and rename it to ``final``.

    Args:
        contents: What goes in.
        final: The bundle's folder; replaced if it is an earlier bundle.
        base_folder: Where the self-test finds the base model.
        engine_outputs: What the engine kept of its logits on the test split ``(rows, ...)``, or what it answered.

    Raises:
        BundleError: If plain PEFT cannot load it, or does not reproduce its score.
        RunFolderError: If it cannot be written.
    """
    part = final.with_name(final.name + ".part")
    try:
        result = _fill(part, contents, base_folder=base_folder, engine_outputs=engine_outputs)
        failpoint("bundle.replace")
        shutil.rmtree(final, ignore_errors=True)
        failpoint("bundle.removed")
        os.replace(part, final)
        failpoint("bundle.kept")
    except (OSError, KeyboardInterrupt) as error:  # a bundle that fails its test stays aside, to be looked at
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(error, OSError):
            raise unwritable(final, error) from error
        raise
    return result


def _fill(part: Path, contents: Contents, *, base_folder: Path, engine_outputs: NDArray[Any]) -> SelfTest:
    """Write and test a bundle in a folder of another name."""
    shutil.rmtree(part, ignore_errors=True)
    failpoint("bundle.begin")
    part.mkdir(parents=True)
    weights = {name: np.ascontiguousarray(values) for name, values in contents.weights.items()}
    # Not save_file: it lets nobody but the owner read what it writes, and this folder leaves the house.
    (part / "adapter_model.safetensors").write_bytes(save(weights, {"format": "pt"}))
    _write_json(part / "adapter_config.json", peft_config(contents.config, contents.facts))
    failpoint("bundle.weights")
    result = tested(part, contents, base_folder=base_folder, engine_outputs=engine_outputs)
    failpoint("bundle.tested")
    _write_json(part / "autolora.json", provenance(contents, result))
    (part / "README.md").write_text(card(contents, result), encoding="utf-8")
    names = sorted(path.name for path in part.iterdir())
    sums = "".join(f"{hashlib.sha256((part / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    (part / "SHA256SUMS").write_text(sums)
    return result


def peft_config(config: AdapterConfig, facts: EngineFacts) -> dict[str, Any]:
    """Return ``adapter_config.json`` for PEFT's ``LoraConfig``; targets by full names, which fit nothing else."""
    return {
        "peft_type": "LORA",
        "task_type": facts.task_type,
        "peft_version": facts.versions["peft"],
        "base_model_name_or_path": facts.base_id,
        "revision": None,
        "inference_mode": True,
        "r": config.rank,
        "lora_alpha": config.alpha,
        "lora_dropout": config.dropout,
        "use_rslora": config.use_rslora,
        "target_modules": facts.target_names(config.target_modules, config.layers),
        "modules_to_save": list(facts.modules_to_save),
        "fan_in_fan_out": facts.fan_in_fan_out,
        "bias": "none",
    }


def provenance(contents: Contents, result: SelfTest) -> dict[str, Any]:
    """Return ``autolora.json``: where the adapter comes from and what it was seen to do."""
    facts, data = contents.facts, contents.dataset
    return {
        "schema": 1,
        "name": contents.name,
        "verdict": contents.verdict,
        "base_model": {"id": facts.base_id, "hash": facts.base_hash},
        "precision": facts.precision,
        "seed": contents.seed,
        "config": json.loads(to_json(contents.config)),
        "problem": contents.dataset.problem,
        "classes": list(contents.dataset.classes),
        "threshold": contents.threshold,
        "center": contents.dataset.center,
        "scale": contents.dataset.scale,
        "temperature": 1.0 if result.calibration is None else result.calibration.temperature,
        "max_length": contents.max_length,
        "text_column": data.text_column,
        "chat": data.chat,
        "prompts": None if contents.writing is None else json.loads(to_json(contents.writing.prompts)),
        "answers": [] if contents.writing is None else list(contents.writing.closed),
        "data": {
            "source": data.source,
            "hash": data.hash,
            "rows": {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
        },
        "scores": {
            "metric": contents.metric,
            "validation_mean_of_seeds": contents.validation,
            "test": contents.test,
            "test_ci95": list(contents.test_ci95),
            "test_in_plain_peft": result.test,
            "same_labels_in_plain_peft": result.same_labels,
            "rows_in_plain_peft": result.rows,
            "perplexity": result.perplexity_in_engine,
            "perplexity_in_plain_peft": result.perplexity,
        },
        "device": facts.device,
        "versions": facts.versions,
    }


def tested(folder: Path, contents: Contents, *, base_folder: Path, engine_outputs: NDArray[Any]) -> SelfTest:
    """Load the folder with plain transformers and peft in a fresh process, and compare it with the engine.

    Raises:
        BundleError: If it cannot be loaded, or gives other labels or answers.
    """
    everything, problem = contents.dataset.test, problem_of(contents.dataset)
    test = subset(everything, contents.checked or len(everything), seed=contents.seed)
    place_of = {row_id: place for place, row_id in enumerate(everything.row_ids)}
    places = [place_of[row_id] for row_id in test.row_ids]
    it = Bundled(folder=folder, base_folder=base_folder, precision=contents.facts.precision, metric=contents.metric)
    if contents.writing is None:
        return self_test.of_labels(
            it,
            test,
            problem,
            validation=subset(
                contents.dataset.validation, contents.checked or len(contents.dataset.validation), seed=contents.seed
            ),
            threshold=contents.threshold,
            max_length=contents.max_length,
            engine_outputs=engine_outputs[places],
        )
    writing = contents.writing
    return self_test.of_answers(
        it,
        test,
        writing.rows.take(places),
        chat=contents.dataset.chat,
        prompts=writing.prompts,
        closed=writing.closed,
        engine_answers=engine_outputs[places],
        engine_losses=writing.losses[places],
    )


def card(contents: Contents, result: SelfTest) -> str:
    """Return the README of the bundle."""
    facts, config, data = contents.facts, contents.config, contents.dataset
    low, high = contents.test_ci95
    plain = f"the same in plain PEFT, base in {'4 bits' if facts.precision == '4bit' else 'float32'}"
    trained = sum(int(np.size(weights)) for weights in contents.weights.values())
    rows = {
        "base model": f"`{facts.base_id}`, {facts.base_hash}",
        f"{contents.metric}, test split ({len(data.test)} rows)": f"{contents.test:.3f} (95 % {low:.3f} to {high:.3f})",
        f"{plain} ({result.rows} rows)": f"{result.test:.3f}; {result.same_labels:.1%} equal",
        **_perplexities(result),
        f"{contents.metric}, validation split, mean of fresh seeds": f"{contents.validation:.3f}",
        "trained parameters": f"{trained:,} of {facts.base_params:,}",
        "rank, alpha": f"{config.rank}, {config.alpha:g}{' (rsLoRA)' if config.use_rslora else ''}",
        "layers": ", ".join(map(str, config.layers)),
        "precision of training": facts.precision,
        "data": f"{data.source}, {data.hash}",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    code = loading_code(
        Answers(
            problem=data.problem,
            classes=data.classes,
            threshold=contents.threshold,
            center=data.center,
            scale=data.scale,
            prompts=None if contents.writing is None else contents.writing.prompts,
            closed=() if contents.writing is None else contents.writing.closed,
        ),
        base_model=facts.base_id,
        adapter=".",
        max_length=contents.max_length,
        four_bit=facts.precision == "4bit",
    )
    return f"""---
library_name: peft
base_model: {json.dumps(facts.base_id)}
tags: [lora, autolora]
---
# {contents.name}

A LoRA adapter that {_JOBS[data.problem].format(classes=len(data.classes))}.
Verdict of the search: **{contents.verdict}**.

| | |
|---|---|
{table}

## Use

From inside this folder:

```python
{code}
```
"""


def _perplexities(result: SelfTest) -> dict[str, str]:
    if result.perplexity is None:
        return {}
    return {
        "perplexity of the wanted answers": f"{result.perplexity_in_engine:.4f}; in plain PEFT {result.perplexity:.4f}"
    }


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
