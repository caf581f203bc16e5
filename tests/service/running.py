"""A service as a user runs it: a process of its own, talked to over HTTP, which may be killed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from autolora.service.client import Client
from autolora.service.processes import MARK

WORDS = {"delivery": "parcel", "money": "card", "repair": "broken"}


def write_table(path: Path, *, rows: int = 20, salt: str = "") -> Path:
    """Write a table of three classes that a tiny model learns."""
    lines = [f"{word} please {word} {at} {salt},{label}" for at in range(rows) for label, word in WORDS.items()]
    path.write_text("\n".join(["text,label", *lines, ""]), encoding="utf-8")
    return path


@dataclass
class RunningService:
    """A data folder, and the processes that serve it one after the other."""

    data: Path
    models: Path
    options: tuple[str, ...] = ()
    address: str = ""
    _process: subprocess.Popen[str] | None = None
    _log: list[Path] = field(default_factory=list)

    def start(self) -> RunningService:
        """Start it, and wait until it answers."""
        self._log.append(self.data.parent / f"service-{len(self._log)}.log")
        with open(self._log[-1], "w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "autolora.cli", "serve", "--port", "0", "--data-dir", str(self.data),
                 "--models", str(self.models), *self.options],
                stdout=log, stderr=log, text=True,
            )  # fmt: skip
        for _ in range(600):
            if found := re.search(r"Serving on (\S+);", self.log()):
                self.address = found[1]
                return self
            assert self._process.poll() is None, self.log()
            time.sleep(0.1)
        raise AssertionError(self.log())

    @property
    def token(self) -> str:
        return (self.data / "token").read_text().strip()

    def client(self) -> Client:
        return Client(self.address, self.token)

    def log(self) -> str:
        """Return what the newest process has written."""
        return self._log[-1].read_text(errors="replace")

    def all_logs(self) -> str:
        return "".join(path.read_text(errors="replace") for path in self._log)

    def kill(self) -> None:
        """Kill it, as a power cut of this one process would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=180)

    def processes(self) -> list[psutil.Process]:
        """Return whatever jobs of this service have running."""
        known = {path.name for path in (self.data / "jobs").iterdir()}
        return [process for process in psutil.process_iter() if _mark(process) in known]

    def close(self) -> None:
        """Leave nothing running."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        for process in self.processes() if (self.data / "jobs").is_dir() else []:
            process.kill()


@contextmanager
def running(tiny_folder: Callable[..., Path], folder: Path) -> Iterator[RunningService]:
    """Run a service in a folder, with a tiny base model that is called ``tiny``; leave nothing running."""
    models = folder / "models"
    shutil.copytree(tiny_folder("bert"), models / "tiny")
    service = RunningService(data=folder / "data", models=models)
    try:
        yield service.start()
    finally:
        service.close()


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:
        return None


KILLS = int(os.environ.get("AUTOLORA_SERVICE_KILLS", "4"))
