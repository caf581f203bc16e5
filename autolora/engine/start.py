"""From a specification to a running engine: what an engine process does first. Knows files, devices and versions."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from autolora.engine.checkpoint import Checkpoint
from autolora.engine.costs import CostModel, Rates
from autolora.engine.layers import Layers, names_in
from autolora.engine.watch import PATIENCE_SECONDS
from autolora.errors import BaseModelError
from autolora.records import Precision, Prompts, Split
from autolora.request import PrecisionWish
from autolora.tasks.problems import Generation, HeadProblem

_PACKAGES = ("autolora", "torch", "transformers", "peft", "optuna", "ray", "scikit-learn", "numpy", "safetensors")
ALLOCATOR = {
    # glibc gives freed pages back at once and faults them in again: training lost up to half of its rate to that.
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "-1",
    "MALLOC_TOP_PAD_": "268435456",
}
"""What an engine's process needs in its environment; glibc reads it when a process starts."""
_BYTES_PER_PARAMETER: dict[Precision, float] = {"exact": 4.0, "fast": 2.0, "4bit": 0.5}
"""Of the base; at the least."""
_LOADED_SHARE = 0.9
"""Of a checkpoint's numbers, at the least: it may hold heads for other jobs."""
_SLOTS = {"cpu": 4, "cuda": 16}
"""Adapters held at once. On a CPU as many batches of short texts pass together, and of long ones width saves no time,
but starves the search of feedback: in simulated searches four found a front in less time than two and than eight."""
_CACHE_SHARE = 0.25
"""Of the memory that is free at the start."""
_LEAVE_ON_DISK = 2**30


@dataclass(frozen=True, kw_only=True)
class EngineSpec:
    """Everything an engine needs to start anywhere that the base's folder can be read."""

    folder: str
    """Of the checked base checkpoint."""
    base_id: str
    problem: HeadProblem | Generation
    max_length: int
    train: Split
    validation: Split
    precision: PrecisionWish
    """In which the base is held."""
    device: str = "auto"
    threads: int = 0
    """CPU threads; 0 takes all."""
    choices: tuple[tuple[Any, Any], ...] = ()
    """Pairs of (target_modules, layers) whose costs are wanted."""
    timed_batch: int = 0
    """Rows of the training steps by which the engine's speed is measured; 0 measures none."""
    cache_bytes: int | None = None
    """What rows' hidden states may take in memory; 0 keeps none, None a part of what is free."""
    patience_s: float = PATIENCE_SECONDS
    """What a training step may take at least before it counts as hanging."""


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """What the rest of the house needs to know of an engine and its base."""

    device: str
    """In words."""
    on_cpu: bool
    precision: Precision
    attention: str
    """transformers' name of how attention is computed."""
    fused_norms: bool
    """Whether torch computes the layers' RMS norms."""
    slots: int
    """Adapters that the engine is to hold at once."""
    base_id: str
    base_hash: str
    base_params: int
    weight_bytes: int
    stacks: tuple[Layers, ...]
    """The lists of layers; see ``Architecture``."""
    modules_to_save: tuple[str, ...]
    fan_in_fan_out: bool
    """Whether linear modules store their weights as (in, out), which PEFT must be told."""
    task_type: str
    token_lengths: tuple[int, ...]
    truncated_share: float
    unknown_token_share: float
    control_rows: tuple[str, ...]
    """Training rows, by their ids, whose text holds what the tokenizer has for control tokens."""
    prompts: Prompts | None
    """How prompts are put to the base, where an answer is written."""
    versions: dict[str, str]
    costs: CostModel
    rates: Rates | None = None
    """None where the speed was not to be measured."""

    def target_names(self, modules: tuple[str, ...], layers: tuple[int, ...]) -> list[str]:
        """Return full module names, the form in which PEFT's configuration names targets without doubt."""
        return [name for layer in layers for name, _ in names_in(self.stacks, layer, modules)]


