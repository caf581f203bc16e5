"""What an uploaded table holds: its columns, its first rows, what a search would say of it. Runs in a job's process.

Whatever is wrong with a table is a result here, not a failure: it is what the user wants to know.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from autolora.data.glimpse import glimpse
from autolora.data_request import DataRequest
from autolora.errors import DataError, InputError, RequestError
from autolora.examine import Examination, examine
from autolora.service.guessing import guessed
from autolora.service.look import Look, Trouble

ROWS = 20
"""Of the table that are shown."""
LONGEST_CELL = 300
"""Characters of a cell that are shown."""
GUESSED_FROM = 200
"""Rows that columns are guessed from."""
MOST_MEMORY_BYTES = 6 * 2**30
MOST_FILE_BYTES = 8 * 2**30
"""Of what a packed file may become on the disk."""


def look_at(path: Path, wanted: Mapping[str, Any], base_model: str | None = None) -> Look:
    """Return what a table holds.

    Args:
        path: The file.
        wanted: What is said of it, as a task file does under ``data``; columns that are not said are guessed.
        base_model: A folder whose tokenizer counts the tokens; None leaves them uncounted.
    """
    try:
        seen = glimpse(path, rows=GUESSED_FROM)
    except DataError as error:
        return Look(trouble=_trouble(error))
    says_columns = any(name in wanted for name in ("text", "label", "prompt", "completion", "messages"))
    data = dict(wanted) if says_columns else {**wanted, **guessed(seen)}
    found = Look(
        columns=seen.columns,
        rows=tuple(tuple(cell[:LONGEST_CELL] for cell in row) for row in seen.rows[:ROWS]),
        data=data,
        was_guessed=not says_columns,
    )
    if data == dict(wanted) and not says_columns:
        unknown = Trouble(
            message=f"the columns of {path.name} cannot be guessed",
            hint="say which column holds the texts and which the labels",
            code="unguessed",
        )
        return msgspec.structs.replace(found, trouble=unknown)
    try:
        source = DataRequest(**{name: _frozen(value) for name, value in data.items()}, path=str(path))
        return msgspec.structs.replace(found, record=examine(Examination(data=source, base_model=base_model)))
    except TypeError as error:
        raise RequestError(f"data: {error}", "take out what is no key of data") from error
    except MemoryError:
        message = f"{path.name} takes more than {MOST_MEMORY_BYTES / 2**30:.0f} GiB of memory when it is read"
        too_large = Trouble(message=message, hint="give a part of its rows", code="too_large")
        return msgspec.structs.replace(found, trouble=too_large)
    except InputError as error:
        return msgspec.structs.replace(found, trouble=_trouble(error))


def _trouble(error: InputError) -> Trouble:
    code = error.code if isinstance(error, DataError) else ""
    return Trouble(message=error.message, hint=error.hint, code=code)


def keep_within_bounds() -> None:
    """Let this process take no more memory, and write no larger file, than a sound table needs; it may be a bomb."""
    for kind, most in ((resource.RLIMIT_DATA, MOST_MEMORY_BYTES), (resource.RLIMIT_FSIZE, MOST_FILE_BYTES)):
        resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
