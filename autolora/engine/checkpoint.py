"""A base checkpoint before it is loaded: found, checked for anything that could run code, and named by its hash.

Knows files, not models.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from autolora.errors import BaseModelError
from autolora.values import shown

KINDS = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
"""What belongs to a base model and may travel: no code, no pickles."""
_GENERIC_NAMES = {"model", "base", "checkpoint", "snapshot", "weights"}


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A base model's folder that may be loaded."""

    folder: Path
    id: str
    """How records name the base: the hub id, or the folder's name; never a path."""
    hash: str
    """``sha256:`` over ``config.json`` and every safetensors file, by name."""
    weight_bytes: int
    """Size of the safetensors files."""
    parameters: int
    """Numbers in them."""


def find(name: str, *, base_id: str | None = None) -> Checkpoint:
    """Return the checkpoint that ``name`` (a folder, or a hub id) stands for.

    A name that is no folder is looked up in the local hub cache and then, unless offline, on the hub; only
    configuration, vocabulary and safetensors files are fetched.

    Args:
        name: A folder or a hub id.
        base_id: What records shall call it; derived from ``name`` if not given.

    Raises:
        BaseModelError: If it is absent, unreadable, brings code, or has no safetensors weights.
    """
    folder = Path(os.path.expanduser(name))  # Path.expanduser raises where there is no such home
    try:
        is_file, is_folder = folder.is_file(), folder.is_dir()
    except OSError as error:  # a name that is too long, or a folder that may not be looked into
        raise BaseModelError(
            f"the base model {shown(name)} cannot be opened: {error.strerror or error}", "check its name"
        ) from error
    if is_file:
        raise BaseModelError(f"the base model must be a folder or a hub id, but {name!r} is a file", "give its folder")
    if not is_folder:
        folder = _from_hub(name)
        base_id = base_id or name
    _check(folder, name)
    weights = sorted(folder.glob("*.safetensors"))
    return Checkpoint(
        folder=folder.resolve(),
        id=base_id or _id_of(folder.resolve()),
        hash=_hash(tuple(map(_version, (folder / "config.json", *weights)))),
        weight_bytes=sum(path.stat().st_size for path in weights),
        parameters=sum(map(_parameters, weights)),
    )


def tensor_in(checkpoint: Checkpoint, name: str) -> Any:
    """Return a tensor of a checkpoint by the very name it has there, None where it holds none of that name."""
    for path in sorted(checkpoint.folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            if name in file.keys():  # noqa: SIM118, the file itself cannot be looked through
                return file.get_tensor(name)
    return None


def _id_of(folder: Path) -> str:
    """Return a folder's own name, with its parent's before it where it says nothing by itself."""
    if folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--"):
        return folder.parent.parent.name.removeprefix("models--").replace("--", "/")
    says_nothing = folder.name.lower() in _GENERIC_NAMES and folder.parent.name
    return f"{folder.parent.name}/{folder.name}" if says_nothing else folder.name


def _from_hub(name: str) -> Path:
    looks_like_path = name.startswith((".", "/", "~")) or (name.count("/") != 1 and "/" in name) or "\\" in name
    if looks_like_path:
        raise BaseModelError(
            f"the base model must be a folder or a hub id, but {name!r} does not exist",
            "give the folder that holds config.json and model.safetensors",
        )
    from huggingface_hub import snapshot_download

    try:
        try:
            return Path(snapshot_download(name, allow_patterns=list(KINDS), local_files_only=True))
        except Exception:  # not in the cache yet; the hub's own errors differ from release to release
            return Path(snapshot_download(name, allow_patterns=list(KINDS)))
    except Exception as error:
        reason = str(error).strip().split("\n")[0][:200]
        raise BaseModelError(
            f"the base model {name!r} is neither a folder here nor could it be had from the hub: {reason}",
            "give a local folder with config.json and *.safetensors, or check the id and the network",
        ) from error


def _check(folder: Path, name: str) -> None:
    config_path = folder / "config.json"
    if not config_path.is_file():
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise BaseModelError(
            f"a base model needs config.json, but {name!r} holds {there}", "give the folder of the model itself"
        )
    try:
        config = json.loads(config_path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BaseModelError(f"config.json of {name!r} cannot be read: {error}", "copy the model again") from error
    if not isinstance(config, dict):
        raise BaseModelError(
            f"config.json of {name!r} must hold keys and values, but it does not", "copy the model again"
        )
    code = sorted(path.name for path in folder.rglob("*.py"))
    if "auto_map" in config or code:
        what = f"python files ({', '.join(code[:3])})" if code else "'auto_map' in config.json"
        raise BaseModelError(
            f"a base model that brings its own code is refused, and {name!r} has {what}",
            "use a model whose architecture transformers itself knows",
        )
    if not any(folder.glob("*.safetensors")):
        raise BaseModelError(
            f"a base model needs *.safetensors weights, and {name!r} has none",
            "convert them: AutoModel.from_pretrained(old).save_pretrained(new)",
        )
    for weights in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(weights, framework="numpy"):
                pass  # opening reads the header and holds it against the file's size
        except (SafetensorError, OSError) as error:
            raise BaseModelError(f"{weights.name} of {name!r} is damaged: {error}", "copy the model again") from error


def _parameters(weights: Path) -> int:
    """Return how many numbers a safetensors file holds; only its header is read."""
    with safe_open(weights, framework="numpy") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118 - no dict


def _version(path: Path) -> tuple[str, int, int]:
    """Return what changes with a file's content: its path, its size, its time."""
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns


@lru_cache(maxsize=8)
def _hash(files: tuple[tuple[str, int, int], ...]) -> str:
    """Return the hash over the files' names and contents; sizes and times only key the cache."""
    digest = hashlib.sha256()
    for path, _, _ in files:
        digest.update(Path(path).name.encode() + b"\0")
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{digest.hexdigest()}"
