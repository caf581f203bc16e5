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
from typing import IO, Any, overload

from autolora.errors import DataError

_BATCH_CHARACTERS = 4_000_000
"""Characters, or more, that are held in memory before they go to the disk together."""


class Texts(Sequence[str]):
    """Texts on the disk, or some of their rows in some order. Pickled, they are a tuple."""

    def __init__(self, file: _File, rows: Sequence[int]) -> None:
        """Take what a writer has written, or rows of it."""
        self._file = file
        self._rows = rows

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
        return Texts(self._file, [self._rows[index] for index in indices])

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Texts: ...
    def __getitem__(self, index: int | slice) -> str | Texts:
        if isinstance(index, slice):
            return Texts(self._file, self._rows[index])
        return self._file.read(self._rows[index])

    def __iter__(self) -> Iterator[str]:
        return map(self._file.read, self._rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as a list: too long to be a key

    def __repr__(self) -> str:
        return f"Texts({list(self[:3])}{', ...' if len(self) > 3 else ''})"

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (list(self),)


class _File:
    """Arrow arrays of text, one after the other in a file that is mapped into memory."""

    def __init__(self, file: IO[bytes]) -> None:
        import pyarrow

        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        reader = pyarrow.ipc.open_file(pyarrow.py_buffer(self._map))
        self._batches = [reader.get_batch(place).column(0) for place in range(reader.num_record_batches)]
        self._starts = [0, *accumulate(len(batch) for batch in self._batches)]
        self._last = -1

    def __len__(self) -> int:
        return self._starts[-1]

    def read(self, row: int) -> str:
        batch = bisect_right(self._starts, row) - 1
        if batch != self._last and hasattr(mmap, "MADV_DONTNEED"):
            # What was read stays mapped and counts as this process's memory, until it is said not to be needed.
            self._map.madvise(mmap.MADV_DONTNEED)
        self._last = batch
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
        self._write()
        with _told_where():
            self._arrow.close()
            self._file.flush()
        with self._file:
            file = _File(self._file)
        return Texts(file, range(len(file)))

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
