"""The resident base: a frozen model with packed layers in place of its linear modules, loaded once per device.

Knows models and devices; knows no slots and no data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from autolora.engine import first_token, four_bit
from autolora.engine.architecture import Architecture, describe
from autolora.engine.checkpoint import Checkpoint, tensor_in
from autolora.engine.packed import Pack, PackedCopies, PackedLinear
from autolora.engine.stack import Stack, prepare
from autolora.errors import BaseModelError
from autolora.records import Precision
from autolora.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class ResidentBase:
    """One frozen base model on one device, with the head of one task; see ``for_task``."""

    model: nn.Module
    checkpoint: Checkpoint
    architecture: Architecture
    pack: Pack
    linears: dict[str, PackedLinear]
    """Every linear module of the layers, by its dotted name in the model."""
    copies: dict[str, PackedCopies]
    """Every leaf module that each slot trains in full, by its dotted name."""
    stack: Stack | None
    """Where rows may join; None where each must pass through every layer."""
    first_token_only: bool
    """Whether the last layer is computed for the first token alone."""
    fresh: frozenset[str]
    """Names of parameters among those that the checkpoint lacked; the others start from the checkpoint."""
    modules_to_save: tuple[str, ...]
    """The same modules as PEFT's configuration names them."""
    peft_task_type: str
    device: torch.device
    dtype: torch.dtype
    """Of the frozen weights and the hidden states."""
    adapter_dtype: torch.dtype
    """Of adapters, heads and optimiser states."""
    precision: Precision
    parameter_count: int
    """Parameters of the base with one head."""
    weight_bytes: int
    """Bytes of the frozen weights as loaded."""

    @property
    def head_parameter_count(self) -> int:
        """Parameters that every slot trains beside its low-rank matrices."""
        return sum(p.numel() for module in self.copies.values() for p in module.template.parameters())

    def put_on(self) -> None:
        """Have the model pass rows through this task's head, where several tasks share it."""
        if self.pack.heads is not self.copies:
            for name, module in self.copies.items():
                _replace(self.model, name, module)
            self.pack.heads = self.copies

    def for_task(self, task: Task) -> ResidentBase:
        """Return the same base, held once, with a head for another task of the same kind.

        Of the modules that every slot trains in full, those of another shape than this task's come from the checkpoint
        if it has them in that shape, and begin fresh otherwise: as they would in a base that is loaded for the task.
        """
        skeleton = task.skeleton(self.checkpoint.folder)
        if skeleton is None or not self.copies:
            return self
        copies: dict[str, PackedCopies] = {}
        fresh = set(self.fresh)
        for name, packed in self.copies.items():
            wanted = skeleton.get_submodule(name)
            if _shapes(wanted) == _shapes(packed.template):
                copies[name] = PackedCopies(packed.template, self.pack)
                continue
            module = wanted.to_empty(device=self.device).to(self.adapter_dtype)
            for own, parameter in module.named_parameters():
                kept = tensor_in(self.checkpoint, f"{name}.{own}")
                is_kept = kept is not None and kept.shape == parameter.shape
                fresh = fresh - {f"{name}.{own}"} if is_kept else fresh | {f"{name}.{own}"}
                parameter.data = kept.to(parameter) if is_kept else torch.zeros_like(parameter)
            copies[name] = PackedCopies(module, self.pack)
        other = replace(self, copies=copies, fresh=frozenset(fresh))
        added = other.head_parameter_count - self.head_parameter_count
        return replace(
            other,
            parameter_count=self.parameter_count + added,
            weight_bytes=self.weight_bytes + added * self.dtype.itemsize,
        )


def usual_attention(device: torch.device) -> str:
    """Return the implementation of attention that usually trains faster on a device."""
    return "eager" if device.type == "cpu" else "sdpa"


