"""The engine processes of a base: one per GPU, or one per machine without any; lost ones are replaced.

Each holds the base once, and on it every task that was begun and not ended. Knows Ray actors and the machines they live
on; knows no study and decides nothing about trials.
"""

from __future__ import annotations

import importlib
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autolora.durable import write_whole
from autolora.engine.checkpoint import find
from autolora.engine.jobs import Job
from autolora.engine.start import EngineFacts, EngineSpec
from autolora.errors import AutoloraError, EngineError, EngineLost
from autolora.search.cluster import Place, is_alive, node_here, places
from autolora.search.engine_actor import MUST_AGREE, EngineActor, Part, answer, versions
from autolora.search.setbacks import MOST_LOSSES
from autolora.search.shipment import Shipment, pack

_DRAIN_SECONDS = 20.0
_START_SECONDS = 1800.0
"""A large base on a slow disk takes its time; a place that is never free takes for ever."""
_CALLS_AT_ONCE = 64
"""Threads of an engine actor: more than leases can ever wait at a time."""
_CPUS = 0.5
"""What an engine claims of Ray; its threads are set by themselves, and leases need a share of the smallest machine."""


@dataclass
class _Engine:
    """An engine's process."""

    handle: Any
    place: Place
    keeps_files: bool
    """Whether it runs where the run folders are."""
    starting: Any = None
    """The call that starts it, until it has answered."""
    since: float = field(default_factory=time.monotonic)
    held: dict[str, Job] = field(default_factory=dict)
    """Its slots, with what each trains."""


