"""Where the service keeps things: one data folder with a folder for every job and dataset. Knows files only.

DATA/service.db           which jobs and datasets there are
DATA/token                what opens the doors (readable by its owner only)
DATA/models/NAME/         base models that may be named, beside those of --models
DATA/incoming/            what browsers send, until it has come in whole
DATA/datasets/ID/         an uploaded table, and what it holds (findings.json)
DATA/jobs/ID/             request.json, progress.jsonl, ending.json, log.txt and run/, the run or batch folder
DATA/jobs/ID/reviews/     what reviewers of a search have saved
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout

from autolora.durable import write_whole
from autolora.errors import RunFolderError
from autolora.service.states import Ending

TABLES, TOKEN, MODELS, INCOMING = "service.db", "token", "models", "incoming"
REQUEST, PROGRESS, ENDING, LOG, RUN, FINDINGS, FORECAST, REVIEW_PAGE, REVIEWS = (
    "request.json", "progress.jsonl", "ending.json", "log.txt", "run", "findings.json", "forecast.json",
    "review.html", "reviews",
)  # fmt: skip


class End(msgspec.Struct, frozen=True, kw_only=True):
    """What a job's process says of its end."""

    ending: Ending
    cause: str = ""
    hint: str = ""


class JobFolder:
    """The folder of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def id(self) -> str:
        """The job's id."""
        return self.path.name

    @property
    def run(self) -> Path:
        """The run folder, or the batch folder, of the job."""
        return self.path / RUN

    @classmethod
    def make(cls, path: Path, request: Mapping[str, Any]) -> JobFolder:
        """Make the folder of a new job; it stands when its request does."""
        path.mkdir(parents=True)
        write_whole(path / REQUEST, json.dumps(request, ensure_ascii=False, indent=1).encode(), at=REQUEST)
        return cls(path)

    def request(self) -> dict[str, Any]:
        """Return what was asked for."""
        return dict(json.loads((self.path / REQUEST).read_bytes()))

    def end(self) -> End | None:
        """Return what the job's process said of its end, None while it has not."""
        try:
            return msgspec.json.decode((self.path / ENDING).read_bytes(), type=End)
        except FileNotFoundError:
            return None

    def write_end(self, end: End) -> None:
        """Say how the job's process ended: the last thing that it does."""
        write_whole(self.path / ENDING, msgspec.json.encode(end), at=ENDING)

    def forget_end(self) -> None:
        """Make ready for another process."""
        (self.path / ENDING).unlink(missing_ok=True)


class Workplace:
    """The data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def at(cls, path: Path) -> Workplace:
        """Make the folder where it is not there.

        Raises:
            RunFolderError: If it cannot be written.
        """
        place = cls(path.expanduser().absolute())
        try:
            for folder in (place.path, place.jobs, place.datasets, place.path / MODELS):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise RunFolderError(
                f"the data folder {str(place.path)!r} cannot be written: {error.strerror}",
                "make it writable, or choose another --data-dir",
            ) from error
        return place

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Be the only service on this folder.

        Raises:
            RunFolderError: If there is another.
        """
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunFolderError(
                f"the data folder {str(self.path)!r} is in use by another service",
                "stop it, or choose another --data-dir",
            ) from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def incoming(self) -> Iterator[None]:
        """Have what comes by forms wait in the data folder: rows stay there, and the room is that which is looked at.

        The system's temporary folder is often memory, and other people's too.
        """
        folder, before = self.path / INCOMING, tempfile.tempdir
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        tempfile.tempdir = str(folder)
        try:
            yield
        finally:
            tempfile.tempdir = before

    @property
    def jobs(self) -> Path:
        """Where the jobs' folders are."""
        return self.path / "jobs"

    @property
    def datasets(self) -> Path:
        """Where the datasets' folders are."""
        return self.path / "datasets"

    @property
    def tables(self) -> Path:
        """The file of the tables."""
        return self.path / TABLES

    def job(self, id: str) -> JobFolder:
        """Return the folder of a job; ``id`` was checked."""
        return JobFolder(self.jobs / id)

    def dataset(self, id: str) -> Path:
        """Return the folder of a dataset; ``id`` was checked."""
        return self.datasets / id

    def free_bytes(self) -> int:
        """Return the room that the disk has left."""
        return shutil.disk_usage(self.path).free

    def sweep(self, jobs: set[str], datasets: set[str]) -> None:
        """Remove folders of what was never acknowledged: the service was killed before it stood in the tables."""
        for folder, known in ((self.jobs, jobs), (self.datasets, datasets)):
            for entry in os.scandir(folder):
                if entry.name not in known:
                    shutil.rmtree(entry.path, ignore_errors=True)