def load_base(
    checkpoint: Checkpoint,
    task: Task,
    *,
    precision: Precision,
    device: torch.device,
    dtype: torch.dtype | None = None,
    attention: str | None = None,
) -> ResidentBase:
    """Load, freeze and pack a base model.

    Args:
        checkpoint: A checked folder.
        task: Says which kind of model, and how many classes.
        precision: ``exact`` holds the base in float32, ``fast`` in bf16, ``4bit`` in 4 bits as far as it can be packed.
        device: Where it lives.
        dtype: Overrides the precision's dtype for base *and* adapters (tests use float64).
        attention: transformers' name of an implementation; that which is usually faster on the device unless given.

    Raises:
        BaseModelError: If transformers cannot load it.
    """
    base_dtype = dtype or (torch.float32 if precision == "exact" else torch.bfloat16)
    options = four_bit.options(device) if precision == "4bit" else {}
    attention = attention or usual_attention(device)
    loaded = task.load_model(checkpoint.folder, dtype=base_dtype, attention=attention, options=options)
    model = loaded.model.requires_grad_(False).eval().to(device)
    weight_bytes = sum(p.numel() * p.element_size() for p in model.parameters())
    parameter_count = sum(four_bit.count(p) for p in model.parameters())
    architecture = describe(model)
    pack = Pack()
    linears, copies = {}, {}
    modules_to_save = _topmost(model, loaded.trained)
    names = [layers.name for layers in architecture.stacks]
    if lacking := [name for name in names for top in modules_to_save if name.startswith(top) or top.startswith(name)]:
        raise BaseModelError(
            f"the checkpoint holds no weights for the layers {lacking[0]!r} that its config.json speaks of",
            "the weights are of another model, or were cut: copy the model again",
        )
    for name in architecture.full_names(range(architecture.depth), architecture.shapes):
        linears[name] = PackedLinear(model.get_submodule(name), pack)
        _replace(model, name, linears[name])
    pad_token = getattr(model.config, "pad_token_id", None) or 0
    blocks = [block for name in names for block in model.get_submodule(name).children()]
    for block in blocks:
        block.register_forward_pre_hook(partial(_note_length, pack))
    first_token_only, stack = False, None
    if len(names) == 1:  # else what the first layers make of a row is no prefix of the others
        first_token_only = first_token.replace_last(model, blocks[-1], pad_token=pad_token)
        stack = prepare(model, blocks, heads=modules_to_save, pad_token=pad_token)
    for name in sorted(_leaf_owners(model, modules_to_save)):
        copies[name] = PackedCopies(model.get_submodule(name).to(dtype or torch.float32), pack)
        _replace(model, name, copies[name])
    pack.heads = copies
    return ResidentBase(
        model=model,
        checkpoint=checkpoint,
        architecture=architecture,
        pack=pack,
        linears=linears,
        copies=copies,
        stack=stack,
        first_token_only=first_token_only,
        fresh=loaded.fresh,
        modules_to_save=modules_to_save,
        peft_task_type=loaded.peft_task_type,
        device=device,
        dtype=base_dtype,
        adapter_dtype=dtype or torch.float32,
        precision=precision,
        parameter_count=parameter_count,
        weight_bytes=weight_bytes,
    )


def _topmost(model: nn.Module, parameters: frozenset[str]) -> tuple[str, ...]:
    """Return the highest modules all of whose parameters are in ``parameters``."""
    found: list[str] = []
    for name, module in model.named_modules():
        inside = [f"{name}.{p}" for p, _ in module.named_parameters()]
        if (
            name
            and inside
            and all(p in parameters for p in inside)
            and not any(name.startswith(f"{f}.") for f in found)
        ):
            found.append(name)
    covered = {p for p in parameters if any(p.startswith(f"{f}.") for f in found)}
    if covered != parameters:
        raise BaseModelError(
            f"the checkpoint lacks single weights of modules: {', '.join(sorted(parameters - covered)[:5])}",
            "the checkpoint is damaged or of another architecture than its config.json says",
        )
    return tuple(found)


def _leaf_owners(model: nn.Module, tops: tuple[str, ...]) -> set[str]:
    """Return the modules under ``tops`` that hold parameters themselves."""
    return {
        name
        for name, module in model.named_modules()
        if any(name == top or name.startswith(f"{top}.") for top in tops)
        and any(True for _ in module.parameters(recurse=False))
    }


def _shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: parameter.shape for name, parameter in module.named_parameters()}


def _note_length(pack: Pack, block: nn.Module, args: tuple[Any, ...]) -> None:
    if args:
        pack.length = args[0].shape[1]


def _replace(model: nn.Module, name: str, new: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent) if parent else model, child, new)
