"""A whole search so small that it can be killed hundreds of times, and what must hold after whatever happened to it."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil
import yaml

from autolora import failpoints, results
from autolora.records import TrialRecord, TrialState
from autolora.search.ledger import Ledger

SPACE = {
    "version": 1,
    "parameters": {
        "rank": {"type": "choice", "values": [1, 2, 4]},
        "target_modules": {"type": "choice", "values": ["attention_qv", "all_linear"]},
        "layers": {"type": "choice", "values": ["last_1", "all"]},
        "learning_rate": {"type": "float", "low": 0.01, "high": 0.05, "log": True},
    },
    "fixed": {"alpha_over_rank": 4, "epochs": 8, "batch_size": 8, "max_length": 24},
    "start": [
        {"rank": 2, "target_modules": "all_linear", "layers": "all", "learning_rate": 0.03},
        {"rank": 1, "target_modules": "attention_qv", "layers": "last_1", "learning_rate": 0.05},
    ],
}
_logs: dict[int, IO[str]] = {}
"""Process id → what it writes to stderr."""
WORDED = (0, 2, 130, 143)
"""Exit codes of a process that has said itself what is to be said; Ray and the system have others."""
RAY_GONE = ("Ray has ended unexpectedly (", "Ray could not be started: it ended at once (")
"""What a search says that ends because its Ray has."""
CUT_OFF = "Cut off. "
"""How the way on begins that is said for a search that cannot say it."""
MARK = "AUTOLORA_TEST_MARK"
"""Every process of a search inherits this variable, and is found by it whoever its parent is."""


@dataclass
class TinySearch:
    """One run folder, the processes that work on it one after the other, and what they acknowledged."""

    folder: Path
    trials: int = 3
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    known: dict[int, tuple] = field(default_factory=dict)
    """What was acknowledged when it was last looked at."""
    resumed_at: float = 0.0

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.folder / "run"

    @property
    def task(self) -> Path:
        """The task file."""
        return self.folder / "task.yaml"

    def start(self, points: str = "", **environment: str) -> subprocess.Popen[str]:
        """Start the search, or go on with it."""
        begun = (self.run / "task.yaml").is_file()
        arguments = [self.run, "--resume"] if begun else [self.task, "--out", self.run]
        return start(*arguments, mark=self.mark, points=points, **environment)

    def check(self) -> None:
        """Check that nothing acknowledged was lost or changed."""
        now = acknowledged(self.run)
        lost = {number: (was, now.get(number)) for number, was in self.known.items() if now.get(number) != was}
        assert not lost
        assert sum(state != TrialState.REFUSED for state, *_ in now.values()) <= self.trials
        self.known = now

    def finish(self) -> None:
        """Go on to the end, and check everything that must hold there."""
        process = self.start()
        code, last = ended(process)
        assert code == 0, last
        self.check_finished()

    def check_finished(self) -> None:
        """Check a finished run folder."""
        self.check()
        states = [state for state, *_ in self.known.values() if state != TrialState.REFUSED]
        assert len(states) == self.trials
        assert TrialState.FAILED not in states
        read = results.read(self.run)
        assert (self.run / "DONE").exists()
        assert read.recommendation is not None
        assert read.recommendation.search.trials == self.trials
        assert {t.number for t in read.trials} == set(self.known)
        assert read.confirm is not None
        assert list((self.run / "slots").iterdir()) == []
        assert left_over(self.run) == []
        sums = self.run / "adapter" / "SHA256SUMS"
        if TrialState.COMPLETE in states:
            for line in sums.read_text().splitlines():
                digest, name = line.split("  ")
                assert hashlib.sha256((sums.parent / name).read_bytes()).hexdigest() == digest
        assert "</html>" in (self.run / "report.html").read_text()
        self.check_no_process_is_left()

    def check_no_process_is_left(self) -> None:
        """Check that no process of the search outlives it for long; Ray's agents end a while after their raylet."""
        deadline = time.monotonic() + 120
        while left := list(processes(self.mark)):
            assert time.monotonic() < deadline, [process.name() for process in left]
            time.sleep(0.5)

    def wait_for_trials(self, process: subprocess.Popen[str], count: int) -> None:
        """Wait until so many trials were acknowledged, or the process has ended."""
        trials = self.run / "trials.jsonl"

        def happened() -> bool:
            lines = trials.read_text().splitlines() if trials.exists() else ()
            return sum(json.loads(line)["state"] not in ("running", "refused") for line in lines) >= count

        wait_until(happened, process)


