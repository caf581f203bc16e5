"""A batch from its begin to its end: who is worked on when, on which engines, and what becomes of whoever fails.

Tasks on one base share its engines, which load it once. They are worked on in waves: those of a wave are explored
together (``auction``), then each is confirmed and reported, then the next wave begins with what was learned. What goes
wrong with a task ends that task only. Every task's own steps are kept in its run folder, as ``search`` keeps them, so
that a batch that was killed at any moment goes on where it was.
"""

from __future__ import annotations

import contextlib
import gc
import math
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from autolora import past, request, store
from autolora.budget import Clock, Stopwatch, confirming_of, seconds_used
from autolora.energy import Meter, energy_used
from autolora.engine.checkpoint import Checkpoint
from autolora.errors import AutoloraError, RequestError, TaskCancelled
from autolora.portfolio.allocation import Need, allot, check_deadlines, in_order, waves
from autolora.portfolio.auction import Auction, Lot
from autolora.portfolio.checking import Key, key_of, need_of, own_seconds, prepared_of, untimed
from autolora.portfolio.clock import BatchClock, seconds_worked
from autolora.portfolio.folder import MEMORY, BatchFolder, BatchRequest
from autolora.portfolio.members import Member
from autolora.portfolio.reports import write_reports
from autolora.portfolio.sharing import cross_scores, shared_of
from autolora.portfolio.task import EnergyShare, Task, weigh
from autolora.portions import Portions
from autolora.prepared import check_unchanged
from autolora.progress import Lines, TaskProgress
from autolora.records import to_json
from autolora.records.portfolio import PortfolioRecord
from autolora.search.board import Board
from autolora.search.boards import Boards, Maker
from autolora.search.cluster import open_cluster
from autolora.search.explore import explore
from autolora.search.pool import Pool, open_pool
from autolora.starting import begun
from autolora.store import RunFolder
from autolora.way import Way

WAVE_TASKS = 8
"""Tasks that are explored together: their rows are held in memory together."""


def start(wanted: BatchRequest, out: Path, *, progress: Lines) -> PortfolioRecord:
    """Run a new batch.

    Args:
        wanted: What is asked for.
        out: The batch folder; must not hold anything yet.
        progress: Is told how it goes.

    Raises:
        AutoloraError: If nothing can be begun: the folder is taken, no task is sound, the budget is too small. Nothing
            was written then.
    """
    BatchFolder.check_free(out)
    members = tuple(
        member
        if member.request is None
        else replace(member, request=request.with_paths_from(member.request, Path.cwd()))
        for member in wanted.members
    )
    memory = None if wanted.memory is None else str(Path(wanted.memory).expanduser().absolute())
    return Conduct(wanted=replace(wanted, members=members, memory=memory), out=out, progress=progress).run()


def resume(out: Path, *, progress: Lines) -> PortfolioRecord:
    """Go on with a batch that ended before it was done, or to which tasks were added.

    Raises:
        AutoloraError: If there is no batch in the folder, or another process works on it.
    """
    folder = BatchFolder.existing(out)
    with folder.owned():
        folder.take_in()
        folder.reopen()
        return Conduct(wanted=folder.request(), out=out, progress=progress, resumed=folder).run()