class Pool:
    """All engines are on the same base; each has a name of its own, which no later one gets."""

    def __init__(self, folder: str, *, base_id: str, threads: int = 0) -> None:
        """Find the base, and start a process at every place; nothing is loaded before a task begins.

        Args:
            folder: Of the base.
            base_id: What records call it.
            threads: CPU threads of each; 0 takes what the machine offers.

        Raises:
            AutoloraError: If there is no such base, or which machine differs from this one in what.
        """
        checkpoint = find(folder, base_id=base_id)
        self._folder, self._hash = checkpoint.folder, checkpoint.hash
        self._threads = threads
        self._here = node_here()
        self._parts: dict[str, Part] = {}
        """Task → what every engine must know of it."""
        self._facts: dict[str, EngineFacts] = {}
        self._listeners: dict[str, Callable[[str], None]] = {}
        self._shipment: Shipment | None = None
        self._can_read = {self._here}
        """Nodes that read the base's folder themselves."""
        self._engines: dict[str, _Engine] = {}
        self._losses = 0
        self._slots = 0
        created = [self._create(place) for place in places(threads)]
        for name in created:
            self._look(self._engines[name])

    # ------------------------------------------------------------------------------------------------------------ tasks

    def begin(self, task: str, spec: EngineSpec) -> EngineFacts:
        """Have every engine load a task, and the first of all the base; return what is known of it then.

        Raises:
            AutoloraError: What an engine raised, or which machine differs from the first in what.
        """
        import ray

        is_first = not self._parts
        part = Part(name=task, spec=ray.put(spec))
        try:
            # Whichever is replaced from here on begins with it.
            self._parts[task] = part
            waiting = list(self._engines) if is_first else self.ready_soon()
            for name in waiting:
                self._start(name, [part])
            if is_first:
                _import_meanwhile()
            for name in waiting:
                self._await(name)
        except BaseException:
            with suppress(AutoloraError):
                self.end(task)
            raise
        return self._facts[task]

    def end(self, task: str) -> None:
        """Have every engine free a task's slots and forget its rows; an unknown task is ignored."""
        if self._parts.pop(task, None) is None:
            return
        self._facts.pop(task, None)
        self._listeners.pop(task, None)
        for name, engine in list(self._engines.items()):
            for slot in [slot for slot, job in engine.held.items() if job.task == task]:
                del engine.held[slot]
            if engine.starting is None:
                try:
                    answer(engine.handle.end.remote(task))  # one of the same name may begin at once
                except EngineLost as lost:
                    self.replace(name, lost)

    def on_loss(self, task: str, listener: Callable[[str], None]) -> None:
        """Have somebody told why whenever an engine is lost, as long as the task lasts."""
        self._listeners[task] = listener

    # ------------------------------------------------------------------------------------------------ coming and going

    def close(self) -> None:
        """End every engine."""
        import ray

        for engine in self._engines.values():
            ray.kill(engine.handle)
        self._engines.clear()

    def _create(self, place: Place) -> str:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        name = f"engine-{uuid.uuid4().hex}"
        actor = ray.remote(EngineActor).options(
            name=name,
            num_cpus=_CPUS,
            num_gpus=1 if place.has_gpu else 0,
            max_concurrency=_CALLS_AT_ONCE,
            scheduling_strategy=NodeAffinitySchedulingStrategy(place.node, soft=False),
        )
        self._engines[name] = _Engine(
            handle=actor.remote(place.threads), place=place, keeps_files=place.node == self._here
        )
        return name

    def _look(self, engine: _Engine) -> None:
        """Check a machine's versions before anything is loaded there."""
        theirs, can_read = answer(engine.handle.look.remote(str(self._folder), self._hash), _START_SECONDS)
        for package, ours in versions().items():
            _must_agree(f"{package}'s version", ours, theirs[package], engine.place)
        if can_read:
            self._can_read.add(engine.place.node)

    def _start(self, name: str, parts: list[Part]) -> None:
        """Have an engine begin some tasks."""
        engine = self._engines[name]
        if engine.place.node not in self._can_read and self._shipment is None:
            self._shipment = pack(self._folder, self._hash)
        shipment = None if engine.place.node in self._can_read else self._shipment
        engine.starting = engine.handle.begin.remote(parts, shipment, engine.keeps_files)
        engine.since = time.monotonic()

    def _await(self, name: str) -> None:
        """Wait for an engine that begins tasks; one that is lost meanwhile is replaced, and is waited for in turn."""
        while name in self._engines:
            try:
                self._accept(name, answer(self._engines[name].starting, _START_SECONDS))
                return
            except EngineLost as lost:
                before = set(self._engines)
                self.replace(name, lost)
                name = next(iter(set(self._engines) - before), "")

    def _accept(self, name: str, facts: dict[str, EngineFacts]) -> None:
        """Take a started engine in, if it works as the first one does."""
        engine = self._engines[name]
        for task, theirs in facts.items():
            known = self._facts.setdefault(task, theirs)
            _must_agree("the base model's hash", known.base_hash, theirs.base_hash, engine.place)
            _must_agree("the precision", known.precision, theirs.precision, engine.place)
            for package in MUST_AGREE:
                _must_agree(f"{package}'s version", known.versions[package], theirs.versions[package], engine.place)
            self._slots = theirs.slots
        engine.starting = None

    def ready(self) -> list[str]:
        """Return the engines that can take jobs, taking in those that have meanwhile started.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        import ray

        for name, engine in list(self._engines.items()):
            if engine.starting is None:
                continue
            if ray.wait([engine.starting], timeout=0)[0]:
                try:
                    self._accept(name, answer(engine.starting))
                except EngineLost as lost:
                    self.replace(name, lost)
            elif time.monotonic() - engine.since > _START_SECONDS:
                self.replace(name, EngineLost(f"an engine has not started within {_START_SECONDS:.0f} s"))
        return [name for name, engine in self._engines.items() if engine.starting is None]

    def ready_soon(self) -> list[str]:
        """Return the engines that can take jobs; wait until there is one."""
        while not (ready := self.ready()):
            time.sleep(0.2)
        return ready

    def free(self) -> str | None:
        """Return the engine with the fewest slots taken, by whichever task; None while all are full."""
        load = {name: len(self._engines[name].held) for name in self.ready()}
        name = min(load, key=load.__getitem__, default=None)
        return None if name is None or load[name] >= self._slots else name

    def replace(self, name: str, lost: EngineLost) -> None:
        """Give an engine up and start another in its place; one that was given up before changes nothing.

        Raises:
            EngineError: If engines are lost one after the other, or there is no machine left to start one on.
        """
        import ray

        engine = self._engines.pop(name, None)
        if engine is None:
            return
        ray.kill(engine.handle)
        gone = not is_alive(engine.place.node)
        if not (gone and engine.starting is not None):  # that machine's loss was counted with the engine before
            self._losses += 1
            for listener in list(self._listeners.values()):
                listener(lost.message)
        place = engine.place
        if gone:
            if self._engines:
                return
            left = places(self._threads)
            if not left:
                raise EngineError("no machine is left in the Ray cluster", "resume the search when there is one")
            place = left[0]
        self._start(self._create(place), list(self._parts.values()))
        if self._losses >= MOST_LOSSES:
            losses, self._losses = self._losses, 0  # another task may fare better
            raise EngineError(
                f"{losses} engines were lost one after the other and no trial got on; the last one: {lost.message}",
                "resume the search when the cause is gone, such as scarce memory",
            )

    def progressed(self) -> None:
        """Note that something was trained: losses count anew."""
        self._losses = 0

    def drain(self) -> int:
        """Stop all training and keep where every slot stands; return how many were kept.

        What an engine cannot do in time is given up: its slots then go on from their last rung.
        """
        import ray

        calls = {e.handle.drain.remote(): name for name, e in self._engines.items() if e.starting is None}
        ready, _ = ray.wait(list(calls), num_returns=len(calls), timeout=_DRAIN_SECONDS) if calls else ([], [])
        count = 0
        for call in ready:
            with suppress(EngineLost):
                count += answer(call)
                for slot in self._engines[calls[call]].held:
                    self.keep_state(calls[call], slot)
        return count

    # ------------------------------------------------------------------------------------------------------------ slots

    def handle(self, name: str) -> Any:
        """Return an engine's actor.

        Raises:
            EngineLost: If it was given up.
        """
        return self._known(name).handle

    def admit(self, name: str, job: Job) -> None:
        """Give an engine a job.

        Raises:
            EngineLost: If it gives no answer.
        """
        engine = self._known(name)
        engine.held[job.slot] = job
        path = Path(job.state_file) if job.state_file else None
        state = path.read_bytes() if path is not None and not engine.keeps_files and path.is_file() else None
        try:
            answer(engine.handle.admit.remote(job, state))
        except AutoloraError:
            engine.held.pop(job.slot, None)
            raise

    def release(self, name: str, slot: str) -> None:
        """Free a slot without waiting; an engine that is gone holds none."""
        engine = self._engines.get(name)
        if engine is not None:
            engine.held.pop(slot, None)
            engine.handle.release.remote(slot)

    def keep_state(self, name: str, slot: str) -> None:
        """See that a slot's newest state is in its file: an engine on another machine cannot write it there.

        Raises:
            EngineLost: If the engine is gone, and the state with it.
        """
        engine = self._known(name)
        job = engine.held.get(slot)
        state = None if engine.keeps_files else answer(engine.handle.state.remote(slot))
        if state is None or job is None or not job.state_file:
            return
        write_whole(Path(job.state_file), state, at="slot")

    def _known(self, name: str) -> _Engine:
        if name not in self._engines:
            raise EngineLost("an engine was given up before", "resume the search")
        return self._engines[name]

    # ------------------------------------------------------------------------------------------------------ of one task

    def add_split(self, task: str, name: str, split: Any, examples: int = 0) -> None:
        """Give every engine another split of a task, those that start later too.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        import ray

        given = (ray.put(split), examples)
        self._parts[task].splits[name] = given
        for engine in self.ready():
            try:
                answer(self._engines[engine].handle.add_split.remote(task, name, *given), None)
            except EngineLost as lost:
                self.replace(engine, lost)

    def keep_prefixes(self, task: str, folder: Path) -> None:
        """Have every engine on this machine, now and later, keep in a folder what it computes of rows once."""
        ready = self.ready()  # before the folder is known: whichever is taken in later opens it then, and none twice
        self._parts[task] = replace(self._parts[task], prefixes=str(folder))
        for name in ready:
            # No answer is waited for: without a file it would train just as well.
            self._engines[name].handle.keep_prefixes.remote(task, str(folder))


def _must_agree(what: str, ours: str, theirs: str, place: Place) -> None:
    if ours != theirs:
        raise EngineError(
            f"{what} is {ours} on this machine, but {theirs} on {place.address}",
            "every machine of the cluster must agree: make them equal, or name one --precision",
        )


def _import_meanwhile() -> None:
    """Import what the driver needs next while the engines load: seconds that nobody then waits for."""
    for name in ("optuna", "ray.tune", "sklearn.gaussian_process", "sklearn.metrics"):
        importlib.import_module(name)


@contextmanager
def open_pool(folder: str, *, base_id: str, threads: int = 0) -> Iterator[Pool]:
    """Start an engine process at every place of the cluster.

    Raises:
        AutoloraError: If there is no such base, or which machine differs from this one in what.
    """
    pool = Pool(folder, base_id=base_id, threads=threads)
    try:
        yield pool
    finally:
        pool.close()
