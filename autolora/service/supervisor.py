"""Keeps the jobs going: begins those that wait, looks after those that run, takes up again what a crash left.

The only writer of states. It looks at every unfinished job again and again; what it does about one is decided by
``states.next_step`` from what it sees (the lock and the last word of the job's process), so that it makes no difference
whether the same service sees it or the next one after a crash.
"""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from dataclasses import dataclass

from autolora.service import journal, processes
from autolora.service.faults import DiskShort
from autolora.service.jobs import Job, Jobs
from autolora.service.states import WITH_PROCESS, Ending, Kind, Seen, State, Step, Wish, next_step
from autolora.service.workplace import PROGRESS, End, JobFolder, Workplace

_LOG = logging.getLogger("autolora.service")
TICK_SECONDS = 0.5
GRACE_SECONDS = 120
"""Time that a process has to keep where it is before it is killed."""
LIGHT = frozenset({Kind.CHECK, Kind.REVIEW})
"""Jobs without an engine: they wait for no other kind."""
LIGHT_AT_ONCE = 2


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the jobs may take."""

    jobs_at_once: int = 1
    """Searches, batches and plans that work side by side; each takes every core, so more are seldom faster."""
    least_free_bytes: int = 2 * 2**30
    """Room on the disk below which nothing is begun."""


class Supervisor:
    """Looks after all jobs, in a thread of its own."""

    def __init__(self, jobs: Jobs, place: Workplace, limits: Limits) -> None:
        self._jobs, self._place, self._limits = jobs, place, limits
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._asked: dict[str, float] = {}
        """Of jobs that were asked to stop: when."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="supervisor", daemon=True)
        self.last_look = 0.0
        """On the monotonic clock."""

    def start(self) -> None:
        """Take up what there is, and go on looking after it."""
        self._thread.start()

    def stop(self) -> None:
        """Look after nothing any more; the jobs' processes go on."""
        self._stopping.set()
        self._jobs.changed.set()
        self._thread.join()

    def rest(self, *, within: float = GRACE_SECONDS) -> None:
        """Ask all processes to keep where they are and end; the next service goes on with their jobs."""
        self.stop()
        folders = [self._place.job(job.id) for job in self._jobs.unfinished() if job.state in WITH_PROCESS]
        ends = time.monotonic() + within
        asked: set[str] = set()
        while (alive := [folder for folder in folders if processes.is_alive(folder)]) and time.monotonic() < ends:
            asked |= {folder.id for folder in alive if folder.id not in asked and processes.ask_to_stop(folder)}
            time.sleep(0.1)
        for folder in folders:
            processes.kill_all(folder.id)

    def check_room(self) -> None:
        """Check that the disk has room for another job.

        Raises:
            DiskShort: If not.
        """
        free = self._place.free_bytes()
        if free < self._limits.least_free_bytes:
            raise DiskShort(
                f"the disk must have {self._limits.least_free_bytes / 2**30:.1f} GiB free for a new job, but it has"
                f" {free / 2**30:.1f}",
                "delete searches that nobody needs, or give the data folder more room",
            )

    # -------------------------------------------------------------------------------------------------------- the look

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except Exception:  # a look that fails is no reason never to look again
                _LOG.exception("looking after the jobs failed; trying again")
            self._jobs.changed.wait(TICK_SECONDS)
            self._jobs.changed.clear()

    def look(self) -> None:
        """Look at every unfinished job once, and begin what can be begun."""
        unfinished = [self._look_at(job) for job in self._jobs.unfinished()]
        self._begin([job for job in unfinished if not job.has_ended])
        self.last_look = time.monotonic()

    def _look_at(self, job: Job) -> Job:
        folder = self._place.job(job.id)
        end = None
        seen = Seen(is_alive=False)
        if job.state in WITH_PROCESS:
            seen, end = self._see(folder)
        step = next_step(job.state, job.wish, seen, job.crashes)
        if step.stops:
            self._stop(folder)
        if step.state == job.state:
            return job
        if job.state in WITH_PROCESS and step.state not in WITH_PROCESS:
            self._clear_after(folder)
        cause, hint = _why(step, end)
        _LOG.info("%s: %s -> %s", job.id, job.state, step.state)
        return self._jobs.move(job.id, step.state, crashes=step.crashes, cause=cause, hint=hint)

    def _see(self, folder: JobFolder) -> tuple[Seen, End | None]:
        child = self._children.get(folder.id)
        if child is not None and child.poll() is not None:
            del self._children[folder.id]
        alive = processes.is_alive(folder)
        # Asked in this order: what lives may still say its last word.
        end = None if alive else folder.end()
        seen = Seen(
            is_alive=alive,
            was_alive=processes.has_begun(folder),
            has_begun=folder.run.is_dir() and any(folder.run.iterdir()),
            has_moved=not alive and journal.has_moved(folder.path / PROGRESS),
            ending=None if end is None else end.ending,
        )
        return seen, end

    def _stop(self, folder: JobFolder) -> None:
        asked = self._asked.get(folder.id)
        if asked is None:
            if processes.ask_to_stop(folder):
                self._asked[folder.id] = time.monotonic()
        elif time.monotonic() - asked > GRACE_SECONDS:
            _LOG.warning("%s does not stop: it is killed", folder.id)
            processes.kill_all(folder.id)

    def _clear_after(self, folder: JobFolder) -> None:
        """Clear away what a job's process has left running."""
        self._asked.pop(folder.id, None)
        left = processes.kill_all(folder.id)
        if left:
            _LOG.info("%s left %d processes, which were killed", folder.id, left)

    # --------------------------------------------------------------------------------------------------- and the begin

    def _begin(self, jobs: list[Job]) -> None:
        """Begin jobs that wait, as many as may work at once."""
        for light in (False, True):
            lane = [job for job in jobs if (job.kind in LIGHT) == light]
            room = (LIGHT_AT_ONCE if light else self._limits.jobs_at_once) - sum(
                job.state in WITH_PROCESS for job in lane
            )
            for job in [job for job in lane if job.state == State.QUEUED and job.wish == Wish.RUN][: max(room, 0)]:
                if self._place.free_bytes() < self._limits.least_free_bytes:
                    return
                self._begin_one(job)

    def _begin_one(self, job: Job) -> None:
        folder = self._place.job(job.id)
        folder.forget_end()
        processes.forget(folder)
        self._jobs.move(job.id, State.VALIDATING, starts=True)
        child = processes.start(folder)
        if child is not None:
            self._children[job.id] = child


def _why(step: Step, end: End | None) -> tuple[str | None, str | None]:
    """Return why a job failed, and what can be done about it."""
    if step.state != State.FAILED:
        return None, None
    if end is None or end.ending == Ending.DONE:
        return "its process ended several times without a word", "look at log.txt in the job's folder"
    return end.cause or "an unexpected error", end.hint or None
