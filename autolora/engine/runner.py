"""Engines on one base, a task each, at work in one thread: jobs come and go, train to a rung, and report.

Knows jobs, rungs and fencing tokens; knows neither Ray nor who decides. All work on the engine happens in its thread;
callers only leave commands and read what was published, so that no call waits for a training step.
"""

from __future__ import annotations

import itertools
import math
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autolora.engine import state as states
from autolora.engine.engine import Engine
from autolora.engine.jobs import Job, Report, bytes_of
from autolora.engine.shelf import FileShelf, Shelf
from autolora.engine.slots import Slot
from autolora.engine.watch import PATIENCE_SECONDS, Watch
from autolora.errors import (
    EngineError,
    EngineLost,
    RunFolderError,
    StaleLease,
    TrialDiverged,
    TrialError,
    TrialOutOfMemory,
)
from autolora.failpoints import failpoint
from autolora.records import TrialState


@dataclass
class _Place:
    """A job's place; fields are read and written under the runner's lock."""

    job: Job
    token: int = 0
    """Of the newest lease; 0 before the first."""
    allowed_rung: int = -1
    next_rung: int = 0
    admitted: bool = False
    note: str = ""
    """What its next report is to say besides its result."""
    reports: list[Report] = field(default_factory=list)
    progress: Report = field(default_factory=lambda: Report(steps=0, total_steps=1, seconds=0.0))


