"""Where an engine keeps the states of its slots: in the run folder, or in memory until the driver has fetched them.

An engine on another machine cannot write the run folder, and leaves nothing behind where it runs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Protocol

from autolora.engine import state as states
from autolora.engine.jobs import Job
from autolora.engine.state import SlotState


class Shelf(Protocol):
    """Keeps the newest state of each job that names a state file."""

    def read(self, job: Job) -> SlotState | None:
        """Return where the job was left; None if it was never begun."""

    def write(self, job: Job, state: SlotState) -> None:
        """Keep where the job stands."""

    def drop(self, slot: str) -> None:
        """Forget what is kept for a slot beside its file."""


class FileShelf:
    """Keeps states in the files that jobs name."""

    def read(self, job: Job) -> SlotState | None:
        """Read the job's file."""
        path = Path(job.state_file)
        return states.read(path) if path.is_file() else None

    def write(self, job: Job, state: SlotState) -> None:
        """Write the job's file."""
        states.write(state, Path(job.state_file))

    def drop(self, slot: str) -> None:
        """Leave the file: it is the driver's to remove."""


class MemoryShelf:
    """Keeps states as the bytes that their files would hold."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def put(self, slot: str, data: bytes) -> None:
        """Take over a state that was kept elsewhere."""
        self._kept[slot] = data

    def get(self, slot: str) -> bytes | None:
        """Return a slot's state."""
        return self._kept.get(slot)

    def read(self, job: Job) -> SlotState | None:
        """Unpack the job's bytes."""
        data = self._kept.get(job.slot)
        if data is None:
            return None
        with tempfile.TemporaryDirectory(prefix="alr") as folder:
            path = Path(folder) / Path(job.state_file).name
            path.write_bytes(data)
            return states.read(path)

    def write(self, job: Job, state: SlotState) -> None:
        """Pack the state into bytes, in the one format that there is."""
        with tempfile.TemporaryDirectory(prefix="alr") as folder:
            path = Path(folder) / "slot.safetensors"
            states.write(state, path)
            self._kept[job.slot] = path.read_bytes()

    def drop(self, slot: str) -> None:
        """Forget a slot's bytes."""
        self._kept.pop(slot, None)
