"""A column of texts that may be larger than memory: kept on the disk as Arrow, read back a row at a time.

Knows no tables. The file has no name, so that nothing is left of it when the process ends, however it ends.
"""

from __future__ import annotations

import mmap
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Any, overload

from autolora.errors import DataError

_BATCH_CHARACTERS = 4_000_000
"""Characters, or more, that are held in memory before they go to the disk together."""


class Texts(Sequence[str]):
    """Texts on the disk, or some of their rows in some order. Pickled, they are a tuple."""

    def __init__(self, batches: Sequence[Any], rows: Sequence[int] | None = None) -> None:
        """Take what a writer has written.

        Args:
            batches: Arrow arrays of text, one after the other.
            rows: Which of their rows these texts are; None for all.
        """
        self._batches = batches
        self._starts = [0, *accumulate(len(batch) for batch in batches)]
        self._rows = range(self._starts[-1]) if rows is None else rows

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Write texts, and return them as they are read back.

        Raises:
            DataError: If the disk does not take them.
        """
        writer = TextsWriter()
        for text in texts:
            writer.append(text)
        return writer.finish()

    def take(self, indices: Sequence[int]) -> Texts:
        """Return the texts at ``indices`` (from 0), in that order; they stay where they are."""
        return Texts(self._batches, [self._rows[index] for index in indices])

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Texts: ...
    def __getitem__(self, index: int | slice) -> str | Texts:
        if isinstance(index, slice):
            return Texts(self._batches, self._rows[index])
        return self._read(self._rows[index])

    def __iter__(self) -> Iterator[str]:
        return map(self._read, self._rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as a list: too long to be a key

    def __repr__(self) -> str:
        return f"Texts({list(self[:3])}{', ...' if len(self) > 3 else ''})"

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (list(self),)

    def _read(self, row: int) -> str:
        batch = bisect_right(self._starts, row) - 1
        text: str = self._batches[batch][row - self._starts[batch]].as_py()
        return text


class TextsWriter:
    """Takes texts one after the other and has few of them in memory at a time."""

    def __init__(self) -> None:
        """Make the file.

        Raises:
            DataError: If the disk does not take it.
        """
        import pyarrow

        self._schema = pyarrow.schema([pyarrow.field("text", pyarrow.string())])
        self._waiting: list[str] = []
        self._characters = 0
        with _told_where():
            self._file = tempfile.TemporaryFile(prefix="autolora-")  # noqa: SIM115 - open until all is written
            self._arrow = pyarrow.ipc.new_file(self._file, self._schema)

    def append(self, text: str) -> None:
        """Take one more text.

        Raises:
            DataError: If the disk does not take it.
        """
        self._waiting.append(text)
        self._characters += len(text)
        if self._characters >= _BATCH_CHARACTERS:
            self._write()

    def finish(self) -> Texts:
        """Return all texts that were taken.

        Raises:
            DataError: If the disk does not take them.
        """
        import pyarrow

        self._write()
        with _told_where():
            self._arrow.close()
            self._file.flush()
        # Read through a map of the file: what is not looked at needs no memory, and what was can be given up again.
        reader = pyarrow.ipc.open_file(pyarrow.py_buffer(mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)))
        self._file.close()
        return Texts([reader.get_batch(place).column(0) for place in range(reader.num_record_batches)])

    def _write(self) -> None:
        import pyarrow

        if self._waiting:
            batch = pyarrow.record_batch([pyarrow.array(self._waiting, pyarrow.string())], schema=self._schema)
            with _told_where():
                self._arrow.write(batch)
        self._waiting, self._characters = [], 0


@contextmanager
def _told_where() -> Iterator[None]:
    """Say of a disk that does not take the texts which one it is."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"the texts of the data cannot be kept in {tempfile.gettempdir()}: {error.strerror or error}",
            "make room there, or name another folder in the environment variable TMPDIR",
        ) from error
