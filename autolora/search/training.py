"""Jobs that are trained in full on the engines of a search, a lost engine's elsewhere; some may be stopped at a rung.

Knows engines, jobs and their reports; knows neither Tune nor a study.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from autolora.engine.jobs import Job, Report
from autolora.errors import EngineLost
from autolora.records import TrialState
from autolora.search.engine_actor import answer
from autolora.search.setbacks import Setbacks

OnRung = Callable[[Job, Report], Mapping[str, str]]
"""Is handed a job's report at a rung before its last, and says which slots to stop: slot → why."""
_NEWS_SECONDS = 0.5
"""How long an engine is asked for a job's next report before it says how far that is."""


class Engines(Protocol):
    """What this needs of the engines; every call may raise ``EngineLost``."""

    def ready_soon(self) -> Sequence[str]:
        """Return the names of those that can take jobs; wait until there is one."""

    def replace(self, name: str, lost: EngineLost) -> None:
        """Give one up, and start another in its place."""

    def admit(self, name: str, job: Job) -> None:
        """Give one a job."""

    def handle(self, name: str) -> Any:
        """Return its actor."""

    def release(self, name: str, slot: str) -> None:
        """Free a slot."""

    def progressed(self) -> None:
        """Note that something was trained."""


@dataclass(kw_only=True)
class Training:
    """Some jobs on their way."""

    engines: Engines
    waiting: list[Job]
    """The next one last."""
    places: int
    """Of an engine."""
    on_done: Callable[[Job, Report], None]
    on_rung: OnRung
    out_of_time: Callable[[], bool] = lambda: False
    """Whether to give up what has not ended."""
    _running: dict[str, dict[str, tuple[Job, int]]] = field(default_factory=dict)
    """Engine → slot → its job, and the token that polls show."""
    _heard: dict[str, Report] = field(default_factory=dict)
    """Slot → the report at the highest rung that it has come to."""
    _setbacks: dict[str, Setbacks] = field(default_factory=dict)

    def run(self) -> None:
        """Train until every job has ended.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        while self.waiting or any(self._running.values()):
            if self.out_of_time():
                self._give_up()
                return
            asked: dict[str, dict[Any, Job]] = {}
            for name in self.engines.ready_soon():
                try:
                    asked[name] = self._fill(name)
                except EngineLost as lost:
                    self._lose(name, lost)
            for name, calls in asked.items():
                try:
                    for call, job in calls.items():
                        if job.slot in self._running[name]:  # else another's report has stopped it meanwhile
                            self._hear(name, job, answer(call))
                except EngineLost as lost:
                    self._lose(name, lost)

    def _fill(self, name: str) -> dict[Any, Job]:
        """Give an engine what it has room for, and ask for news of all that it has."""
        held, handle = self._running.setdefault(name, {}), self.engines.handle(name)
        while self.waiting and len(held) < self.places:
            job = self.waiting.pop()
            held[job.slot] = (job, 0)
            self.engines.admit(name, job)
            held[job.slot] = (job, answer(handle.claim.remote(job.slot)))
        return {
            handle.poll.remote(job.slot, token, allowed_rung=self._next_rung(job), timeout_s=_NEWS_SECONDS): job
            for job, token in held.values()
        }

    def _next_rung(self, job: Job) -> int:
        heard = self._heard.get(job.slot)
        return 0 if heard is None or heard.rung is None else heard.rung + 1

    def _hear(self, name: str, job: Job, report: Report) -> None:
        if report.last:
            self._end(name, job, report)
        elif report.rung is not None and report.rung >= self._next_rung(job):
            self._heard[job.slot] = report
            self._stop(self.on_rung(job, report))

    def _stop(self, causes: Mapping[str, str]) -> None:
        held = [(name, job) for name, jobs in self._running.items() for job, _ in jobs.values() if job.slot in causes]
        for name, job in held:
            stopped = replace(self._heard[job.slot], last=True, outputs=b"", failure=TrialState.STOPPED)
            self._end(name, job, replace(stopped, cause=causes[job.slot]))

    def _give_up(self) -> None:
        """Free every slot; of what has not ended nothing is handed over."""
        self.waiting.clear()
        for name, jobs in self._running.items():
            for slot in jobs:
                self.engines.release(name, slot)
        self._running.clear()

    def _end(self, name: str, job: Job, report: Report) -> None:
        del self._running[name][job.slot]
        self.engines.release(name, job.slot)
        self.engines.progressed()
        self.on_done(job, report)

    def _lose(self, name: str, lost: EngineLost) -> None:
        self.engines.replace(name, lost)
        for job, _ in self._running.pop(name, {}).values():
            setbacks = self._setbacks.setdefault(job.slot, Setbacks())
            end = setbacks.suffer(job.slot, lost)
            if end is None:
                self.waiting.append(replace(job, alone=setbacks.alone))
            else:
                state, cause = end
                self.on_done(job, Report(steps=0, total_steps=1, seconds=0.0, last=True, failure=state, cause=cause))
