"""Which tasks a batch holds: read from task files and tables, with what holds for all of them in a defaults file.

A member that cannot be read is reported and does not stop the others; what would make two members one does.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autolora import request
from autolora.errors import InputError, RequestError
from autolora.request import Request
from autolora.units import parse_duration
from autolora.values import listed
from autolora.yamlfile import read_mapping

DEFAULTS = "defaults.yaml"
_TASK_FILES = (".yaml", ".yml")
_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".arrow", ".xlsx")
_PACKED = ".gz"


@dataclass(frozen=True, kw_only=True)
class Member:
    """One task of a batch."""

    name: str
    """Of its folder, and of the task in reports."""
    source: str
    """What the user named: a file name."""
    request: Request | None
    """None where it cannot be read."""
    fault: str = ""
    """Why."""

    @property
    def deadline_seconds(self) -> float | None:
        """Time from the batch's begin within which it is to be done; None means none."""
        wanted = None if self.request is None else self.request.deadline
        return None if wanted is None else 60 * parse_duration(wanted)

    @property
    def priority(self) -> float:
        """How much its gain counts."""
        return 1.0 if self.request is None else self.request.priority


def read(paths: Sequence[str | Path], *, defaults: str | Path | None = None) -> tuple[Member, ...]:
    """Return the tasks that files, or folders of files, hold.

    A folder holds those of its task files and tables that lie in it directly. Tables become tasks by the defaults file,
    which is a task file without ``data.path``; task files take from it what they leave out.

    Args:
        paths: Task files, tables, or folders of them; a ``defaults.yaml`` among them is the defaults file.
        defaults: The defaults file; ``defaults.yaml`` in a folder, or beside the files, unless given.

    Raises:
        RequestError: If there is none, two have one name, the defaults file is missing or breaks a rule.
    """
    files = list(_files(paths))
    found = defaults or _defaults_among(files)
    tasks = [path for path in files if path.name != DEFAULTS]
    if not tasks:
        raise RequestError(
            f"a batch needs at least one task, but {listed([str(path) for path in paths])} holds none",
            f"give task files, or a folder of tables with a {DEFAULTS}",
        )
    tables = [path for path in tasks if path.suffix.lower() not in _TASK_FILES]
    if tables and found is None:
        raise RequestError(
            f"{tables[0].name} is a table, and nothing says which columns and which base model it is for",
            f"put a {DEFAULTS} beside it, or name one with --defaults",
        )
    shared = _read_defaults(Path(os.path.expanduser(found))) if found is not None else {}
    members = [_member(path, shared) for path in tasks]
    check_names(members)
    return tuple(members)


def check_names(members: Iterable[Member]) -> None:
    """Check that every member has a name of its own, on file systems too that do not tell cases apart.

    Raises:
        RequestError: If two have one name.
    """
    seen: dict[str, Member] = {}
    for member in members:
        name = unicodedata.normalize("NFC", member.name).casefold()
        if name in seen:
            raise RequestError(
                f"two tasks have the name {member.name!r}: {seen[name].source} and {member.source}",
                "give one of them another name: in the task file",
            )
        seen[name] = member


def _files(paths: Sequence[str | Path]) -> Iterable[Path]:
    """Yield the files that are named, or lie in folders that are, each once.

    Raises:
        RequestError: If there is no such file.
    """
    seen: set[str] = set()
    for given in paths:
        path = Path(os.path.expanduser(given))
        inside = sorted(path.iterdir()) if path.is_dir() and not _is_saved_dataset(path) else [path]
        for each in inside:
            if path.is_dir() and each != path and not _is_task(each):
                continue
            if not each.exists():
                raise RequestError(
                    f"there is no file {str(each)!r}", "check the path; it starts at the folder you are in"
                )
            if (key := os.path.abspath(each)) not in seen:
                seen.add(key)
                yield each


def _is_task(path: Path) -> bool:
    name = path.name.lower().removesuffix(_PACKED)
    return path.is_file() and not name.startswith(".") and name.endswith((*_TASK_FILES, *_TABLES))


def _is_saved_dataset(path: Path) -> bool:
    return (path / "dataset_info.json").is_file() or (path / "dataset_dict.json").is_file()


def _defaults_among(files: Sequence[Path]) -> Path | None:
    """Return the defaults file that is named, or lies beside the files.

    Raises:
        RequestError: If there are several.
    """
    named = [path for path in files if path.name == DEFAULTS]
    beside = {path.parent / DEFAULTS for path in files if (path.parent / DEFAULTS).is_file()}
    found = sorted({os.path.abspath(path): path for path in (*named, *beside)}.values())
    if len(found) > 1:
        raise RequestError(
            f"there are several defaults files: {listed([str(path) for path in found])}", "name one with --defaults"
        )
    return found[0] if found else None


def _read_defaults(path: Path) -> Mapping[str, Any]:
    """Return what the defaults file says, with paths as seen from its folder.

    Raises:
        RequestError: If it cannot be read, or names what only a task can have.
    """
    value = read_mapping(path, error=RequestError)
    data = value.get("data")
    own = [f"data.{name}" for name in ("path", "hub") if isinstance(data, Mapping) and name in data]
    own += ["name"] if "name" in value else []
    if own:
        raise RequestError(
            f"{path.name}: {own[0]} belongs to one task, but these are the defaults of all",
            "write it in the task's file",
        )
    found = dict(value)
    for name in ("base_model", "space", "memory"):
        given = found.get(name)
        if isinstance(given, str) and (
            given.startswith((".", "~")) or "/" in given or given.endswith((".yaml", ".yml"))
        ):
            absolute = os.path.abspath(os.path.join(path.parent, os.path.expanduser(given)))
            found[name] = absolute if name != "base_model" or os.path.isdir(absolute) else given
    return found


def _member(path: Path, defaults: Mapping[str, Any]) -> Member:
    name = _stem(path)
    try:
        if path.suffix.lower() in _TASK_FILES:
            wanted = request.read(path, defaults=defaults)
        else:
            data = {**dict(defaults.get("data") or {}), "path": os.path.abspath(path)}
            wanted = request.from_mapping({**defaults, "data": data})
    except InputError as fault:
        return Member(name=name, source=path.name, request=None, fault=str(fault))
    return Member(name=wanted.name, source=path.name, request=wanted)


def _stem(path: Path) -> str:
    return Path(path.name.removesuffix(_PACKED)).stem