class Runner:
    """Runs jobs on one base."""

    def __init__(
        self,
        make_engine: Callable[[], Engine],
        *,
        task: str = "",
        shelf: Shelf | None = None,
        patience_s: float = PATIENCE_SECONDS,
    ) -> None:
        """Build the engine and start work, all in the engine's own thread.

        OpenMP keeps a pool of workers for every thread that ever computed. With two pools it takes the machine for
        crowded and stops spinning: training then ran at two thirds of its rate (measured: 1.2 of 2 cores busy). So
        whatever computes must do so in that one thread, loading included.

        Args:
            make_engine: Is called there; what it raises is raised here.
            task: What jobs call its task.
            shelf: Keeps the states of slots; in files, unless another is given.
            patience_s: What a step may take at least before it counts as hanging.
        """
        self._shelf = shelf or FileShelf()
        self._watch = Watch(patience_s)
        self._made: Future[Engine] = Future()
        self._engines: dict[str, Engine] = {}
        """Task → its engine."""
        self._places: dict[str, _Place] = {}
        self._tokens = itertools.count(1)
        self._changed = threading.Condition()
        self._commands: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._closed = False
        self._drained = False
        self._broken: str = ""
        self._thread = threading.Thread(target=self._work, args=(task, make_engine), name="engine", daemon=True)
        self._thread.start()
        self._made.result()

    # ------------------------------------------------------------------------------------------------- for any thread

    @property
    def engine(self) -> Engine:
        """The engine of the first task; it stays for its base when the task is dropped."""
        return self._made.result()

    def take_on(self, task: str, make_engine: Callable[[], Engine]) -> None:
        """Have another task's engine beside the others; what making it raises is raised here.

        Raises:
            EngineError: If there is one of that name.
        """
        if task in self._engines:
            raise EngineError(f"task {task!r} is taken on already")

        def take(_: Engine) -> None:
            self._engines[task] = made = make_engine()
            made.on_batch = self._watch.beat

        self.call(take)

    def drop(self, task: str) -> None:
        """Free a task's slots and forget its rows; the base stays, and an unknown task is ignored."""

        def forget(_: Engine) -> None:
            with self._changed:
                held = [slot for slot, place in self._places.items() if place.job.task == task]
                for slot in held:
                    del self._places[slot]
            for slot in held:
                self._shelf.drop(slot)
            engine = self._engines.pop(task, None)
            if engine is not None:
                engine.forget()

        self.call(forget)

    def admit(self, job: Job) -> None:
        """Take a job on. Only whoever decides what runs may call this; a lease claims what was admitted.

        Raises:
            EngineError: If the slot's name is taken.
        """
        with self._changed:
            self._raise_if_lost()
            if job.task not in self._engines:
                raise EngineError(f"there is no task {job.task!r}")
            if job.slot in self._places:
                raise EngineError(f"slot {job.slot!r} is taken")
            self._places[job.slot] = _Place(job=job, allowed_rung=job.allowed_rung)
            self._changed.notify_all()

    def claim(self, slot: str) -> int:
        """Return the token that later calls must show; whoever held the slot before gets ``StaleLease`` from now on.

        Raises:
            StaleLease: If the slot was never admitted, or is freed: a lease that comes late leaves nothing behind.
        """
        with self._changed:
            self._raise_if_lost()
            if slot not in self._places:
                raise StaleLease(f"there is no slot {slot!r}", "its trial has ended")
            self._places[slot].token = next(self._tokens)
            return self._places[slot].token

    def poll(self, slot: str, token: int, *, allowed_rung: int, timeout_s: float) -> Report:
        """Allow the job to train up to a rung, and return its next report: at once, or mere progress after a while.

        A report is repeated until a higher rung is allowed, which acknowledges it: none is lost with a lost lease.

        Raises:
            StaleLease: If the token is not the newest of the slot.
            EngineLost: If the engine's thread has broken down or hangs.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                place = self._place(slot, token)
                if allowed_rung > place.allowed_rung:
                    place.allowed_rung = allowed_rung
                    self._changed.notify_all()
                while place.reports and _is_acknowledged(place.reports[0], allowed_rung):
                    place.reports.pop(0)
                if place.reports:
                    return place.reports[0]
                left = deadline - time.monotonic()
                if left <= 0:
                    return place.progress
                self._changed.wait(left)

    def release(self, slot: str) -> None:
        """Free a job's place, running or not; unknown slots are ignored."""
        with self._changed:
            place = self._places.pop(slot, None)
            if place is not None:
                self._commands.put((lambda: self._free(place.job), Future()))
            self._changed.notify_all()

    def call(self, function: Callable[[Engine], Any], *, task: str | None = None) -> Any:
        """Run ``function(engine)`` in the engines' thread between two steps and return its result.

        Args:
            function: Is handed an engine.
            task: Whose; the first one, which holds the base, unless given.
        """
        future: Future[Any] = Future()
        with self._changed:
            self._raise_if_lost()
            self._commands.put((lambda: function(self.engine if task is None else self._engines[task]), future))
            self._changed.notify_all()
        while True:
            try:
                return future.result(timeout=1.0)
            except TimeoutError:
                if future.done():  # the function's own
                    raise
                self._raise_if_lost()

    def drain(self) -> int:
        """Train no more after the step at hand, keep the state of every slot that has a file for it, and count them.

        Raises:
            EngineLost: If the engine's thread has broken down or hangs.
        """

        def keep(_: Engine) -> int:
            self._drained = True
            kept = 0
            for place in list(self._places.values()):
                slot = self._slot(place)
                if place.job.state_file and slot is not None and slot.step > 0:
                    kept += self._keep_state(place)
            return kept

        return int(self.call(keep))

    def occupied(self) -> dict[str, int]:
        """Return the slots that are taken, with the optimiser steps each has done."""
        with self._changed:
            return {slot: place.progress.steps for slot, place in self._places.items()}

    def close(self) -> None:
        """End the thread after the step at hand."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _place(self, slot: str, token: int) -> _Place:
        self._raise_if_lost()
        place = self._places.get(slot)
        if place is None or place.token != token:
            raise StaleLease(f"slot {slot!r} is not held with token {token}", "a newer lease owns it, or it was freed")
        return place

    def _raise_if_lost(self) -> None:
        if self._broken:
            raise EngineLost(f"an engine has broken down: {self._broken}", "resume the search")
        overdue = self._watch.overdue()
        if overdue is not None:
            waited, slots = overdue
            raise EngineLost(f"an engine has hung for {waited:.0f} s", "resume the search", slots)

    # --------------------------------------------------------------------------------------------- the engine's thread

    def _work(self, task: str, make_engine: Callable[[], Engine]) -> None:
        try:
            self._engines[task] = engine = make_engine()
            engine.on_batch = self._watch.beat
            self._made.set_result(engine)
        except BaseException as error:  # the constructor's to raise
            self._made.set_exception(error)
            return
        try:
            while not self._closed:
                self._run_commands()
                for engine, chunk in self._chunks(self._ready()):
                    self._step(engine, chunk)
        except Exception as error:  # nobody above this frame could tell the callers
            where = traceback.extract_tb(error.__traceback__)[-1]
            with self._changed:
                self._broken = f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"
                self._changed.notify_all()

    def _run_commands(self) -> None:
        while True:
            try:
                command, future = self._commands.get_nowait()
            except queue.Empty:
                return
            try:
                with self._watch.over(unhurried=True):
                    result = command()
                future.set_result(result)
            except Exception as error:  # the caller's to handle
                future.set_exception(error)

    def _free(self, job: Job) -> None:
        if job.task in self._engines:
            self._engines[job.task].release(job.slot)
        self._shelf.drop(job.slot)

    def _slot(self, place: _Place) -> Slot | None:
        """Return where a job stands, None while it has no slot."""
        return self._engines[place.job.task].slots.get(place.job.slot)

    def _ready(self) -> list[Job]:
        """Return the jobs that may take a step now, admitting new ones; sleep if there are none."""
        with self._changed:
            places = dict(self._places)
        for place in places.values():
            if not place.admitted:
                self._admit(place)
            # A slot restored at a rung whose report may not have been acknowledged reports again; and on a very short
            # schedule two rungs fall on one step.
            if place.next_rung <= place.allowed_rung and self._at_rung(place):
                self._report_rung(place)
        with self._changed:
            allowed = [p for p in self._places.values() if self._slot(p) and p.next_rung <= p.allowed_rung]
            allowed = [] if self._drained else allowed
            # What was allowed on only now may still stand at a rung: it reports first, and is not trained past it.
            ready = [place.job for place in allowed if not self._at_rung(place)]
            if (
                not allowed
                and self._commands.empty()
                and not self._closed
                and all(p.admitted for p in self._places.values())
            ):
                self._changed.wait(1.0)
            return ready

    def _chunks(self, ready: list[Job]) -> Iterator[tuple[Engine, list[str]]]:
        """Yield what trains together: slots of one task; one that is to be alone, by itself."""
        for task, engine in list(self._engines.items()):
            together = [job.slot for job in ready if job.task == task and not job.alone]
            yield from ((engine, chunk) for chunk in engine.chunks(together))
            yield from ((engine, [job.slot]) for job in ready if job.task == task and job.alone)

    def _admit(self, place: _Place) -> None:
        job = place.job
        place.admitted = True
        try:
            with self._watch.over(job.slot):
                slot = self._admit_where_it_was(place) or self._engines[job.task].admit(
                    job.slot, job.config, seed=job.seed, train=job.train
                )
        except TrialOutOfMemory as error:
            self._publish(place, self._failure(place, TrialState.OUT_OF_MEMORY, error))
            return
        except Exception as error:  # this trial's failure, nobody else's
            self._publish(place, self._failure(place, TrialState.FAILED, error))
            return
        place.next_rung = sum(_rung_steps(job, slot, rung) < slot.step for rung in range(len(job.rungs)))
        if slot.step > 0:
            # It was allowed to come here, by a process that whoever asks now may know nothing of.
            with self._changed:
                place.allowed_rung = max(place.allowed_rung, place.next_rung)

    def _admit_where_it_was(self, place: _Place) -> Slot | None:
        """Admit a job with the state that was kept of it, None where there is none that is whole and its own."""
        job = place.job
        if not job.state_file:
            return None
        try:
            state = self._shelf.read(job)
            if state is None:
                return None
            return self._engines[job.task].admit(job.slot, job.config, seed=job.seed, state=state, train=job.train)
        except EngineError as error:
            place.note = f"it begins anew: {error.message}"
            return None

    def _keep_state(self, place: _Place) -> bool:
        """Keep where a slot stands; what cannot be kept is said, and costs no more than the way back to it.

        Whatever fills the disk ends the search when the driver next writes to the run folder. An engine elsewhere may
        see no such folder at all: there the search goes on, and only its resuming begins at a trial's start.
        """
        try:
            self._shelf.write(place.job, self._engines[place.job.task].snapshot(place.job.slot))
        except RunFolderError as error:
            place.note = f"where it stands could not be kept: {error.message}"
            return False
        return True

    def _at_rung(self, place: _Place) -> bool:
        slot = self._slot(place)
        return (
            slot is not None
            and slot.step > 0
            and place.next_rung < len(place.job.rungs)
            and slot.step == _rung_steps(place.job, slot, place.next_rung)
        )

    def _step(self, engine: Engine, slot_ids: list[str]) -> None:
        with self._watch.over(*slot_ids):
            failpoint("engine.step")
            failures = engine.step(slot_ids)
        for slot_id in slot_ids:
            with self._changed:
                place = self._places.get(slot_id)
            if place is None:
                continue  # released while it trained; the command that frees it is waiting
            if slot_id in failures:
                self._publish(place, self._failure(place, _state_of(failures[slot_id]), failures[slot_id]))
            elif self._at_rung(place):
                self._report_rung(place)
            else:
                slot = engine.slots[slot_id]
                with self._changed:
                    place.progress = Report(steps=slot.step, total_steps=slot.total_steps, seconds=slot.seconds)

    def _report_rung(self, place: _Place) -> None:
        """Score a slot that reached a rung, keep its state, then publish."""
        job = place.job
        engine = self._engines[job.task]
        slot = engine.slots[job.slot]
        loss = slot.mean_loss()
        try:
            with self._watch.over(job.slot):
                outputs = engine.outputs(job.slot, job.validation)
        except TrialError as error:
            self._publish(place, self._failure(place, _state_of(error), error))
            return
        last = place.next_rung == len(job.rungs) - 1
        if job.state_file:
            self._keep_state(place)
        slot.start_rung()
        adapter = (
            {name: tensor.numpy() for name, tensor in states.adapter_tensors(slot).items()}
            if last and job.keep_adapter
            else None
        )
        report = Report(
            steps=slot.step,
            total_steps=slot.total_steps,
            seconds=slot.seconds,
            rung=place.next_rung,
            last=last,
            outputs=bytes_of(outputs),
            train_loss=loss,
            adapter=adapter,
            note=place.note,
        )
        place.note = ""
        place.next_rung += 1
        self._publish(place, report)

    def _failure(self, place: _Place, state: TrialState, error: Exception) -> Report:
        slot = self._slot(place)
        self._engines[place.job.task].release(place.job.slot)
        cause = str(error) if isinstance(error, TrialError | EngineError) else f"{type(error).__name__}: {error}"
        return Report(
            steps=slot.step if slot else 0,
            total_steps=slot.total_steps if slot else 1,
            seconds=slot.seconds if slot else 0.0,
            last=True,
            failure=state,
            cause=cause,
        )

    def _publish(self, place: _Place, report: Report) -> None:
        with self._changed:
            place.reports.append(report)
            place.progress = Report(steps=report.steps, total_steps=report.total_steps, seconds=report.seconds)
            self._changed.notify_all()


def _rung_steps(job: Job, slot: Slot, rung: int) -> int:
    """Return the optimiser steps at which a job reaches a rung."""
    return max(1, math.ceil(job.rungs[rung] * slot.total_steps))


def _is_acknowledged(report: Report, allowed_rung: int) -> bool:
    """Whether a report need not be repeated; an end is, until its slot is released."""
    return report.rung is not None and report.rung < allowed_rung and not report.last


def _state_of(error: TrialError) -> TrialState:
    if isinstance(error, TrialDiverged):
        return TrialState.DIVERGED
    return TrialState.OUT_OF_MEMORY if isinstance(error, TrialOutOfMemory) else TrialState.FAILED
