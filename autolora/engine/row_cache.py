"""What was computed of a row once, kept for the next time: in memory first, then in a file mapped into memory.

A cache never fails a training: what does not fit or cannot be written is computed again, and said once.

The file is LMDB's, which survives the death of its process at any moment and may be shared by several. It is not
flushed to the disk, so what an earlier start of the machine left there is not trusted but dropped.

Knows keys and tensors; knows neither rows nor layers but for which of them are worth more.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Key(NamedTuple):
    """Which row before which layer."""

    layer: int
    row: bytes
    """Digest of the row's tokens."""


def key_of(layer: int, tokens: np.ndarray[Any, Any]) -> Key:
    """Return the key of a row's hidden states before a layer; rows of equal tokens are one row."""
    return Key(layer, hashlib.blake2b(tokens.tobytes(), digest_size=16).digest())


@dataclass
class Room:
    """What rows may take on a device, those of several tasks together."""

    limit_bytes: int
    bytes: int = 0


class MemoryRows:
    """Rows of one task on the engine's device.

    When it is full, rows before lower layers make room for rows before higher ones, which save more; no row makes room
    for one of its own layer, since epochs pass over all rows in turn and would always find those gone that come next.
    """

    def __init__(self, room: Room | int) -> None:
        """Keep rows in a room that others keep theirs in too, or in one of so many bytes alone."""
        self.room = Room(room) if isinstance(room, int) else room
        self._layers: dict[int, dict[bytes, Tensor]] = {}

    def get(self, key: Key) -> Tensor | None:
        """Return a row's hidden states ``(tokens, width)`` if they are here."""
        return self._layers.get(key.layer, {}).get(key.row)

    def put(self, key: Key, hidden: Tensor) -> bool:
        """Keep a row's hidden states if there is room, and return whether they are here."""
        rows = self._layers.setdefault(key.layer, {})
        if key.row in rows:
            return True
        while self.room.bytes + hidden.nbytes > self.room.limit_bytes:
            lower = min((layer for layer, kept in self._layers.items() if kept), default=key.layer)
            if lower >= key.layer:
                return False
            victims = self._layers[lower]
            self.room.bytes -= victims.pop(next(iter(victims))).nbytes
        rows[key.row] = hidden
        self.room.bytes += hidden.nbytes
        return True

    def clear(self) -> None:
        """Make room for others."""
        self.room.bytes -= sum(row.nbytes for kept in self._layers.values() for row in kept.values())
        self._layers.clear()


class FileRows:
    """Rows in a file that is mapped into memory."""

    def __init__(
        self,
        folder: Path,
        *,
        limit_bytes: int,
        identity: str,
        width: int,
        dtype: torch.dtype,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        """Open the file, or begin a new one where what is there is damaged or of something else.

        Args:
            folder: Of the cache; is made, and may be removed at any time that no engine runs.
            limit_bytes: What the file may take.
            identity: Of all that decides what a row's hidden states are.
            width: Numbers of a token's hidden state.
            dtype: Of the numbers.
            warn: Is told, once, why rows are not kept; prints to stderr unless given.
        """
        self._width, self._dtype = width, dtype
        self._warn = warn or (lambda text: print(f"Warning: {text}", file=sys.stderr, flush=True))
        self._environment: Any = None
        self._full = False
        identity = f"{identity} {_boot_id()}"
        try:
            self._environment = _open(folder, limit_bytes, identity)
        except Exception as error:  # lmdb has a dozen of its own, and the file system some
            self._give_up(folder, error)

    def get(self, key: Key) -> Tensor | None:
        """Return a row's hidden states ``(tokens, width)`` in memory of their own, if they are here."""
        if self._environment is None:
            return None
        try:
            with self._environment.begin(buffers=True) as reading:
                found = reading.get(_name(key))
                kept = None if found is None else torch.frombuffer(bytearray(found), dtype=self._dtype)
        except Exception as error:  # likewise
            self._give_up(self._environment.path(), error)
            return None
        return None if kept is None else kept.view(-1, self._width)

    def put(self, rows: Iterable[tuple[Key, Tensor]]) -> None:
        """Keep rows' hidden states ``(tokens, width)`` as far as there is room."""
        if self._environment is None or self._full:
            return
        import lmdb

        try:
            with self._environment.begin(write=True) as writing:
                for key, hidden in rows:
                    writing.put(_name(key), _raw(hidden), overwrite=False)
        except lmdb.MapFullError:
            self._full = True
        except Exception as error:  # likewise
            self._give_up(self._environment.path(), error)

    def close(self) -> None:
        """Let go of the file."""
        if self._environment is not None:
            self._environment.close()
            self._environment = None

    def _give_up(self, folder: Path | str, error: Exception) -> None:
        self.close()
        self._warn(f"what is computed once is not kept on the disk ({folder}: {error}); training goes on without")


class RowCache:
    """Both in turn; whatever comes out is on the engine's device."""

    def __init__(self, memory: MemoryRows, file: FileRows | None = None, *, device: torch.device | None = None) -> None:
        self.memory, self.file = memory, file
        self._device = device or torch.device("cpu")

    def get(self, key: Key) -> Tensor | None:
        """Return a row's hidden states ``(tokens, width)`` if they are kept."""
        found = self.memory.get(key)
        if found is None and self.file is not None:
            found = self.file.get(key)
            if found is not None:
                found = found.to(self._device)
                self.memory.put(key, found)
        return found

    def put(self, rows: list[tuple[Key, Tensor]]) -> None:
        """Keep rows' hidden states ``(tokens, width)`` as far as there is room."""
        for key, hidden in rows:
            self.memory.put(key, hidden)
        if self.file is not None:
            self.file.put(rows)

    def close(self) -> None:
        """Let go of the file."""
        if self.file is not None:
            self.file.close()


def _open(folder: Path, limit_bytes: int, identity: str) -> Any:
    import lmdb

    def opened() -> Any:
        # Not flushed: what a crash of the machine leaves is not used again.
        environment = lmdb.open(str(folder), map_size=limit_bytes, sync=False, metasync=False, meminit=False)
        environment.reader_check()  # places of processes that were killed while they read
        return environment

    try:
        environment = opened()
        with environment.begin(write=True) as writing:
            # An empty file takes whatever is put first.
            if writing.get(_IDENTITY, identity.encode()) == identity.encode():
                writing.put(_IDENTITY, identity.encode())
                return environment
        environment.close()
    except lmdb.Error:
        pass  # damaged, or no database at all
    shutil.rmtree(folder, ignore_errors=True)
    environment = opened()
    with environment.begin(write=True) as writing:
        writing.put(_IDENTITY, identity.encode())
    return environment


_IDENTITY = b"identity"


def _name(key: Key) -> bytes:
    return key.layer.to_bytes(2, "big") + key.row


def _raw(hidden: Tensor) -> bytes:
    return hidden.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes()


def _boot_id() -> str:
    """Return what changes with every start of the machine; of the process, where the machine does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        import uuid

        return uuid.uuid4().hex
