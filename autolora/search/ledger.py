"""The study in ``study.db``: the only truth about trials. Knows Optuna and records; knows neither Ray nor engines.

A trial is acknowledged when ``tell`` has returned; whatever else is said of it (rungs, cause, outputs) is written
before that. Rung scores are kept as attributes and never told as final values.
"""

from __future__ import annotations

import base64
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState as OptunaState
from sqlalchemy.exc import SQLAlchemyError

from autolora.durable import unwritable
from autolora.engine.costs import CostModel
from autolora.errors import RunFolderError
from autolora.failpoints import failpoint
from autolora.objectives import Direction, Objective
from autolora.records import AdapterConfig, RungRecord, TrialRecord, TrialState, to_json
from autolora.search.proposer import Proposer
from autolora.search.sampler import FrontSampler, distributions, members, stored
from autolora.search.study_records import is_trial, record_of, rungs_of, state_of
from autolora.space import Space

if TYPE_CHECKING:
    from autolora.search.elsewhere import Elsewhere

_OPTUNA_STATES = {TrialState.COMPLETE: OptunaState.COMPLETE, TrialState.STOPPED: OptunaState.PRUNED}
_MOST_REFUSALS = 40
"""Configurations asked for in vain, one after the other, before the space counts as used up."""
BUSY_SECONDS = 30.0
"""How long another process may hold the study before that ends the search."""