def start(spec: EngineSpec, *, beside: tuple[Any, EngineFacts] | None = None) -> tuple[Any, EngineFacts]:
    """Load the base, encode the data, measure the costs, and return the engine with its facts.

    Args:
        spec: What it needs.
        beside: An engine whose base it is to share, and its facts; nothing is loaded then, and what was chosen by
            timing it holds for both.

    Raises:
        BaseModelError: If the base cannot be loaded, has no room on the device, or lacks what a choice names.
        EngineError: If the device is not there, or lacks the precision.
    """
    import torch

    from autolora.engine import device as devices
    from autolora.engine.attention import choose as choose_attention
    from autolora.engine.base import load_base
    from autolora.engine.checkpoint import find
    from autolora.engine.engine import Engine
    from autolora.engine.memory import cost_model
    from autolora.engine.norms import choose as choose_norms
    from autolora.engine.speed import measured_rates
    from autolora.engine.together import choose as choose_together
    from autolora.tasks.kinds import task_of
    from autolora.tasks.task import load_tokenizer

    if spec.threads:
        torch.set_num_threads(spec.threads)
    checkpoint = find(spec.folder, base_id=spec.base_id)
    task = task_of(spec.problem, max_length=spec.max_length, folder=checkpoint.folder)
    if beside is None:
        device = devices.pick(spec.device)
        precision, _ = devices.pick_precision(device, spec.precision)
        _check_fits(checkpoint, precision, device)
        base = load_base(checkpoint, task, precision=precision, device=device)
    else:
        base = beside[0].base.for_task(task)
        device, precision = base.device, base.precision
    tokenizer = load_tokenizer(Path(spec.folder))
    splits = {"train": task.encode(tokenizer, spec.train), "validation": task.encode(tokenizer, spec.validation)}
    engine = Engine(base, task, splits, cache=_cache(spec.cache_bytes, device, beside))
    train = splits["train"]
    attention = choose_attention(engine) if beside is None else beside[1].attention
    fused_norms = choose_norms(engine) if beside is None else beside[1].fused_norms
    costs = cost_model(engine, spec.choices)
    if costs.kinds:
        engine.fit_to(devices.free_bytes(device), max(kind.pass_bytes_per_row for kind in costs.kinds.values()))
    if beside is None:
        choose_together(engine)
    slots = _SLOTS[device.type]
    return engine, EngineFacts(
        device=devices.in_words(device),
        on_cpu=device.type == "cpu",
        precision=precision,
        attention=attention,
        fused_norms=fused_norms,
        slots=slots,
        base_id=checkpoint.id,
        base_hash=checkpoint.hash,
        base_params=base.parameter_count,
        weight_bytes=base.weight_bytes,
        stacks=base.architecture.stacks,
        modules_to_save=base.modules_to_save,
        fan_in_fan_out=any(type(module.base).__name__ == "Conv1D" for module in base.linears.values()),
        task_type=base.peft_task_type,
        token_lengths=train.length_quantiles,
        truncated_share=train.truncated_share,
        unknown_token_share=train.unknown_share,
        control_rows=tuple(spec.train.row_ids[row] for row in train.controls),
        prompts=_prompts(task, tokenizer, spec.train, train),
        versions={name: version(name) for name in _PACKAGES} | {"python": platform.python_version()},
        costs=costs,
        rates=measured_rates(engine, costs, spec.timed_batch, slots=slots) if spec.timed_batch else None,
    )


def _prompts(task: Any, tokenizer: Any, split: Split, encoded: Any) -> Prompts | None:
    """Return how rows are put to the base, where an answer is written."""
    if task.problem.name != "generation":
        return None
    prompting = task.prompting(tokenizer)
    return Prompts(
        chat_template=prompting.is_chat,
        plain=prompting.plain,
        in_pairs=prompting.in_pairs,
        drops=prompting.drops,
        stops=prompting.stops,
        longest_answer=int((encoded.kept_lengths - encoded.targets).max()),
        example=prompting.prompt_text(split.texts[0]),
    )


def _check_fits(checkpoint: Checkpoint, precision: Precision, device: Any) -> None:
    """Refuse a base that has no room: on a CPU the system would kill the engine in the middle of loading it."""
    from autolora.engine.device import free_bytes, in_words

    least = checkpoint.parameters * _BYTES_PER_PARAMETER[precision]
    free = free_bytes(device)
    if least * _LOADED_SHARE > free:
        smaller = {"exact": "precision fast or 4bit, ", "fast": "precision 4bit, ", "4bit": ""}[precision]
        raise BaseModelError(
            f"the base model {checkpoint.id!r} takes {least / 1e9:.1f} GB in precision {precision}, but"
            f" {in_words(device)} has {free / 1e9:.1f} GB free",
            f"use {smaller}a smaller base, or a device with more memory",
        )


def _cache(cache_bytes: int | None, device: Any, beside: tuple[Any, EngineFacts] | None) -> Any:
    """Return a cache of its own; how much it may take, if that was left open, all tasks of a base share."""
    from autolora.engine.device import free_bytes
    from autolora.engine.row_cache import MemoryRows, Room, RowCache

    if cache_bytes is None and beside is not None and beside[0].cache is not None:
        return RowCache(MemoryRows(beside[0].cache.memory.room), device=device)
    limit = int(free_bytes(device) * _CACHE_SHARE) if cache_bytes is None else cache_bytes
    return RowCache(MemoryRows(Room(limit)), device=device) if limit else None


def keep_prefixes(engine: Any, folder: str) -> None:
    """Have an engine keep in a folder what it computes of rows once, unless it keeps none, or the disk is short."""
    from autolora.engine.row_cache import FileRows

    cache, base = engine.cache, engine.base
    if cache is None or base.stack is None:
        return
    free = shutil.disk_usage(Path(folder).parent).free
    limit = min(cache.memory.room.limit_bytes, (free - _LEAVE_ON_DISK) // 2)
    if limit <= 0:
        return
    made_by = {name: version(name) for name in ("autolora", "torch", "transformers")}
    cache.file = FileRows(
        Path(folder),
        limit_bytes=limit,
        identity=f"{base.checkpoint.hash} {base.precision} {base.dtype} {base.device.type} {made_by}",
        width=base.stack.width,
        dtype=base.dtype,
    )
