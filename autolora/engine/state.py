"""Adapter state out and in: by PEFT's names for adapters, with optimiser and counters for slots that shall go on.

Knows slots and one file each: it is there as it was written, or not at all.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from autolora.durable import write_whole
from autolora.engine.slots import Slot
from autolora.errors import EngineError

_MOMENTS = ("exp_avg", "exp_avg_sq")
"""As torch names AdamW's."""


@dataclass(frozen=True, kw_only=True)
class SlotState:
    """Everything a slot needs to go on where it was."""

    adapter: dict[str, Tensor]
    """By PEFT's names."""
    moments: dict[str, Tensor]
    """AdamW's moments, as ``"<parameter>|exp_avg"`` and ``"<parameter>|exp_avg_sq"``."""
    step: int
    seconds: float
    config: str
    """The configuration as JSON; a state only enters a slot of the same one."""
    seed: int


def adapter_tensors(slot: Slot) -> dict[str, Tensor]:
    """Return the adapter's weights by PEFT's names, on the CPU."""
    return _copied(slot.parameters)


def _copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }


def load_adapter(slot: Slot, tensors: dict[str, Tensor]) -> None:
    """Put weights by PEFT's names into a slot.

    Raises:
        EngineError: If names or shapes differ from the slot's.
    """
    ours = {name: tuple(p.shape) for name, p in slot.parameters.items()}
    theirs = {name: tuple(t.shape) for name, t in tensors.items()}
    if ours != theirs:
        differing = sorted(set(ours.items()) ^ set(theirs.items()))[:3]
        raise EngineError(f"adapter weights do not fit the configuration: {differing}", "use the adapter's own config")
    for name, parameter in slot.parameters.items():
        parameter.copy_(tensors[name])


def snapshot(slot: Slot, config_json: str) -> SlotState:
    """Return a copy of everything the slot needs to go on."""
    moments: dict[str, Tensor] = {}
    for key in _MOMENTS:
        flat = slot.optimiser.state.get(slot.weights.values, {}).get(key)
        if flat is not None:
            moments |= {f"{name}|{key}": tensor for name, tensor in _copied(slot.weights.named(flat)).items()}
    return SlotState(
        adapter=adapter_tensors(slot),
        moments=moments,
        step=slot.step,
        seconds=slot.seconds,
        config=config_json,
        seed=slot.seed,
    )


def restore(slot: Slot, state: SlotState) -> None:
    """Put a snapshot into a freshly built slot of the same configuration and seed."""
    load_adapter(slot, state.adapter)
    slot.step, slot.seconds = state.step, state.seconds
    if not state.moments:
        return
    values = slot.weights.values
    # A fused optimiser's count of steps is where its weights are.
    ours = slot.optimiser.state[values] = {"step": torch.tensor(float(state.step), device=values.device)}
    for key in _MOMENTS:
        ours[key] = torch.zeros_like(values.detach())
        for name, moment in slot.weights.named(ours[key]).items():
            moment.copy_(state.moments[f"{name}|{key}"])


def write(state: SlotState, path: Path) -> None:
    """Write a snapshot as safetensors.

    Raises:
        RunFolderError: If it cannot be written; an earlier one still stands.
    """
    tensors = {f"a|{k}": v for k, v in state.adapter.items()} | {f"m|{k}": v for k, v in state.moments.items()}
    about = json.dumps({"step": state.step, "seconds": state.seconds, "config": state.config, "seed": state.seed})
    write_whole(path, save(tensors, {"slot": about, "sha256": _digest(about, tensors)}), at="slot")


def read(path: Path) -> SlotState:
    """Read what ``write`` wrote.

    Raises:
        EngineError: If the file is damaged, be it by a single bit.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about, digest = file.metadata()["slot"], file.metadata()["sha256"]
            counters = json.loads(about)
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - safe_open is no dict
    except Exception as error:  # safetensors raises its own class, or OSError, or ours from the metadata
        raise EngineError(f"the slot state {path.name} cannot be read: {error}", "delete it") from error
    if digest != _digest(about, tensors):
        raise EngineError(f"the slot state {path.name} does not hold what was written", "delete it")
    return SlotState(
        adapter={key[2:]: tensor for key, tensor in tensors.items() if key.startswith("a|")},
        moments={key[2:]: tensor for key, tensor in tensors.items() if key.startswith("m|")},
        **counters,
    )


def _digest(about: str, tensors: dict[str, Tensor]) -> str:
    """Return a checksum of everything in a state; safetensors' own format has none."""
    found = hashlib.sha256(about.encode())
    for name in sorted(tensors):
        found.update(name.encode())
        found.update(tensors[name].reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
