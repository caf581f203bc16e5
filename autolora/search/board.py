"""What the driver of a search knows while it runs: who holds which slot, what was decided, and why.

The searcher and the scheduler are thin: both ask here. Everything durable goes to the ledger before it counts.
Knows the ledger, the judge and job names; knows engines only as a crew that takes jobs.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from autolora.domination import FLOOR, RUNGS, Costs, Judge
from autolora.engine.costs import CostModel
from autolora.engine.jobs import Job, Report, array_of
from autolora.errors import AutoloraError, EngineLost
from autolora.records import AdapterConfig, RungRecord, TrialRecord, TrialState
from autolora.request import Limits
from autolora.search.ledger import Ledger
from autolora.search.setbacks import Setbacks
from autolora.space import Space

if TYPE_CHECKING:
    from autolora.search.elsewhere import Elsewhere

_TRAINED = (TrialState.COMPLETE, TrialState.STOPPED)
_TIME_IS_UP = "the time for exploring was spent"

Listener = Callable[[str, TrialRecord], None]
"""Is told ``"started"``, ``"rung"`` or ``"ended"`` with the trial as it stands."""


class Crew(Protocol):
    """What the board needs of engines; every call may raise ``EngineLost``, and the first two any ``AutoloraError``."""

    def free(self) -> str | None:
        """Return the name of one that has room for a job."""

    def replace(self, name: str, lost: EngineLost) -> None:
        """Give one up, and start another in its place."""

    def admit(self, name: str, job: Job) -> None:
        """Give one a job, before any lease may claim it."""

    def release(self, name: str, slot: str) -> None:
        """Free a slot, if there is still one."""

    def keep_state(self, name: str, slot: str) -> None:
        """See that the slot's state is in its file."""

    def progressed(self) -> None:
        """Note that something was trained."""


@dataclass
class _Open:
    """A trial that is being trained."""

    number: int
    slot: str
    engine: str
    verdict: str = ""
    """Why it is to stop; empty lets it go on."""
    state: TrialState = TrialState.COMPLETE
    seconds: float = 0.0
    steps: int = 0
    total_steps: int = 1