@dataclass
class Conduct:
    """One process's part of a batch."""

    wanted: BatchRequest
    out: Path
    progress: Lines
    resumed: BatchFolder | None = None
    """The folder of a batch that goes on."""

    def __post_init__(self) -> None:
        """Start the clock."""
        self._made = self.resumed
        minutes = self.wanted.minutes
        self._clock = BatchClock(
            watch=Stopwatch(before=0.0 if self.resumed is None else seconds_worked(self.resumed)),
            budget=math.inf if minutes is None else minutes * 60,
        )
        self._faults: dict[str, str] = {m.name: m.fault for m in self.wanted.members if m.request is None}
        self._needs: dict[str, Need] = {}
        self._keys: dict[str, Key] = {}
        self._bases: dict[Key, Checkpoint] = {}
        self._holding = ExitStack()
        if minutes is not None:
            self.progress.budget(self._clock.left_in_words)

    def run(self) -> PortfolioRecord:
        """Work on every task that is not done, and on those that are added meanwhile."""
        with self._holding, contextlib.closing(Meter()) as self._meter:
            members = self.wanted.members
            while members:
                self._work_on(members)
                members = self._folder.take_in()
            found = write_reports(self._folder, finished=True, seconds=self._clock.spent())
            self._event("done")
            self._folder.write_done()
            return found

    def _work_on(self, members: Sequence[Member]) -> None:
        self.progress.stage(f"Reading {len(members)} task{'' if len(members) == 1 else 's'}")
        due = [member for member in members if self._is_due(member) and self._is_sound(member)]
        if not due and self._made is None:
            name, fault = next(iter(self._faults.items()))
            raise RequestError(f"no task of the batch is sound; the first, {name!r}: {fault}", "mend the tasks")
        by_address: dict[str | None, list[Member]] = {}
        for member in due:
            by_address.setdefault(None if member.request is None else member.request.address, []).append(member)
        for address, there in by_address.items():
            with open_cluster(address) as scratch:
                self._on_cluster({member.name: member for member in there}, scratch)

    # ------------------------------------------------------------------------------------------------ before the start

    def _is_due(self, member: Member) -> bool:
        if member.request is None or self._made is None:
            return member.request is not None
        return not self._is_done(member.name) and not self._made.is_cancelled(member.name)

    def _is_sound(self, member: Member) -> bool:
        """Return whether a task's data, space and base are there and fit; if not, it is reported and left out."""
        with self._alone(member.name):
            prepared = prepared_of(member)
            self._keys[member.name] = key = key_of(prepared)
            self._bases[key] = prepared.checkpoint
            self._needs[member.name] = untimed(member)
            return True
        return False

    def _on_cluster(self, members: Mapping[str, Member], scratch: Path) -> None:
        """Work on tasks that share a Ray cluster, base by base."""
        order = [need.name for need in in_order([self._needs[name] for name in members])]
        groups: dict[Key, list[str]] = {}
        for name in order:
            groups.setdefault(self._keys[name], []).append(name)
        timed = self.wanted.minutes is not None or any(self._needs[name].deadline is not None for name in order)
        with ExitStack() as kept:
            # Of several bases one is loaded at a time; one alone stays.
            only = kept.enter_context(self._pool_of(self._keys[order[0]])) if len(groups) == 1 else None
            if timed:
                for key, names in groups.items():
                    self._time(key, [members[name] for name in names], only)
                self._allot([name for name in order if name not in self._faults], starts=len(groups) if not only else 0)
            self._begin_folder()
            for key, names in groups.items():
                with self._alone(*names), nullcontext(only) if only else self._pool_of(key) as pool:
                    self._on_base(pool, key, [members[name] for name in names], scratch)

    def _on_base(self, pool: Pool, key: Key, members: Sequence[Member], scratch: Path) -> None:
        """Work on tasks that share a base, wave by wave."""
        by_name = {member.name: member for member in members}
        for wave in waves([self._needs[name] for name in by_name if name not in self._faults], WAVE_TASKS):
            self._wave(pool, scratch, [by_name[need.name] for need in wave])
            write_reports(self._folder, finished=False, seconds=self._clock.spent())
            gc.collect()  # Tune leaves cycles behind, which keep the data's files open for long
        self._share(pool, key)

    def _pool_of(self, key: Key) -> AbstractContextManager[Pool]:
        base = self._bases[key]
        return open_pool(str(base.folder), base_id=base.id)

    def _time(self, key: Key, members: Sequence[Member], only: Pool | None) -> None:
        """Find out what tasks on one base take, by timing the engines on the rows of each."""
        self.progress.stage("Starting the engine and timing it on every task")
        names = [member.name for member in members]
        with self._alone(*names), nullcontext(only) if only else self._pool_of(key) as pool:
            for member in members:
                with self._alone(member.name):
                    self._needs[member.name] = need_of(member, pool)

    def _allot(self, order: Sequence[str], *, starts: int) -> None:
        """Split what is left of the budget.

        Raises:
            RequestError: If it is too small, or a deadline cannot be kept.
        """
        needs = [self._needs[name] for name in order]
        if self.wanted.minutes is None:
            check_deadlines(needs, begun=self._clock.spent())
        else:
            self._clock.allotted |= allot(self._clock.budget, needs, begun=self._clock.spent(), starts=starts)

    def _begin_folder(self) -> None:
        """Make the batch folder when the first task is about to begin, and note how the time was split."""
        if self._made is None:
            self._made = BatchFolder.create(self.out, self.wanted)
            self._holding.enter_context(self._made.owned())
            self._event("started", tasks=len(self.wanted.members))
            for name, fault in self._faults.items():
                self._event("failed", task=name, cause=fault)
        else:
            self._event("resumed")
        if self._clock.allotted:
            least = {name: round(need.least, 1) for name, need in self._needs.items()}
            self._event("allotted", seconds={n: round(s, 1) for n, s in self._clock.allotted.items()}, least=least)

    @property
    def _folder(self) -> BatchFolder:
        assert self._made is not None, "nothing has begun"
        return self._made

    # ---------------------------------------------------------------------------------------------------------- a wave

    def _wave(self, pool: Pool, scratch: Path, members: Sequence[Member]) -> None:
        """Explore some tasks together, then confirm and report each."""
        tasks: dict[str, Task] = {}
        with ExitStack() as stack:
            try:
                for member in members:
                    with self._alone(member.name):
                        tasks[member.name] = self._begin(pool, member, stack)
                self._explore({name: task for name, task in tasks.items() if not task.is_confirming}, scratch)
                while tasks:
                    name, task = next(iter(tasks.items()))
                    if name not in self._faults:
                        with self._alone(name):
                            self._finish(task, list(tasks.values())[1:])
                    task.holding.close()
                    del tasks[name]
            except KeyboardInterrupt:
                with contextlib.suppress(KeyboardInterrupt):  # asked twice: then it need not be kept
                    self._drain(tasks)
                raise

    def _begin(self, pool: Pool, member: Member, stack: ExitStack) -> Task:
        """Load a task's rows, and open its folder."""
        name, folder = member.name, self._folder
        self._check_cancelled(name)
        self.progress.stage(f"{name}: Reading the data")
        prepared, path = prepared_of(member), folder.run_path(name)
        held = RunFolder.existing(path) if (path / store.TASK).is_file() else None
        if held is not None:
            check_unchanged(prepared, held, otherwise="add it under another name")
        own = own_seconds(prepared)
        seconds = self._clock.plan_seconds(name, own=own, deadline=member.deadline_seconds)
        portions = Portions(dataset=prepared.dataset, seed=prepared.request.seed, limited=math.isfinite(seconds))
        watch = Stopwatch(before=0.0 if held is None else seconds_used(held))
        watch_before = watch.before
        holding = ExitStack()
        stack.callback(holding.close)
        engines = begun(pool, prepared, portions, task=name)
        holding.callback(engines.end)
        run = held or RunFolder.create(path, request.as_yaml(prepared.request))
        holding.enter_context(run.owned())
        engines.keep_prefixes(run.path / store.PREFIXES)
        lot = Lot(weight=member.priority)
        way = Way(
            run=run,
            prepared=prepared,
            portions=portions,
            engines=engines,
            progress=TaskProgress(self.progress, name),
            clock=Clock(watch=watch, budget_seconds=seconds),
            meter=EnergyShare(
                meter=self._meter,
                before=energy_used(run),
                watch=watch,
                watch_before=watch_before,
                worked=self._clock.worked,
            ),
            enough=lambda: lot.is_done() or folder.is_cancelled(name),
            tick=partial(self._heard, lot, name),
            together=True,
        )
        way.begin(resumed=held is not None)
        watch.stop()
        self._event(
            "begun",
            task=name,
            resumed=held is not None,
            base=prepared.checkpoint.id,
            bytes=prepared.checkpoint.weight_bytes,
            device=engines.facts.device,
        )
        return Task(
            member=member,
            way=way,
            run=run,
            holding=holding,
            lot=lot,
            is_confirming=held is not None and confirming_of(run) is not None,
        )

    def _heard(self, lot: Lot, name: str) -> None:
        """Take in that something was heard of a task."""
        lot.changed()
        self._check_cancelled(name)

    def _share(self, pool: Pool, key: Key) -> None:
        """Try finished tasks' adapters on each other's test rows where labels agree: a help, no part of any verdict."""
        tasks, searches = [], self._memory.searches()
        for member in self.wanted.members:
            with self._alone(member.name):
                shared = shared_of(member, self._folder, searches)
                tasks += [shared] if shared is not None and key_of(shared.prepared) == key else []
        try:
            for score in cross_scores(pool, tasks):
                self._event("cross", score=to_json(score))
        except AutoloraError as error:
            self.progress.note(f"Adapters could not be tried on each other's rows: {error.message}")

    # ---------------------------------------------------------------------------------------------------- its exploring

    def _explore(self, tasks: Mapping[str, Task], scratch: Path) -> None:
        """Run the trials of several tasks, of whichever promise most."""
        if not tasks:
            return
        currency = weigh(list(tasks.values()))
        if currency is not None:
            self._event("weighed", tasks=sorted(tasks), by="money", currency=currency)
        ends = self._clock.exploring_ends(list(tasks.values()), self._is_over)
        auction = Auction({name: task.lot for name, task in tasks.items()}, on_turn=self._note_turn)

        def board_of(task: Task) -> Board:
            task.way.explores_until = lambda: ends
            beside = [other.way.past() for other in tasks.values() if other.board is not None]
            known = {(each.name, each.data_hash): each for each in (*self._memory.searches(), *beside)}
            task.suggested_by = task.way.learn_from(list(known.values()))
            task.board = task.lot.board = task.way.board()
            return task.board

        to_come: dict[str, Maker] = {name: partial(board_of, task) for name, task in tasks.items()}
        boards = Boards(to_come=to_come, turns=auction.turns)
        with self._alone(*tasks):  # what no board could tell: Ray itself, say
            explore(boards, scratch=scratch)
        for name, task in tasks.items():
            with self._alone(name):
                if name in boards.faults:
                    raise boards.faults[name]
                if name not in self._faults:
                    self._explored(task)

    def _is_over(self, name: str) -> bool:
        """Return whether a task asks for no more time."""
        return name in self._faults or self._is_done(name)

    @property
    def _memory(self) -> past.Memory:
        wanted = self.wanted.memory
        return past.Memory(folder=self._folder.path / MEMORY if wanted is None else Path(wanted))

    def _note_turn(self, task: str, bids: Mapping[str, float]) -> None:
        self._event("turn", task=task, bids={name: bid for name, bid in bids.items() if math.isfinite(bid)})

    def _explored(self, task: Task) -> None:
        """Keep what a task's exploring came to, and what it taught."""
        assert task.board is not None, "it was never explored"
        kept, promise = task.way.past(), task.lot.promise()
        self._event(
            "explored",
            task=task.name,
            seconds=round(sum(record.seconds for record in task.way.records()), 1),
            weight=task.lot.weight,
            promise=promise if math.isfinite(promise) else None,
            ended_by=task.why_ended(),
            suggested_by=task.suggested_by,
        )
        task.way.explored()
        if kept.trials:
            self._memory.keep(kept)

    # ----------------------------------------------------------------------------------------------------- and its end

    def _finish(self, task: Task, later: Sequence[Task]) -> None:
        """Confirm and report one task."""
        self._check_cancelled(task.name)
        clock = task.way.clock
        clock.watch.go_on()
        left = self._clock.left_for(task, later, self._is_over)
        if math.isfinite(left):
            clock.budget_seconds = clock.spent() + left
        task.way.finish()
        found = task.run.recommendation()
        self._event("finished", task=task.name, verdict=None if found is None else found.verdict)

    def _drain(self, tasks: Mapping[str, Task]) -> None:
        """Keep where every trial stands."""
        self.progress.stage("Stopping: keeping where every trial stands")
        kept = next((task.way.engines.drain() for task in tasks.values()), 0)
        for task in tasks.values():
            task.way.interrupted(kept)
        self._event("interrupted", kept=kept)

    # --------------------------------------------------------------------------------------------------------- failing

    def _check_cancelled(self, name: str) -> None:
        if self._folder.is_cancelled(name):
            raise TaskCancelled(f"task {name!r} was given up")

    @contextmanager
    def _alone(self, *names: str) -> Iterator[None]:
        """Have whatever goes wrong inside the block end one task, or those on one base, and no other."""
        try:
            yield
        except Exception as error:
            for name in names:
                if name not in self._faults and not self._is_done(name):
                    self._fail(name, error)

    def _fail(self, name: str, error: Exception) -> None:
        said = str(error) if isinstance(error, AutoloraError) else f"{type(error).__name__}: {error}"
        self._faults[name] = said
        is_cancelled = isinstance(error, TaskCancelled)
        self.progress.note(f"{name} {'was given up' if is_cancelled else f'has failed: {said}'}")
        if self._made is not None:
            self._event("cancelled" if is_cancelled else "failed", task=name, cause=said)
            if not isinstance(error, AutoloraError):
                self._made.write_error(name, "".join(traceback.format_exception(error)))

    def _is_done(self, name: str) -> bool:
        return self._made is not None and RunFolder(self._made.run_path(name)).is_done

    def _event(self, kind: str, **details: Any) -> None:
        self._folder.event(kind, spent=round(self._clock.spent(), 1), **details)
