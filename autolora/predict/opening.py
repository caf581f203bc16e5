"""A bundle before it is loaded: whole, unchanged, and on the base that it was trained on. Knows files, no models."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from msgspec import MsgspecError

from autolora.engine.checkpoint import Checkpoint, find
from autolora.errors import BaseModelError, BundleError
from autolora.records import Precision, ProblemType, Prompts, from_json
from autolora.store import bundle_of

SUMS, PROVENANCE = "SHA256SUMS", "autolora.json"


@dataclass(frozen=True, kw_only=True)
class BaseName:
    """A base as a bundle names it."""

    id: str
    hash: str


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What ``autolora.json`` says that is needed to give answers."""

    schema: int
    name: str
    base_model: BaseName
    precision: Precision
    problem: ProblemType
    classes: tuple[str, ...] = ()
    threshold: float | None = None
    center: float = 0.0
    scale: float = 1.0
    temperature: float = 1.0
    """What logits are divided by before they become probabilities of classes."""
    max_length: int
    prompts: Prompts | None = None
    answers: tuple[str, ...] = ()
    chat: bool = False
    text_column: str = "text"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A bundle that may be loaded."""

    folder: Path
    says: Provenance
    base: Checkpoint


def opened(folder: str | Path, base_model: str | None = None) -> Opened:
    """Return a bundle that is whole, with its base.

    Args:
        folder: The bundle, or a run folder that holds one: that which its verdict would have used.
        base_model: Folder or hub id of the base; unless given, it is sought under the id that the bundle names.

    Raises:
        BundleError: If it is no bundle, a file was changed, is missing or came later, or the base is another one.
        BaseModelError: If the base is not to be found.
    """
    path = Path(folder)
    if not (path / PROVENANCE).is_file() and (bundle_of(path) / PROVENANCE).is_file():
        path = bundle_of(path)
    if not path.is_dir() or not (path / PROVENANCE).is_file():
        raise BundleError(
            f"{str(folder)!r} is no bundle: it has no {PROVENANCE}", "name the adapter folder of a finished search"
        )
    _check_sums(path)
    try:
        says = from_json((path / PROVENANCE).read_bytes(), Provenance)
    except MsgspecError as error:
        raise BundleError(
            f"{PROVENANCE} of {str(folder)!r} cannot be read: {error}", "copy the bundle again, or use this version's"
        ) from error
    try:
        base = find(base_model or says.base_model.id, base_id=says.base_model.id)
    except BaseModelError as error:
        if base_model is not None:
            raise
        raise BaseModelError(
            f"the base of {str(folder)!r}, {says.base_model.id!r}, is not here", "name its folder with --base-model"
        ) from error
    if base.hash != says.base_model.hash:
        raise BundleError(
            f"{says.name} was trained on the base {says.base_model.id!r} of hash {says.base_model.hash[:19]}…, but this"
            f" one's is {base.hash[:19]}…: answers would not be those that were tested",
            "name the folder of the very same base with --base-model",
        )
    return Opened(folder=path, says=says, base=base)


def _check_sums(folder: Path) -> None:
    """Check that every file is there as it was written, and no other."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{SUMS} of {str(folder)!r} cannot be read", "copy the bundle again") from error
    there = {path.name for path in folder.iterdir()} - {SUMS}
    for name in sorted(there | sums.keys()):
        if name not in there:
            raise BundleError(f"{name} of {str(folder)!r} is missing", "copy the bundle again")
        if name not in sums:
            raise BundleError(f"{name} in {str(folder)!r} was not there when it was written", "move it elsewhere")
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != sums[name]:
            raise BundleError(
                f"{name} of {str(folder)!r} is not as it was written: it was changed or damaged",
                "copy the bundle again from where it was made",
            )
