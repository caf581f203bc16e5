"""Reads YAML that people write, safely, and checks its keys. Knows no key by name: callers say what they expect."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from autolora.errors import InputError
from autolora.values import listed, nearest, shown

LARGEST_BYTES = 256 * 1024
"""Files that people write are a thousand times smaller than what exhausts a YAML reader."""
DEEPEST = 16
"""Levels of nesting; ours need five, and the reader recurses."""
MOST_VALUES = 5_000
"""Keys and values; ours need a hundred, and the reader takes a tenth of a millisecond for each."""


def read_mapping(path: Path, *, error: type[InputError]) -> dict[str, Any]:
    """Return the mapping that a YAML file holds.

    Only plain values are read. Refused beside bad YAML: aliases, a key given twice, deep nesting, large files.

    Args:
        path: The file.
        error: The class to raise.

    Raises:
        InputError: Of the class ``error``, if the file cannot be read or holds anything else.
    """
    text = _text(path, error)
    try:
        _check_events(text, path.name, error)
        _check_duplicates(yaml.compose(text, Loader=yaml.SafeLoader), path.name, error)
        value = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise _syntax_error(fault, path.name, error) from fault
    except ValueError as fault:  # a date or a number that looks like one and is none, e.g. 2024-13-45
        raise error(f"{path.name}: a value cannot be read: {fault}", "put text that is no number in quotes") from fault
    if not isinstance(value, dict):
        raise error(
            f"{path.name} must be a mapping of keys to values, but got {shown(value)}", "write key: value lines"
        )
    return value


def check_keys(
    value: object,
    known: Sequence[str],
    *,
    where: str,
    error: type[InputError],
    required: Sequence[str] = (),
) -> Mapping[str, Any]:
    """Return ``value`` as a mapping whose keys are all known.

    Args:
        value: What stands in the file.
        known: Keys that may be given.
        where: The key path of ``value``; empty at the top.
        error: The class to raise.
        required: Keys that must be given and not be empty.

    Raises:
        InputError: Of the class ``error``, naming the key and, for an unknown one, the nearest known.
    """
    if not isinstance(value, dict):
        raise error(f"{where}: must be a mapping of keys to values, but got {shown(value)}", f"keys: {listed(known)}")
    for key in value:
        if key not in known:
            close = nearest(key, known)
            raise error(
                f"{key_path(where, key)}: unknown key", f"did you mean {close}?" if close else f"keys: {listed(known)}"
            )
    for key in required:
        if value.get(key) is None:
            raise error(f"{key_path(where, key)}: must be given", f"add {key}")
    return value


def key_path(where: str, key: object) -> str:
    """Return the path of a key below ``where``, e.g. ``"limits.max_params"``."""
    name = key if isinstance(key, str) and key.isidentifier() else shown(key)
    return f"{where}.{name}" if where else name


def inside(fault: InputError, where: str) -> InputError:
    """Return ``fault`` with where it happened before its message."""
    return type(fault)(f"{where}: {fault.message}", fault.hint)


def _text(path: Path, error: type[InputError]) -> str:
    if not os.path.isfile(path):  # unlike Path.is_file, False for names that the system refuses
        raise error(f"there is no file {str(path)!r}", _absent_hint(path))
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except OSError as fault:
        raise error(f"{path.name} cannot be read: {fault.strerror}", "check its permissions") from fault
    if len(raw) > LARGEST_BYTES:
        raise error(f"{path.name} must be at most {LARGEST_BYTES:,} bytes, but it is larger", "give the YAML file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = raw.count(b"\n", 0, fault.start) + 1
        raise error(f"{path.name}, line {line}: the file must be UTF-8 text", "save it as UTF-8") from fault


def _absent_hint(path: Path) -> str:
    if os.path.isdir(path):
        return "it is a folder; give a file"
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    except (OSError, ValueError):
        names = []
    close = nearest(path.name, names)
    return f"did you mean {path.parent / close}?" if close else "check the path; it starts at the folder you are in"


def _check_events(text: str, name: str, error: type[InputError]) -> None:
    """Refuse what could exhaust the reader, before anything is built."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            where = _place(name, event.start_mark)
            raise error(f"{where}: aliases must not be used, but got *{event.anchor}", "write the value out again")
        if count > MOST_VALUES:
            raise error(f"{name} must hold at most {MOST_VALUES:,} keys and values, but it holds more", "shorten it")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            where = _place(name, event.start_mark)
            raise error(f"{where}: values must not be nested deeper than {DEEPEST} levels", "check the brackets there")


def _check_duplicates(node: yaml.Node | None, name: str, error: type[InputError]) -> None:
    """Refuse keys given twice, of which YAML would silently keep the last."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_duplicates(item, name, error)
    if isinstance(node, yaml.MappingNode):
        seen: set[object] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                where = _place(name, key.start_mark)
                raise error(f"{where}: the key {shown(key.value)} is given twice", "remove one of them")
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
            _check_duplicates(value, name, error)


def _syntax_error(fault: yaml.YAMLError, name: str, error: type[InputError]) -> InputError:
    problem = getattr(fault, "problem", None) or str(fault).split("\n")[0]
    where = _place(name, getattr(fault, "problem_mark", None))
    hint = "indent with spaces, not tabs" if "'\\t'" in problem else "check indents, colons, brackets and quotes there"
    return error(f"{where}: not valid YAML: {problem}", hint)


def _place(name: str, mark: Any) -> str:
    return f"{name}, line {mark.line + 1}" if mark is not None else name
