"""The engines as one task sees them: its jobs, its rows, its finished adapters.

Knows a pool of engine processes, which other tasks may share; knows no study and decides nothing about trials.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from autolora.engine.jobs import SLOTS_AT_ONCE, Finished, Job, Report, SoloJob, SoloReport, TokenRows, Written
from autolora.engine.start import EngineFacts, EngineSpec
from autolora.errors import EngineLost
from autolora.records import Split
from autolora.search.engine_actor import answer
from autolora.search.pool import Pool, open_pool
from autolora.search.training import OnRung, Training


class Engines:
    """One task's."""

    def __init__(self, pool: Pool, task: str, facts: EngineFacts) -> None:
        self._pool = pool
        self.task = task
        """What the engines call it."""
        self.facts = facts
        """What is known of the base and the device; the same for all."""

    @classmethod
    def begun(cls, pool: Pool, spec: EngineSpec, *, task: str = "") -> Engines:
        """Have a pool's engines load a task.

        Raises:
            AutoloraError: What an engine raised.
        """
        return cls(pool, task, pool.begin(task, spec))

    def end(self) -> None:
        """Free all slots and forget all rows; others' stay."""
        self._pool.end(self.task)

    def on_loss(self, listener: Callable[[str], None]) -> None:
        """Have somebody told why whenever an engine is lost."""
        self._pool.on_loss(self.task, listener)

    # --------------------------------------------------------------------------------------------------------- the pool

    def ready(self) -> list[str]:
        """Return the engines that can take jobs; see ``Pool.ready``."""
        return self._pool.ready()

    def ready_soon(self) -> list[str]:
        """Return the engines that can take jobs; wait until there is one."""
        return self._pool.ready_soon()

    def free(self) -> str | None:
        """Return the engine with the fewest slots taken; see ``Pool.free``."""
        return self._pool.free()

    def replace(self, name: str, lost: EngineLost) -> None:
        """Give an engine up and start another in its place; see ``Pool.replace``."""
        self._pool.replace(name, lost)

    def progressed(self) -> None:
        """Note that something was trained."""
        self._pool.progressed()

    def handle(self, name: str) -> Any:
        """Return an engine's actor; see ``Pool.handle``."""
        return self._pool.handle(name)

    def admit(self, name: str, job: Job) -> None:
        """Give an engine a job; see ``Pool.admit``."""
        self._pool.admit(name, replace(job, task=self.task))

    def release(self, name: str, slot: str) -> None:
        """Free a slot without waiting."""
        self._pool.release(name, slot)

    def keep_state(self, name: str, slot: str) -> None:
        """See that a slot's newest state is in its file; see ``Pool.keep_state``."""
        self._pool.keep_state(name, slot)

    def drain(self) -> int:
        """Stop all training, every task's, and keep where the slots stand; return how many were kept."""
        return self._pool.drain()

    # -------------------------------------------------------------------------------------------------------- training

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

    # --------------------------------------------------------------------------------------------------------- scoring

    def keep_prefixes(self, folder: Path) -> None:
        """Have every engine on this machine, now and later, keep in a folder what it computes of rows once."""
        self._pool.keep_prefixes(self.task, folder)

    def add_split(self, name: str, split: Split, examples: int = 0) -> None:
        """Give every engine another split, those that start later too.

        Args:
            name: Of the split.
            split: Its rows.
            examples: That its prompts begin with: they are conversations.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        self._pool.add_split(self.task, name, split, examples)

    def draw_split(self, name: str, rows: Sequence[int]) -> None:
        """Give every engine another split of rows that it has.

        Args:
            name: Of the split.
            rows: Counted through the training rows and on through the validation rows.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        self._pool.add_split(self.task, name, np.asarray(rows, dtype=np.int64))

    def outputs(self, adapters: Sequence[Finished | None], split: str) -> list[Any]:
        """Return what the problem keeps of each finished adapter's, or the bare base's, scores on a split.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        return self._shared_out(adapters, lambda handle, adapter: handle.outputs.remote(self.task, adapter, split))

    def outputs_once(self, adapters: Sequence[Finished | None], parts: Sequence[Split]) -> list[list[Any]]:
        """Return, of each part, what the problem keeps of each adapter's scores on its rows, which come only once.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        import ray

        sent = ray.put(list(adapters))
        return self._shared_out(parts, lambda handle, part: handle.outputs_once.remote(self.task, sent, part))

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
            ask = partial(_ask_solo, self.task, limit_seconds=seconds_left())
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
            packs, lambda handle, pack: handle.answers.remote(self.task, pack, split, most_tokens=most, closed=closed)
        )
        return [written for pack in found for written in pack]

    def general_losses(self, adapters: Sequence[Finished | None], texts: Sequence[str]) -> list[float]:
        """Return the loss of finished adapters, or of the bare base, on texts that have nothing to do with the task.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        (losses,) = self._shared_out(
            [adapters], lambda handle, part: handle.general_losses.remote(self.task, part, texts)
        )
        return list(losses)

    def pass_seconds(self, split: str) -> float:
        """Return the seconds that a row of a split takes through the whole base on one engine, in batches.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        (seconds,) = self._shared_out([split], lambda handle, name: handle.pass_seconds.remote(self.task, name))
        return float(seconds)

    def prompt_vectors(self, splits: Sequence[str]) -> list[Any]:
        """Return what the bare base makes of each prompt of some splits ``(rows, width)``, as vectors of length 1.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        return self._shared_out(splits, lambda handle, split: handle.prompt_vectors.remote(self.task, split))

    def token_rows(self, name: str, split: Split, *, closed: Sequence[str] = ()) -> TokenRows:
        """Return a split that the engines know as tokens, where answers are written.

        Raises:
            EngineError: If engines are lost one after the other.
        """
        (rows,) = self._shared_out(
            [split], lambda handle, part: handle.token_rows.remote(self.task, name, part, closed)
        )
        found: TokenRows = rows
        return found

    def _shared_out(self, parts: Sequence[Any], ask: Callable[[Any, Any], Any]) -> list[Any]:
        """Return the answer to each part of some work; parts of an engine that is lost are asked of another."""
        found: dict[int, Any] = {}
        while len(found) < len(parts):
            left = [at for at in range(len(parts)) if at not in found]
            ready = self._pool.ready_soon()
            calls = [
                (name, at, ask(self._pool.handle(name), parts[at]))
                for name, at in zip(ready * len(left), left, strict=False)
            ]
            for name, at, call in calls:
                try:
                    found[at] = answer(call, None)
                    self._pool.progressed()
                except EngineLost as lost:
                    self._pool.replace(name, lost)
        return [found[at] for at in range(len(parts))]


def _ask_solo(task: str, handle: Any, job: SoloJob, *, limit_seconds: float) -> Any:
    return handle.solo.remote(task, job, limit_seconds=limit_seconds)


@contextmanager
def open_engines(spec: EngineSpec) -> Iterator[Engines]:
    """Start an engine at every place of the cluster, for one task.

    Raises:
        AutoloraError: What an engine raised when it started.
    """
    with open_pool(spec.folder, base_id=spec.base_id, threads=spec.threads) as pool:
        yield Engines.begun(pool, spec)
