"""Trainings that have ended, kept in a folder: what became of each, and the weights of its adapter.

Knows files, adapters and engines that train; compares nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from msgspec import MsgspecError
from safetensors.numpy import load_file, save

from autolora.durable import unwritable, write_whole
from autolora.engine.jobs import Job, Report
from autolora.records import AdapterConfig, TrialState, from_json, to_json

Adapter = dict[str, Any]
"""Weights by PEFT's names."""
OutOfTime = Callable[[], bool]
"""Whether the time for training is over."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One training in full."""

    name: str
    config: AdapterConfig
    seed: int
    state: TrialState
    cause: str
    seconds: float
    outputs: bytes
    """On the validation rows; see ``engine.jobs.array_of``."""
    weights_sha256: str = ""
    """Of the file with its adapter; empty where there is none."""

    @property
    def is_complete(self) -> bool:
        """Whether it was trained to its end."""
        return self.state == TrialState.COMPLETE

    @property
    def stem(self) -> str:
        """What its files are called."""
        return stem_of(self.name, self.seed)


class Trains(Protocol):
    """What this needs of the engines."""

    def train(
        self,
        jobs: Sequence[Job],
        *,
        slots_per_engine: int,
        on_done: Callable[[Job, Report], None],
        on_rung: Callable[[Job, Report], Mapping[str, str]] = lambda job, report: {},
        out_of_time: OutOfTime = lambda: False,
    ) -> None:
        """Train jobs in full and hand over each one's last report; what ``on_rung`` says of slots stops these.

        When time is over, what has not ended is given up and not handed over.
        """


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A training that is to be kept."""

    name: str
    config: AdapterConfig
    seed: int
    train: str
    """What engines call the rows that it trains on."""
    validation: str
    """And those that it is scored on."""
    rungs: tuple[float, ...] = (1.0,)
    """Shares of its length at which it is scored; it may be stopped there."""


_LAYER = re.compile(r"\.(\d+)\.(.+)\.lora_A\.weight$")


def update_norms(adapter: Adapter, scaling: float) -> dict[str, float]:
    """Return how large what an adapter adds to each weight is: layer and module → Frobenius norm of scaling · B A.

    Args:
        adapter: Weights by PEFT's names.
        scaling: Of its low-rank products.
    """
    found = {}
    for name, a in adapter.items():
        if match := _LAYER.search(name):
            product = adapter[name.replace("lora_A", "lora_B")].astype(np.float64) @ a.astype(np.float64)
            found[f"{match[1]} {match[2]}"] = float(scaling * np.linalg.norm(product))
    return found


@dataclass(frozen=True, kw_only=True)
class TrainingShelf:
    """One folder of them, by name and seed."""

    folder: Path

    def __post_init__(self) -> None:
        """Make the folder.

        Raises:
            RunFolderError: If it cannot be made.
        """
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def state_file(self, name: str, seed: int) -> Path:
        """Return where a training that goes on may keep where it stands."""
        return self._record(name, seed).with_suffix(".state")

    def due(self, wanted: Sequence[Wanted]) -> list[Wanted]:
        """Return the trainings that are not kept yet; of those that are alike, the first."""
        return [group[0] for group in _alike(wanted) if self._kept_of(group) is None]

    def train(
        self,
        trainer: Trains,
        wanted: Sequence[Wanted],
        *,
        slots_per_engine: int,
        on_kept: Callable[[], None] = lambda: None,
        on_rung: Callable[[Wanted, Report], Mapping[str, str]] = lambda wanted, report: {},
        out_of_time: OutOfTime = lambda: False,
    ) -> None:
        """Have those done that are not kept yet, and keep each when it ends.

        What has the same settings, seed and rows is the same adapter: it is trained once and kept under every name.

        Args:
            trainer: The engines.
            wanted: Trainings; the name of the first of those that are alike is told.
            slots_per_engine: How many train together.
            on_kept: Is called then.
            on_rung: Is handed a training's report at a rung, and says which of the same seed to stop: name → why.
            out_of_time: Whether to give up what has not ended; nothing is kept of it.
        """
        of_slot = {_slot(each.name, each.seed): each for each in self.due(wanted)}

        def keep(job: Job, report: Report) -> None:
            self.keep(of_slot[job.slot].name, job.seed, job.config, report)
            on_kept()

        def judge(job: Job, report: Report) -> dict[str, str]:
            out = on_rung(of_slot[job.slot], report)
            return {_slot(name, job.seed): why for name, why in out.items()}

        jobs = [
            Job(
                slot=slot,
                config=each.config,
                seed=each.seed,
                train=each.train,
                validation=each.validation,
                rungs=each.rungs,
                keep_adapter=True,
                state_file=str(self.state_file(each.name, each.seed)),
            )
            for slot, each in of_slot.items()
        ]
        if jobs:
            trainer.train(jobs, slots_per_engine=slots_per_engine, on_done=keep, on_rung=judge, out_of_time=out_of_time)
            for each in of_slot.values():
                self.state_file(each.name, each.seed).unlink(missing_ok=True)  # of what was given up
        for group in _alike(wanted):
            if len(group) > 1:
                self._share(group)

    def _kept_of(self, group: Sequence[Wanted]) -> Wanted | None:
        """Return the first of trainings that are alike that is kept."""
        return next((each for each in group if self.is_done(each.name, each.seed, each.config)), None)

    def _share(self, group: Sequence[Wanted]) -> None:
        """Keep a training under the names of all that are alike."""
        there = self._kept_of(group)
        kept = None if there is None else self.of(there.name, there.seed)
        if there is None or kept is None:
            return
        for each in group:
            if not self.is_done(each.name, each.seed, each.config):
                if kept.weights_sha256:
                    weights = self._weights(there.name, there.seed).read_bytes()
                    write_whole(self._weights(each.name, each.seed), weights, at="confirm.weights")
                shared = to_json(replace(kept, name=each.name)).encode()
                write_whole(self._record(each.name, each.seed), shared, at="confirm.record")

    def keep(self, name: str, seed: int, config: AdapterConfig, report: Report) -> None:
        """Keep a training that has ended."""
        trained = Trained(
            name=name,
            config=config,
            seed=seed,
            state=report.failure or TrialState.COMPLETE,
            cause=report.cause,
            seconds=report.seconds,
            outputs=report.outputs,
        )
        if report.adapter is not None:
            weights = save({k: np.ascontiguousarray(v) for k, v in report.adapter.items()})
            trained = replace(trained, weights_sha256=sha256(weights).hexdigest())
            write_whole(self._weights(name, seed), weights, at="confirm.weights")
        # Last: only what has its weights beside it counts as trained.
        write_whole(self._record(name, seed), to_json(trained).encode(), at="confirm.record")
        self.state_file(name, seed).unlink(missing_ok=True)

    def of(self, name: str, seed: int) -> Trained | None:
        """Return a training that is kept; a damaged record is none, and what it stood for is trained again."""
        try:
            return from_json(self._record(name, seed).read_bytes(), Trained)
        except (FileNotFoundError, MsgspecError):
            return None

    def is_done(self, name: str, seed: int, config: AdapterConfig) -> bool:
        """Return whether a training of this configuration is kept, with the adapter that it ended in."""
        kept, path = self.of(name, seed), self._weights(name, seed)
        if kept is None or kept.config != config:
            return False
        if kept.weights_sha256 != (sha256(path.read_bytes()).hexdigest() if path.exists() else ""):
            return False
        self.state_file(name, seed).unlink(missing_ok=True)  # a kill may have come between the record and this
        return True

    def weights(self, name: str, seed: int) -> Adapter:
        """Return the weights of a training's adapter."""
        return dict(load_file(self._weights(name, seed)))

    def _record(self, name: str, seed: int) -> Path:
        return self.folder / f"{stem_of(name, seed)}.json"

    def _weights(self, name: str, seed: int) -> Path:
        return self._record(name, seed).with_suffix(".safetensors")


def _alike(wanted: Sequence[Wanted]) -> list[list[Wanted]]:
    """Return trainings in groups of the same settings, seed and rows."""
    groups: dict[tuple[AdapterConfig, int, str, str], list[Wanted]] = {}
    for each in wanted:
        groups.setdefault((each.config, each.seed, each.train, each.validation), []).append(each)
    return list(groups.values())


def _slot(name: str, seed: int) -> str:
    return f"confirm {name} {seed}"


def stem_of(name: str, seed: int) -> str:
    """Return what the files of a training are called."""
    return f"{re.sub(r'[^a-z0-9_.-]', '_', name)}-{seed}"
