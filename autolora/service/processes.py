"""The process of a job: started, looked for, asked to stop, killed with all that it started. Knows no table.

A job's process holds a lock on its folder from before it is born: the service takes it and hands it down. So whoever
looks (the same service, or the next one after a crash) knows by the lock whether the process lives, there is no moment
in which two could be started, and no process id has to be believed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from autolora.service.workplace import LOG, JobFolder

LOCK, PROCESS = ".process.lock", ".process.json"
MARK = "AUTOLORA_JOB"
"""Environment variable that a job's process hands down to all that it starts: what is left of it is found by this."""


def start(folder: JobFolder) -> subprocess.Popen[bytes] | None:
    """Start the process of a job, in a session of its own; None where one lives already."""
    lock = _lock(folder.path)
    if lock is None:
        return None
    try:
        with open(folder.path / LOG, "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "autolora.service.worker", str(folder.path), str(lock)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock],
                start_new_session=True,
                env={**os.environ, MARK: folder.id},
                cwd=folder.path,
            )
    finally:
        os.close(lock)  # the process has its own


def take_over(folder: JobFolder, lock: int) -> None:
    """In a job's process: keep the lock from children, and leave word of who this is."""
    os.set_inheritable(lock, False)
    own = psutil.Process()
    (folder.path / PROCESS).write_text(json.dumps({"pid": own.pid, "born": own.create_time()}))


def has_begun(folder: JobFolder) -> bool:
    """Return whether the process that was last started for a job has left word."""
    return (folder.path / PROCESS).exists()


def forget(folder: JobFolder) -> None:
    """Make ready for another process."""
    (folder.path / PROCESS).unlink(missing_ok=True)


def is_alive(folder: JobFolder) -> bool:
    """Return whether a job's process lives."""
    lock = _lock(folder.path)
    if lock is None:
        return True
    os.close(lock)
    return False


def ask_to_stop(folder: JobFolder) -> bool:
    """Ask a job's process to keep where it is and end; return whether it could be asked (it says first who it is)."""
    process = _process(folder)
    if process is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGTERM)
    return True


def kill_all(id: str) -> int:
    """Kill whatever a job has started and is still there; return how many processes that were."""
    left = [process for process in psutil.process_iter() if _is_of(process, id)]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=5)
    return len(left)


def _process(folder: JobFolder) -> psutil.Process | None:
    try:
        said = json.loads((folder.path / PROCESS).read_text())
        process = psutil.Process(said["pid"])
        is_same = abs(process.create_time() - said["born"]) < 1  # ids are given again
    except (FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
        return None
    return process if is_same else None


def _is_of(process: psutil.Process, id: str) -> bool:
    try:
        return process.environ().get(MARK) == id
    except psutil.Error:  # gone, or another user's
        return False


def _lock(folder: Path) -> int | None:
    """Return a descriptor that holds the lock of a job's folder, None where a process holds it."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