@dataclass
class Board:
    """One search's state in the driver."""

    ledger: Ledger
    judge: Judge
    space: Space
    costs: CostModel
    limits: Limits
    seed: int
    trials: int
    """How many trials may be started in all, resumed ones included; refused ones do not count."""
    deadline: Callable[[], float]
    """``time.monotonic()`` after which nothing new starts and whatever runs is stopped; may move while it runs.

    As long as no trial is complete, the most promising one goes on: a search that ends with nothing was for nothing.
    But see ``last_moment``.
    """
    slots_dir: Path
    crew: Crew
    listener: Listener = lambda *_: None
    note: Callable[[str], None] = lambda text: None
    """Is told what the user should know."""
    early_stopping: bool = True
    last_moment: Callable[[], float] = lambda: math.inf
    """``time.monotonic()`` after which the most promising trial is stopped too."""
    elsewhere: Elsewhere | None = None
    """What earlier searches let one expect."""
    splits: tuple[str, str] = ("train", "validation")
    """Names of the engines' splits that trials train on and are scored on."""
    used_up: bool = False
    """Whether the space holds no configuration worth training any more."""
    open: dict[str, _Open] = field(default_factory=dict)
    """Tune's trial id → trial."""
    fault: Exception | None = None
    """Why the search cannot go on: Tune hands on the text of an error only. Its trials stay open, to be resumed."""
    enough: Callable[[], bool] = lambda: False
    """Whether no further trial is worth starting."""
    _backlog: list[TrialRecord] = field(default_factory=list)
    _setbacks: dict[int, Setbacks] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take up what an earlier owner of the study left: its results, and its unfinished trials."""
        metric = self.judge.scorer.objective
        self.ledger.explore(
            self.space,
            self.costs,
            metric=metric,
            floor=self.judge.floor,
            refuse=self._refuse,
            elsewhere=self.elsewhere,
        )
        self._backlog = list(self.ledger.orphans())
        self._drop_states()
        for record in self.ledger.records():
            self._enter(record)
        for number, rung, raw in self.ledger.outputs():
            self.judge.record(number, rung, array_of(raw))

    # ---------------------------------------------------------------------------------------------- for the searcher

    @property
    def finished(self) -> bool:
        """Whether nothing more will be started."""
        if self.fault is not None or time.monotonic() >= self.deadline():
            return True
        return not self._backlog and (self.used_up or self.started() >= self.trials or self.enough())

    def started(self) -> int:
        """Return how many trials count against the budget of trials."""
        return self.ledger.count() - self.ledger.count(TrialState.REFUSED)

    def promise(self) -> float:
        """Return how much the next trial is expected to add to the front; see ``Proposer.promise``."""
        return self.ledger.promise()

    def ended(self) -> int:
        """Return how many trials have ended, refused ones left out."""
        return self.started() - self.ledger.count(TrialState.RUNNING)

    def seconds_a_trial(self) -> float | None:
        """Return the device time that a trial takes on average, stopped ones too; None before one has ended."""
        ended = [record.seconds for record in self.ledger.records() if record.state in _TRAINED]
        return sum(ended) / len(ended) if ended else None

    def next(self, tune_id: str) -> dict[str, Any] | None:
        """Return the Tune configuration of the next lease; None while every slot is taken.

        Tune asks many times a second: while the slots are taken, the study must not be read.
        """
        engine = self._free_engine()
        if engine is None or self.finished:
            return None
        record = self._backlog.pop(0) if self._backlog else self.ledger.ask()
        if record is None or record.config is None:
            self.used_up = True
            return None
        self._enter(record)
        # A new name for every attempt: a lease of an earlier attempt can never touch this one's slot.
        slot = f"{record.number}-{uuid.uuid4().hex[:8]}"
        self.open[tune_id] = _Open(number=record.number, slot=slot, engine=engine)
        job = Job(
            slot=slot,
            config=record.config,
            seed=self.seed,
            train=self.splits[0],
            validation=self.splits[1],
            rungs=RUNGS,
            # Tune takes seconds to set up the first leases; the engine need not wait for them.
            allowed_rung=len(record.rungs),
            state_file=str(self.state_file(record.number)),
            alone=self._setbacks.setdefault(record.number, Setbacks()).alone,
        )
        try:
            self.crew.admit(engine, job)
        except EngineLost as lost:
            self.lose(tune_id, lost)
            return None
        self.listener("started", record)
        return {"slot": slot, "engine": engine, "first_rung": len(record.rungs)}

    def _free_engine(self) -> str | None:
        """Return an engine with room; None while all are full."""
        try:
            return self.crew.free()
        except AutoloraError as error:
            self.fault = error
            return None

    def state_file(self, number: int) -> Path:
        """Return where a trial's slot keeps its state."""
        return self.slots_dir / f"{number:05d}.safetensors"

    def _refuse(self, config: AdapterConfig) -> str:
        params, memory = self.costs.trainable_params(config), self.costs.peak_memory_bytes(config)
        if self.limits.max_params is not None and params > self.limits.max_params:
            return f"{params:,} trainable parameters are over max_params {self.limits.max_params:,}"
        if self.limits.max_memory is not None and memory > self.limits.max_memory:
            return f"{memory:,} bytes of predicted memory are over max_memory {self.limits.max_memory:,}"
        return ""

    def _enter(self, record: TrialRecord) -> None:
        if record.trainable_params is not None and record.peak_memory_bytes is not None:
            self.judge.enter(
                record.number,
                Costs(trainable_params=record.trainable_params, peak_memory_bytes=record.peak_memory_bytes),
            )

    # --------------------------------------------------------------------------------------------- for the scheduler

    def hear(self, tune_id: str, report: Report) -> bool:
        """Take in a report; return whether the trial shall stop."""
        trial = self.open[tune_id]
        trial.seconds, trial.steps, trial.total_steps = report.seconds, report.steps, report.total_steps
        if report.note:
            self.note(f"Trial {trial.number}: {report.note}.")
        if report.failure is not None:
            trial.state, trial.verdict = report.failure, report.cause
            return True
        if report.rung is not None and report.rung not in {r.rung for r in self.ledger.rungs(trial.number)}:
            try:
                if not report.last:
                    self.crew.keep_state(trial.engine, trial.slot)
            except EngineLost as lost:
                self.lose(tune_id, lost)
                return True
            self._keep_rung(trial, report)
        if report.last or self.fault is not None:
            return True
        if not trial.verdict:
            trial.verdict = self._verdict(trial)
            trial.state = TrialState.STOPPED if trial.verdict else TrialState.COMPLETE
        return bool(trial.verdict)

    def _keep_rung(self, trial: _Open, report: Report) -> None:
        rung = RungRecord(
            rung=int(report.rung or 0),
            share=RUNGS[int(report.rung or 0)],
            steps=report.steps,
            score=self.judge.record(trial.number, int(report.rung or 0), array_of(report.outputs)),
            train_loss=None if math.isnan(report.train_loss) else report.train_loss,
            seconds=report.seconds,
        )
        self.ledger.add_rung(trial.number, rung, report.outputs)
        self._setbacks.pop(trial.number, None)
        self.crew.progressed()
        self.listener("rung", self.ledger.record(trial.number))

    def _verdict(self, trial: _Open) -> str:
        """Return why a running trial shall stop; judged anew whenever it is heard of, on all results so far."""
        if time.monotonic() >= self.deadline() and not self._last_hope(trial):
            return _TIME_IS_UP
        other = self.judge.dominated_by(trial.number) if self.early_stopping else None
        if other is None:
            return ""
        share = RUNGS[self.judge.latest[trial.number]]
        if other == FLOOR:
            free = "the same answer" if self.judge.free is None else "the base's own answer"
            return f"no better than giving every text {free} after {share:.0%} of training"
        return f"dominated by trial {other} after {share:.0%} of training: better and no larger"

    def _last_hope(self, trial: _Open) -> bool:
        """Whether this trial may go on although time is up: none is complete yet, and it is the furthest and best."""
        if self.ledger.count(TrialState.COMPLETE) or time.monotonic() >= self.last_moment():
            return False

        metric = self.judge.scorer.objective

        def standing(one: _Open) -> tuple[int, float, int]:
            rungs = self.ledger.rungs(one.number)
            if not rungs:
                return -1, 0.0, -one.number
            return rungs[-1].rung, -metric.loss(rungs[-1].score.value), -one.number

        return all(standing(trial) >= standing(other) for other in self.open.values() if not other.verdict)

    # ------------------------------------------------------------------------------------------------------- for both

    def end(self, tune_id: str, *, error: bool) -> None:
        """Tell a trial's end to the ledger, then free its slot and drop its state."""
        trial = self.open.pop(tune_id, None)
        if trial is None:
            return
        self.crew.release(trial.engine, trial.slot)
        if error:
            # Its own process died, or one that was kept for it and lay idle: either way nothing was wrong with it.
            self._open_again(trial, self._setbacks_of(trial).lose_lease())
            return
        if trial.state == TrialState.COMPLETE and not self._trained_in_full(trial.number):
            # Tune ended it without a decision of ours (a signal, say): it stays open and is resumed later.
            return
        self._tell(trial)

    def lose(self, tune_id: str, lost: EngineLost) -> None:
        """Give up the engine of a trial: all that it had are opened again, to go on elsewhere from their last rung."""
        engine = self.open[tune_id].engine
        try:
            self.crew.replace(engine, lost)
        except AutoloraError as error:
            self.fault = error
        for one in [name for name, trial in self.open.items() if trial.engine == engine]:
            trial = self.open.pop(one)
            self._open_again(trial, self._setbacks_of(trial).suffer(trial.slot, lost))

    def _setbacks_of(self, trial: _Open) -> Setbacks:
        return self._setbacks.setdefault(trial.number, Setbacks())

    def _open_again(self, trial: _Open, end: tuple[TrialState, str] | None) -> None:
        """Have a trial go on elsewhere from its last rung, unless its setbacks are its end."""
        if end is None or self.fault is not None:
            self._backlog.append(self.ledger.record(trial.number))
        else:
            trial.state, trial.verdict = end
            self._tell(trial)

    def close(self) -> None:
        """Stop what waits for an engine although the time is up; leave it open where the search could not go on."""
        while self._backlog and self.fault is None:
            waiting = self._backlog.pop()
            trial = _Open(number=waiting.number, slot="", engine="", seconds=waiting.seconds)
            trial.state, trial.verdict = TrialState.STOPPED, _TIME_IS_UP
            self._tell(trial)
        self._drop_states()

    def _drop_states(self) -> None:
        """Remove the states of trials that have ended: a kill came first, or their engine was still writing."""
        needed = {self.state_file(one.number) for one in self.ledger.records() if one.state == TrialState.RUNNING}
        for path in set(self.slots_dir.glob("*.safetensors")) - needed:
            path.unlink(missing_ok=True)

    def _tell(self, trial: _Open) -> None:
        record = self.ledger.tell(trial.number, trial.state, cause=trial.verdict, seconds=trial.seconds)
        self.state_file(trial.number).unlink(missing_ok=True)
        self.listener("ended", record)

    def _trained_in_full(self, number: int) -> bool:
        rungs = self.ledger.rungs(number)
        return bool(rungs) and rungs[-1].rung == len(RUNGS) - 1
