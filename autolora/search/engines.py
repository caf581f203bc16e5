"""The engines of one search: one per GPU, or one per machine without any; lost ones are replaced.

Knows Ray actors and the machines they live on; knows no study and decides nothing about trials.
"""

from __future__ import annotations

import importlib
import math
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from autolora.durable import write_whole
from autolora.engine.checkpoint import find
from autolora.engine.jobs import SLOTS_AT_ONCE, Finished, Job, Report, SoloJob, SoloReport, TokenRows, Written
from autolora.engine.start import EngineFacts, EngineSpec
from autolora.errors import EngineError, EngineLost
from autolora.records import Split
from autolora.search.cluster import Place, is_alive, node_here, places
from autolora.search.engine_actor import MUST_AGREE, EngineActor, answer, versions
from autolora.search.setbacks import MOST_LOSSES
from autolora.search.shipment import Shipment, pack
from autolora.search.training import OnRung, Training

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
    """Whether it runs where the run folder is."""
    starting: Any = None
    """The call that starts it, until it has answered."""
    since: float = field(default_factory=time.monotonic)
    files: dict[str, Path] = field(default_factory=dict)
    """Where the states of its slots belong."""


class Engines:
    """All engines are on the same base and data; each has a name of its own, which no later one gets."""

    def __init__(self, spec: EngineSpec) -> None:
        import ray

        checkpoint = find(spec.folder, base_id=spec.base_id)
        self._folder, self._hash = checkpoint.folder, checkpoint.hash
        self._threads = spec.threads
        self._spec = ray.put(spec)
        self._here = node_here()
        self._splits: dict[str, Any] = {}
        self._prefixes: Path | None = None
        self._shipment: Shipment | None = None
        self._can_read = {self._here}
        """Nodes that read the base's folder themselves."""
        self._engines: dict[str, _Engine] = {}
        self._losses = 0
        self._facts: EngineFacts | None = None
        self.on_loss: Callable[[str], None] = lambda _: None
        """Is told why whenever an engine is lost."""

    @property
    def facts(self) -> EngineFacts:
        """What is known of the base and the device; the same for all."""
        if self._facts is None:
            raise RuntimeError("no engine has started")
        return self._facts

    # ------------------------------------------------------------------------------------------------ coming and going

    def open(self) -> None:
        """Start an engine at every place and wait for all.

        Raises:
            AutoloraError: What an engine raised when it started, or which machine differs from this one in what.
        """
        created = [self._create(place) for place in places(self._threads)]
        for name in created:
            self._look(self._engines[name])
        for name in created:
            self._start(name)
        _import_meanwhile()
        for name in created:
            self._accept(name, answer(self._engines[name].starting, _START_SECONDS))

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

    def _start(self, name: str) -> None:
        engine = self._engines[name]
        if engine.place.node not in self._can_read and self._shipment is None:
            self._shipment = pack(self._folder, self._hash)
        engine.starting = engine.handle.start.remote(
            self._spec,
            None if engine.place.node in self._can_read else self._shipment,
            engine.keeps_files,
            self._splits,
        )

    def _accept(self, name: str, facts: EngineFacts) -> None:
        """Take a started engine in, if it works as the first one does."""
        engine = self._engines[name]
        known = self._facts = self._facts or facts
        _must_agree("the base model's hash", known.base_hash, facts.base_hash, engine.place)
        _must_agree("the precision", known.precision, facts.precision, engine.place)
        for package in MUST_AGREE:
            _must_agree(f"{package}'s version", known.versions[package], facts.versions[package], engine.place)
        engine.starting = None
        if self._prefixes is not None:
            engine.handle.keep_prefixes.remote(str(self._prefixes))

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
            self.on_loss(lost.message)
        if self._losses >= MOST_LOSSES:
            raise EngineError(
                f"{self._losses} engines were lost one after the other and no trial got on; the last one: "
                f"{lost.message}",
                "resume the search when the cause is gone, such as scarce memory",
            )
        place = engine.place
        if gone:
            if self._engines:
                return
            left = places(self._threads)
            if not left:
                raise EngineError("no machine is left in the Ray cluster", "resume the search when there is one")
            place = left[0]
        self._start(self._create(place))

    def progressed(self) -> None:
        """Note that something was trained: losses count anew."""
        self._losses = 0

    # -------------------------------------------------------------------------------------------------------- training

    def admit(self, name: str, job: Job) -> None:
        """Give an engine a job.

        Raises:
            EngineLost: If it gives no answer.
        """
        engine = self._known(name)
        state = None
        if job.state_file:
            engine.files[job.slot] = path = Path(job.state_file)
            if not engine.keeps_files and path.is_file():
                state = path.read_bytes()
        answer(engine.handle.admit.remote(job, state))

    def handle(self, name: str) -> Any:
        """Return an engine's actor.

        Raises:
            EngineLost: If it was given up.
        """
        return self._known(name).handle

    def release(self, name: str, slot: str) -> None:
        """Free a slot without waiting; an engine that is gone holds none."""
        engine = self._engines.get(name)
        if engine is not None:
            engine.files.pop(slot, None)
            engine.handle.release.remote(slot)

    def keep_state(self, name: str, slot: str) -> None:
        """See that a slot's newest state is in its file: an engine on another machine cannot write it there.

        Raises:
            EngineLost: If the engine is gone, and the state with it.
        """
        engine = self._known(name)
        path = engine.files.get(slot)
        state = None if engine.keeps_files else answer(engine.handle.state.remote(slot))
        if state is None or path is None:
            return
        write_whole(path, state, at="slot")

    def _known(self, name: str) -> _Engine:
        if name not in self._engines:
            raise EngineLost("an engine was given up before", "resume the search")
        return self._engines[name]

    def train(
        self,
        jobs: Sequence[Job],
        *,
        slots_per_engine: int,
        on_done: Callable[[Job, Report], None],
        on_rung: OnRung = lambda job, report: {},
        out_of_time: Callable[[], bool] = lambda: False,
    ) -> None:
        """Train jobs, as many at once as there are places, and hand over each one's last report.

        Jobs of an engine that is lost are trained elsewhere.

        Args:
            jobs: To train in full, unless they are stopped at a rung.
            slots_per_engine: Places.
            on_done: Is handed each job's last report.
            on_rung: Is handed each job's report at a rung before its last, and says which slots to stop and why; a job
                goes on once it was heard.
            out_of_time: Whether to give up what has not ended; asked about twice a second.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        Training(
            engines=self,
            waiting=list(reversed(jobs)),
            places=slots_per_engine,
            on_done=on_done,
            on_rung=on_rung,
            out_of_time=out_of_time,
        ).run()

    def ready_soon(self) -> list[str]:
        """Return the engines that can take jobs; wait until there is one."""
        while not (ready := self.ready()):
            time.sleep(0.2)
        return ready

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
                for slot in self._engines[calls[call]].files:
                    self.keep_state(calls[call], slot)
        return count

    # --------------------------------------------------------------------------------------------------------- scoring

    def keep_prefixes(self, folder: Path) -> None:
        """Have every engine on this machine, now and later, keep in a folder what it computes of rows once."""
        ready = self.ready()  # before the folder is known: whichever is taken in later opens it then, and none twice
        self._prefixes = folder
        for name in ready:
            # No answer is waited for: without a file it would train just as well.
            self._engines[name].handle.keep_prefixes.remote(str(folder))

    def add_split(self, name: str, split: Split, examples: int = 0) -> None:
        """Give every engine another split, those that start later too.

        Args:
            name: Of the split.
            split: Its rows.
            examples: That its prompts begin with: they are conversations.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        self._add(name, split, examples)

    def draw_split(self, name: str, rows: Sequence[int]) -> None:
        """Give every engine another split of rows that it has.

        Args:
            name: Of the split.
            rows: Counted through the training rows and on through the validation rows.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        self._add(name, np.asarray(rows, dtype=np.int64), 0)

    def _add(self, name: str, split: Any, examples: int) -> None:
        import ray

        self._splits[name] = (ray.put(split), examples)
        for engine in self.ready():
            try:
                answer(self._engines[engine].handle.add_split.remote(name, *self._splits[name]), None)
            except EngineLost as lost:
                self.replace(engine, lost)

    def outputs(self, adapters: Sequence[Finished | None], split: str) -> list[Any]:
        """Return what the problem keeps of each finished adapter's, or the bare base's, scores on a split.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        return self._shared_out(adapters, lambda handle, adapter: handle.outputs.remote(adapter, split))

    def outputs_once(self, adapters: Sequence[Finished | None], parts: Sequence[Split]) -> list[list[Any]]:
        """Return, of each part, what the problem keeps of each adapter's scores on its rows, which come only once.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        import ray

        sent = ray.put(list(adapters))
        return self._shared_out(parts, lambda handle, part: handle.outputs_once.remote(sent, part))

    def solo(
        self,
        jobs: Sequence[SoloJob],
        on_done: Callable[[SoloJob, SoloReport], None],
        *,
        seconds_left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        """Train what cannot share the base, each by itself on an engine, and hand over what became of it.

        Args:
            jobs: To train.
            on_done: Is handed each job's report.
            seconds_left: Of the time for all of them; what has not ended by then is reported as stopped.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        left = list(jobs)
        while left:
            now = left[: max(1, len(self.ready()))]
            ask = partial(_ask_solo, limit_seconds=seconds_left())
            for job, report in zip(now, self._shared_out(now, ask), strict=True):
                on_done(job, report)
            left = left[len(now) :]

    def answers(self, adapters: Sequence[Finished | None], split: str, *, closed: Sequence[str] = ()) -> list[Written]:
        """Return what each finished adapter, or the bare base, answers to a split's prompts.

        Args:
            adapters: They answer some at a time together.
            split: Name of the split.
            closed: The answers to choose from; none lets them be written.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        most = 0 if self.facts.prompts is None else self.facts.prompts.longest_answer
        packs = [adapters[at : at + SLOTS_AT_ONCE] for at in range(0, len(adapters), SLOTS_AT_ONCE)]
        found = self._shared_out(
            packs, lambda handle, pack: handle.answers.remote(pack, split, most_tokens=most, closed=closed)
        )
        return [written for pack in found for written in pack]

    def general_losses(self, adapters: Sequence[Finished | None], texts: Sequence[str]) -> list[float]:
        """Return the loss of finished adapters, or of the bare base, on texts that have nothing to do with the task.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        (losses,) = self._shared_out([adapters], lambda handle, part: handle.general_losses.remote(part, texts))
        return list(losses)

    def pass_seconds(self, split: str) -> float:
        """Return the seconds that a row of a split takes through the whole base on one engine, in batches.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        (seconds,) = self._shared_out([split], lambda handle, name: handle.pass_seconds.remote(name))
        return float(seconds)

    def prompt_vectors(self, splits: Sequence[str]) -> list[Any]:
        """Return what the bare base makes of each prompt of some splits ``(rows, width)``, as vectors of length 1.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        return self._shared_out(splits, lambda handle, split: handle.prompt_vectors.remote(split))

    def token_rows(self, name: str, split: Split, *, closed: Sequence[str] = ()) -> TokenRows:
        """Return a split that the engines know as tokens, where answers are written.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        (rows,) = self._shared_out([split], lambda handle, part: handle.token_rows.remote(name, part, closed))
        found: TokenRows = rows
        return found

    def _shared_out(self, parts: Sequence[Any], ask: Callable[[Any, Any], Any]) -> list[Any]:
        """Return the answer to each part of some work; parts of an engine that is lost are asked of another."""
        found: dict[int, Any] = {}
        while len(found) < len(parts):
            left = [at for at in range(len(parts)) if at not in found]
            ready = self.ready_soon()
            calls = [
                (name, at, ask(self._engines[name].handle, parts[at]))
                for name, at in zip(ready * len(left), left, strict=False)
            ]
            for name, at, call in calls:
                try:
                    found[at] = answer(call, None)
                    self.progressed()
                except EngineLost as lost:
                    self.replace(name, lost)
        return [found[at] for at in range(len(parts))]


def _ask_solo(handle: Any, job: SoloJob, *, limit_seconds: float) -> Any:
    return handle.solo.remote(job, limit_seconds=limit_seconds)


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
def open_engines(spec: EngineSpec) -> Iterator[Engines]:
    """Start an engine at every place of the cluster.

    Raises:
        AutoloraError: What an engine raised when it started.
    """
    engines = Engines(spec)
    try:
        engines.open()
        yield engines
    finally:
        engines.close()