class Ledger:
    """Asks and tells one study, and projects it into records."""

    def __init__(self, path: Path, *, seed: int, direction: Direction = "maximize", name: str = "autolora") -> None:
        """Open a study, or make one whose first objective is better that way; a reader need not know which."""
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._path = path
        with self._durably():
            self._storage = storage = optuna.storages.RDBStorage(
                f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": BUSY_SECONDS}}
            )
            self.study = optuna.create_study(
                storage=storage,
                study_name=name,
                load_if_exists=True,
                directions=[direction, "minimize", "minimize"],
                sampler=optuna.samplers.RandomSampler(),  # until it is told of a space
            )
        self._seed = seed
        self._counts: Counter[TrialState] | None = None
        """Of trials by state; None when something may have changed."""

    def close(self) -> None:
        """Close the study's file; it is opened again when it is asked."""
        self._storage.engine.dispose()

    @contextmanager
    def _durably(self) -> Iterator[None]:
        """Turn what SQLite says when it cannot write into one clear error; what was acknowledged before stands."""
        try:
            yield
        except OSError as error:
            raise unwritable(self._path, error) from error
        except (optuna.exceptions.StorageInternalError, SQLAlchemyError) as error:
            raise cannot_be_kept(self._path, error) from error
        finally:
            self._counts = None  # whatever was written, in part or whole

    # --------------------------------------------------------------------------------------------------------- asking

    def enqueue(self, suggestions: tuple[dict[str, Any], ...]) -> None:
        """Have these configurations asked for first; only into a study of which nothing was asked yet."""
        with self._durably():
            states = {trial.state for trial in self.study.get_trials(deepcopy=False)}
            for params in suggestions if states <= {OptunaState.WAITING} else ():
                failpoint("study.enqueue")
                # A process before this one may have come half-way.
                self.study.enqueue_trial({name: stored(value) for name, value in params.items()}, skip_if_exists=True)

    def explore(
        self,
        space: Space,
        costs: CostModel,
        *,
        metric: Objective,
        floor: float,
        refuse: Callable[[AdapterConfig], str] = lambda _: "",
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """Set what is asked for from now on.

        Args:
            space: What to sample from.
            costs: Turns sampled values into a configuration, and says what it costs.
            metric: What quality is measured by.
            floor: The metric that is to be had without training.
            refuse: Says why a configuration must not be trained, or nothing.
            elsewhere: What earlier searches let one expect.
        """
        proposer = Proposer(
            space=space,
            costs=costs,
            metric=metric,
            floor=floor,
            seed=self._seed,
            admits=lambda config: not refuse(config),
            elsewhere=elsewhere,
        )
        self._proposer = proposer
        self.study.sampler = FrontSampler(proposer)
        self._space, self._costs, self._refuse = space, costs, refuse

    def promise(self) -> float:
        """Return how much the next trial is expected to add to the front; infinity while suggestions still wait."""
        with self._durably():
            if self.study.get_trials(deepcopy=False, states=(OptunaState.WAITING,)):
                return math.inf
            return self._proposer.promise(self.records())

    def ask(self) -> TrialRecord | None:
        """Ask for a configuration that is worth training; None when the space holds no more."""
        space, costs = self._space, self._costs
        for _ in range(_MOST_REFUSALS):
            with self._durably():
                failpoint("study.ask")
                trial = self.study.ask(distributions(space))
                failpoint("study.asked")
                params = members(space, trial.params)
                config = costs.config(space.fixed | params)
                trial.set_user_attr("params", params)
                trial.set_user_attr("trainable_params", costs.trainable_params(config))
                trial.set_user_attr("peak_memory_bytes", costs.peak_memory_bytes(config))
                failpoint("study.config")
                trial.set_user_attr("config", to_json(config))  # last: with it, it is a trial
            reason = self._refuse(config) or self._tried_before(config, trial.number)
            if not reason:
                return self.record(trial.number)
            self.tell(trial.number, TrialState.REFUSED, cause=reason)
        return None

    def _tried_before(self, config: AdapterConfig, number: int) -> str:
        text = to_json(config)
        for trial in self.study.get_trials(deepcopy=False):
            if trial.number != number and trial.user_attrs.get("config") == text and not _is_refused(trial):
                return f"the same configuration as trial {trial.number}"
        return ""

    # -------------------------------------------------------------------------------------------------------- telling

    def add_rung(self, number: int, rung: RungRecord, outputs: bytes) -> None:
        """Keep a trial's standing at a rung, once; a repeated report of the same rung changes nothing."""
        known = self.rungs(number)
        if any(r.rung == rung.rung for r in known):
            return
        self._set(number, f"outputs_{rung.rung}", base64.b64encode(outputs).decode())
        with self._durably():
            failpoint("study.rung")
            self._set(number, "rungs", [to_json(r) for r in (*known, rung)])

    def tell(self, number: int, state: TrialState, *, cause: str = "", seconds: float = 0.0) -> TrialRecord:
        """End a trial: acknowledged when this returns."""
        self._set(number, "cause", cause)
        self._set(number, "seconds", seconds)
        self._set(number, "state", state.value)
        with self._durably():
            failpoint("study.tell")
            if state == TrialState.COMPLETE:
                record = self.record(number)
                values = [self.rungs(number)[-1].score.value, record.trainable_params, record.peak_memory_bytes]
                self.study.tell(number, values=[float(v or 0) for v in values])
            else:
                self.study.tell(number, state=_OPTUNA_STATES.get(state, OptunaState.FAIL))
            failpoint("study.told")
        return self.record(number)

    def _set(self, number: int, name: str, value: Any) -> None:
        # By the storage, not by a live trial: one that is told from here may have been asked before a restart.
        with self._durably():
            failpoint("study.set")
            self.study._storage.set_trial_user_attr(self._frozen(number)._trial_id, name, value)

    # -------------------------------------------------------------------------------------------------------- reading

    def _frozen(self, number: int) -> optuna.trial.FrozenTrial:
        return self.study.get_trials(deepcopy=False)[number]

    def rungs(self, number: int) -> tuple[RungRecord, ...]:
        """Return a trial's rungs so far."""
        return rungs_of(self._frozen(number))

    def outputs(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield (trial, rung, outputs on the validation rows) of everything that was scored."""
        for trial in self.study.get_trials(deepcopy=False):
            for rung in rungs_of(trial):
                yield trial.number, rung.rung, base64.b64decode(trial.user_attrs[f"outputs_{rung.rung}"])

    def record(self, number: int) -> TrialRecord:
        """Return one trial as a record."""
        return record_of(self._frozen(number))

    def records(self) -> tuple[TrialRecord, ...]:
        """Return every trial that was asked for, as records; suggestions still waiting are none."""
        return tuple(record_of(t) for t in self.study.get_trials(deepcopy=False) if is_trial(t))

    def count(self, state: TrialState | None = None) -> int:
        """Return how many trials were asked for, or are in a state.

        Asked all the time: the study is read for it only when something was written since.
        """
        if self._counts is None:
            self._counts = Counter(state_of(t) for t in self.study.get_trials(deepcopy=False) if is_trial(t))
        return self._counts.total() if state is None else self._counts[state]

    def orphans(self) -> tuple[TrialRecord, ...]:
        """Return the trials that were running when the last owner of the study ended.

        One that was asked but got no configuration before that is no trial yet: it is closed, and if it was a
        suggestion of ours, that waits again.
        """
        for trial in self.study.get_trials(deepcopy=False, states=(OptunaState.RUNNING,)):
            if not is_trial(trial):
                with self._durably():
                    if "fixed_params" in trial.system_attrs:
                        self.study.enqueue_trial(trial.system_attrs["fixed_params"])
                    self.study.tell(trial.number, state=OptunaState.FAIL)
        return tuple(record for record in self.records() if record.state == TrialState.RUNNING)


def cannot_be_kept(path: Path, error: BaseException) -> RunFolderError:
    """Return the error that says what SQLite could not do with a study, and what to do."""
    reason = str(getattr(error.__cause__ or error, "orig", None) or error.__cause__ or error).splitlines()[0]
    if "locked" in reason:
        return RunFolderError(
            f"{path.name} in the run folder {str(path.parent)!r} has been locked by another process for"
            f" {BUSY_SECONDS:g} s",
            "close what else has it open (a database browser, a backup), then go on with --resume",
        )
    full = "full" in reason or "disk I/O" in reason
    return RunFolderError(
        f"{path.name} cannot be written in the run folder {str(path.parent)!r}: {reason}",
        f"{'free space on that disk' if full else 'make it writable'}, then go on with --resume;"
        " what was acknowledged before is whole",
    )


def _is_refused(trial: optuna.trial.FrozenTrial) -> bool:
    return bool(trial.user_attrs.get("state") == TrialState.REFUSED.value)
