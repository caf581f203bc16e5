"""Turns what a user names (a file, a saved folder, a hub id) into tables. Knows neither classes nor splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from autolora.data import arrow, text_files, workbooks
from autolora.data.table import Table, Wanted
from autolora.data.words import counted, listing
from autolora.data_request import DataRequest
from autolora.errors import DataError
from autolora.records import Finding
from autolora.values import nearest, shown

TEXT_READERS: dict[str, Callable[[Path, Wanted, str | None], Table]] = {
    ".csv": text_files.read_csv,
    ".tsv": text_files.read_tsv,
    ".jsonl": text_files.read_json_lines,
    ".ndjson": text_files.read_json_lines,
}
"""Formats of plain text by extension; each may be packed, with ``.gz`` after it."""
TYPED_READERS: dict[str, Callable[[Path, Wanted], Table]] = {
    ".parquet": arrow.read_parquet,
    ".xlsx": workbooks.read_workbook,
    ".xls": workbooks.read_workbook,
}
"""Formats that know their own encoding, by extension."""


READ_OTHERWISE = ("encoding", "separator", "unused_part", "split")
"""Codes of the findings that say how a source was read and split, where that is not the plain way."""


class Tables(NamedTuple):
    """The rows to learn from and, where there are any, the rows given to test on."""

    main: Table
    test: Table | None


def read_table(source: DataRequest) -> Table:
    """Return the rows to learn from.

    Raises:
        DataError: If they cannot be found or read, or lack a wanted column.
    """
    return _read_source(source).main


def read_tables(source: DataRequest) -> Tables:
    """Return the rows to learn from, and those of the test file or of the dataset's own test part.

    Raises:
        DataError: If either cannot be found or read, or lacks a wanted column.
    """
    if source.test is None:
        return _read_source(source)
    # Only test rows are told apart by other columns.
    main = _read_source(replace(source, slices=())).main
    return Tables(main, _read_test(source.test, Wanted.of(source)._replace(by=None), source.encoding))


def _read_source(source: DataRequest) -> Tables:
    """Return the rows of ``path`` or ``hub``, with the dataset's own test part unless a test file replaces it."""
    wanted = Wanted.of(source)
    own_test = source.test is None
    if source.hub is not None:
        # The hub library takes local folders too; their place on the disk is nobody else's business.
        name = _named(Path(source.hub)).name if Path(source.hub).exists() else source.hub
        return _from_parts(arrow.hub_parts(source.hub), name, wanted, own_test=own_test)
    path = _existing(source.path or "")
    if path.is_dir():
        return _from_parts(arrow.saved_parts(path), path.name, wanted, own_test=own_test)
    return Tables(_read_file(path, wanted, source.encoding), None)


def _read_test(given: str, wanted: Wanted, encoding: str | None) -> Table:
    """Return the rows of a test file, or of a saved folder's test part (or only part)."""
    path = _existing(given)
    if not path.is_dir():
        return _read_file(path, wanted, encoding)
    parts = arrow.saved_parts(path)
    return arrow.read_part(parts[_main_part(parts, path.name, prefer="test")], path.name, wanted)


def _existing(given: str) -> Path:
    """Return the path of what the user named.

    Raises:
        DataError: If nothing is there.
    """
    path = Path(given).expanduser()
    try:
        if path.is_file() or path.is_dir():
            return _named(path)
        if path.exists():
            raise DataError(f"{given!r} is neither a file nor a folder, and is read twice", "save its rows in a file")
    except OSError as error:  # a name that is too long, or a folder that may not be looked into
        raise DataError(
            f"{shown(given)} cannot be opened: {error.strerror or error}", "check its name and permissions"
        ) from error
    names = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else []
    close = nearest(path.name, names)
    if close is not None:
        hint = f"did you mean {path.parent / close}?"
    elif not path.suffix and given.count("/") == 1:
        hint = "if it is a dataset on the hub, give it as the hub id"
    else:
        hint = "check the path; it starts at the folder you are in"
    raise DataError(f"there is no file or folder {given!r}", hint)


def _named(path: Path) -> Path:
    """Return ``path`` such that its last part is a name; links keep theirs, which carries the extension."""
    return path if path.name not in ("", "..") else path.resolve()


def _read_file(path: Path, wanted: Wanted, encoding: str | None) -> Table:
    """Return the table in one file, read as its extension says."""
    extension = path.suffix.lower()
    inner = path.with_suffix("").suffix.lower() if extension == ".gz" else extension
    if read_text_file := TEXT_READERS.get(inner):
        return read_text_file(path, wanted, encoding)
    if read_typed := TYPED_READERS.get(extension):
        return read_typed(path, wanted)
    raise DataError(
        f"{path.name} has the extension {extension!r}, but only these can be read:"
        f" {', '.join((*TEXT_READERS, *TYPED_READERS))}, and the first {len(TEXT_READERS)} with .gz after them",
        "convert it, or save it as a folder with datasets.save_to_disk",
    )


def _from_parts(parts: Mapping[str, Any], name: str, wanted: Wanted, *, own_test: bool) -> Tables:
    """Return the rows and the test rows of a dataset in parts; what is left unused becomes a finding."""
    main_part = _main_part(parts, name, prefer="train")
    test: Table | None = None
    if own_test and "test" in parts and main_part != "test":
        test = arrow.read_part(parts["test"], f"{name} (test)", wanted._replace(by=None))
        if not any(label.strip() for label in test.labels):
            test = None  # competitions publish test parts without labels; ours is then drawn from the rows
    main = arrow.read_part(parts[main_part], name, wanted if test is None else wanted._replace(slices=()))
    used = {main_part} | ({"test"} if test is not None else set())
    findings = tuple(_unused_part(part, len(parts[part]), name) for part in parts if part not in used)
    return Tables(replace(main, findings=(*main.findings, *findings)), test)


def _main_part(parts: Mapping[str, Any], name: str, *, prefer: str) -> str:
    """Return the name of the part to take rows from: the preferred one, or the only one."""
    if prefer in parts:
        return prefer
    if len(parts) == 1:
        return next(iter(parts))
    raise DataError(
        f"{name} has no part {prefer!r}; its parts are {listing(list(parts))}", "save the part to use on its own"
    )


def _unused_part(part: str, rows: int, name: str) -> Finding:
    """Return a note on a part that no split comes from."""
    message = f"The part {part!r} of {name} ({counted(rows, 'row')}) is not used."
    return Finding(code="unused_part", severity="note", message=message)