def make(
    folder: Path, base: Path, *, trials: int = 3, rows: int = 20, writes: bool = False, **fixed: object
) -> TinySearch:
    """Lay out data, space and task of a tiny search; its base writes the labels, if it can write."""
    columns = ("prompt", "completion") if writes else ("text", "label")
    with open(folder / "rows.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        words = {"delivery": "parcel", "money": "card", "repair": "broken"}
        writer.writerows((f"{words[name]} please {words[name]} {at}", name) for at in range(rows) for name in words)
    (folder / "space.yaml").write_text(yaml.safe_dump(SPACE | {"fixed": SPACE["fixed"] | fixed}))
    task = {
        "version": 1, "name": "tiny", "data": {"path": "rows.csv"} | {name: name for name in columns},
        "base_model": str(base), "metric": "exact_match" if writes else "accuracy", "space": "space.yaml",
        "budget": {"trials": trials},
    }  # fmt: skip
    (folder / "task.yaml").write_text(yaml.safe_dump(task))
    return TinySearch(folder=folder, trials=trials)


def start(
    *arguments: object,
    mark: str = "",
    points: str = "",
    program: tuple[str, ...] = ("-m", "autolora.cli"),
    **environment: str,
) -> subprocess.Popen[str]:
    """Start the search command in a process group of its own.

    Its stderr is a file: Ray's agents inherit it, and a pipe would be open for as long as they take to end.
    """
    log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open for as long as anybody writes
    command = [sys.executable, *program, "search", *map(str, arguments), "--plain"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=log,
        text=True,
        start_new_session=True,
        # Threads that spin while they wait make steps this small a hundred times longer beside any other work.
        env=os.environ | {MARK: mark, failpoints.VARIABLE: points, "OMP_WAIT_POLICY": "PASSIVE"} | environment,
        # A test run started in the background ignores SIGINT, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    _logs[process.pid] = log
    return process


def said(process: subprocess.Popen[str]) -> str:
    """Return what a search has written to stderr so far."""
    # Its own place in the file is the one at which the search goes on to write.
    log = _logs[process.pid].fileno()
    return os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace")


def ended(process: subprocess.Popen[str], *, timeout: float = 240.0, clean: bool = True) -> tuple[int, str]:
    """Wait until a search ends by itself; return its exit code and its last line on stderr.

    Args:
        process: The search.
        timeout: Seconds after which it counts as hanging.
        clean: Whether a traceback on stderr is a fault.
    """
    try:
        process.wait(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"the search hangs: {said(process)[-2000:]}") from None
    if process.returncode not in WORDED or any(words in said(process) for words in RAY_GONE):
        # A shell beside the search says how to go on, a moment after its end.
        deadline = time.monotonic() + 10
        while CUT_OFF not in said(process):
            assert time.monotonic() < deadline, said(process)
            time.sleep(0.01)
    err = said(process)
    assert not clean or "Traceback" not in err, err
    return process.returncode, (err.strip().splitlines() or [""])[-1]


def acknowledged(run: Path) -> dict[int, tuple]:
    """Return what the study says of every trial that was told."""
    ended = (record for record in standing(run).values() if record.state != TrialState.RUNNING)
    return {r.number: (r.state, r.metric, r.config, r.ended_at) for r in ended}


def standing(run: Path) -> dict[int, TrialRecord]:
    """Return what the study says of every trial."""
    if not (run / "study.db").exists() or not (run / "trials.jsonl").exists():
        return {}
    ledger = Ledger(run / "study.db", seed=0)
    records = ledger.records()
    ledger.close()
    return {record.number: record for record in records}


def left_over(run: Path, *, finished: bool = True) -> list[str]:
    """Return what a run folder must not hold that no process works on."""
    odd = (".part", "-journal", ".state") if finished else (".part", "-journal")
    return [path.name for path in run.rglob("*") if path.name.endswith(odd) or path.name == ".owner"]


def processes(mark: str) -> Iterator[psutil.Process]:
    """Yield the living processes of a search."""
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except psutil.Error:
            continue


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[str], *, seconds: float = 90.0) -> None:
    """Wait until something has happened or the process has ended."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and not happened():
        assert time.monotonic() < deadline, "the search did not get that far"
        time.sleep(0.05)
