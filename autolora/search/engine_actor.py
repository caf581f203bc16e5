"""The Ray actor around an engine's runner: the same calls, from other processes, and how to read its answers.

Decides nothing.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autolora.engine.jobs import Finished, Job, Report, SoloJob, SoloReport, TokenRows, Written
from autolora.engine.start import EngineFacts, EngineSpec, keep_prefixes, start
from autolora.errors import AutoloraError, EngineLost
from autolora.records import Split
from autolora.search.shipment import Shipment, is_here, unpacked
from autolora.tasks.task import joined, load_tokenizer

if TYPE_CHECKING:
    from autolora.engine.runner import Runner  # imports torch, which the driver that names this class must not need
    from autolora.engine.shelf import MemoryShelf

MUST_AGREE = ("autolora", "torch", "transformers", "peft")
"""Packages whose versions decide what a trial's result is."""
ANSWER_SECONDS = 300.0
"""What a call that waits for no training may take: an engine that gives no answer at all is as good as gone."""


def versions() -> dict[str, str]:
    """Return the versions, here, of what must agree everywhere."""
    return {name: version(name) for name in MUST_AGREE}


@dataclass(frozen=True, kw_only=True)
class Part:
    """What an engine must know of a task."""

    name: str
    spec: Any
    """A reference to its ``EngineSpec``."""
    splits: dict[str, tuple[Any, int]] = field(default_factory=dict)
    """Further splits (references), and how many examples their prompts show."""
    prefixes: str | None = None
    """Where what is computed of rows once is kept."""


class EngineActor:
    """One engine in a process of its own, with every task that was begun on its base.

    Its methods run in several threads, so that a lease that waits for its rung holds up no other.
    """

    def __init__(self, threads: int) -> None:
        # Ray gives an actor with few CPUs OMP_NUM_THREADS=1; must be set before torch is first imported.
        os.environ["OMP_NUM_THREADS"] = str(threads)
        os.environ["TOKENIZERS_PARALLELISM"] = "true"  # this process never forks
        self._threads = threads
        self._runner: Runner | None = None
        self._memory: MemoryShelf | None = None
        self._tokenizer: Any = None
        self._facts: dict[str, EngineFacts] = {}

    @property
    def runner(self) -> Runner:
        """The runner, once started."""
        if self._runner is None:
            raise RuntimeError("the engine was not started")
        return self._runner

    def look(self, folder: str, base_hash: str) -> tuple[dict[str, str], bool]:
        """Return this machine's versions, and whether it can read the base."""
        return versions(), is_here(folder, base_hash)

    def begin(self, parts: Sequence[Part], shipment: Shipment | None, keeps_files: bool) -> dict[str, EngineFacts]:
        """Load tasks, and for the first the base; a method, since Ray keeps only the text of a constructor's error.

        Args:
            parts: The tasks; one that is there already is left as it is.
            shipment: The base, where its folder cannot be read.
            keeps_files: Whether states of slots go to the files that jobs name; else they stay here to be fetched.
        """
        import ray

        from autolora.engine.shelf import MemoryShelf

        for part in parts:
            if part.name in self._facts:
                continue
            spec: EngineSpec = ray.get(part.spec)
            if self._runner is None:
                self._memory = None if keeps_files else MemoryShelf()
                with ExitStack() as stack:
                    folder = stack.enter_context(unpacked(shipment)) if shipment else spec.folder
                    self._load(part.name, replace(spec, folder=str(folder), threads=self._threads))
            else:
                self._share(part.name, spec)
            for name, (reference, examples) in part.splits.items():
                self.add_split(part.name, name, ray.get(reference), examples)
            if part.prefixes is not None:
                self.keep_prefixes(part.name, part.prefixes)
        return {part.name: self._facts[part.name] for part in parts}

    def _load(self, task: str, spec: EngineSpec) -> None:
        """Load the base with its first task."""
        from autolora.engine.runner import Runner

        def make() -> Any:
            engine, facts = start(spec)
            self._tokenizer = load_tokenizer(engine.base.checkpoint.folder)
            self._facts[task] = self._base_facts = facts
            return engine

        self._runner = Runner(make, task=task, shelf=self._memory, patience_s=spec.patience_s)

    def _share(self, task: str, spec: EngineSpec) -> None:
        """Load another task on the base that is there."""

        def make() -> Any:
            engine = self.runner.engine
            spec_here = replace(spec, folder=str(engine.base.checkpoint.folder), threads=0)
            made, self._facts[task] = start(spec_here, beside=(engine, self._base_facts))
            return made

        try:
            self.runner.take_on(task, make)
        except BaseException:
            self._facts.pop(task, None)
            raise

    def end(self, task: str) -> None:
        """See ``Runner.drop``."""
        if self._facts.pop(task, None) is not None:
            self.runner.drop(task)

    def admit(self, job: Job, state: bytes | None = None) -> None:
        """See ``Runner.admit``; the state is what the job's file holds, where this machine cannot read it."""
        if self._memory is not None and state is not None:
            self._memory.put(job.slot, state)
        self.runner.admit(job)

    def claim(self, slot: str) -> int:
        """See ``Runner.claim``."""
        return self.runner.claim(slot)

    def poll(self, slot: str, token: int, *, allowed_rung: int, timeout_s: float) -> Report:
        """See ``Runner.poll``."""
        return self.runner.poll(slot, token, allowed_rung=allowed_rung, timeout_s=timeout_s)

    def release(self, slot: str) -> None:
        """See ``Runner.release``."""
        self.runner.release(slot)

    def occupied(self) -> dict[str, int]:
        """See ``Runner.occupied``."""
        return self.runner.occupied()

    def drain(self) -> int:
        """See ``Runner.drain``."""
        return self.runner.drain()

    def state(self, slot: str) -> bytes | None:
        """Return the newest state of a slot that has no file here; None if there is none."""
        return None if self._memory is None else self._memory.get(slot)

    def add_split(self, task: str, name: str, split: Split | NDArray[np.int64], examples: int = 0) -> None:
        """Encode another split, or draw it from those there are; the test split comes here only when it is opened.

        Args:
            task: Whose.
            name: Of the split.
            split: Its rows, or which they are, counted through the training rows and on through the validation rows.
            examples: That its prompts begin with: they are conversations, and as many times as long.
        """

        def add(engine: Any) -> None:
            if isinstance(split, Split):
                task = engine.task.with_examples(examples) if examples else engine.task
                engine.splits[name] = task.encode(self._tokenizer, split)
            else:
                engine.splits[name] = joined([engine.splits["train"], engine.splits["validation"]]).take(split)

        self.runner.call(add, task=task)

    def keep_prefixes(self, task: str, folder: str) -> None:
        """Keep what is computed of rows once in a folder too, if it is on this machine."""
        if self._memory is None:
            self.runner.call(lambda engine: keep_prefixes(engine, folder), task=task)

    def outputs(self, task: str, adapter: Finished | None, split: str) -> Any:
        """Return what the problem keeps of a finished adapter's scores on a split ``(rows, ...)``, or the base's."""

        def score(engine: Any) -> Any:
            from autolora.engine.finished import admitted

            with admitted(engine, [adapter]) as (slot,):
                return engine.outputs(slot, split)

        return self.runner.call(score, task=task)

    def outputs_once(self, task: str, adapters: Sequence[Finished | None], rows: Split) -> list[Any]:
        """Return what the problem keeps of finished adapters' scores on rows that will not come again."""

        def score(engine: Any) -> list[Any]:
            from autolora.engine.finished import outputs_once

            return list(outputs_once(engine, self._tokenizer, adapters, rows))

        scored: list[Any] = self.runner.call(score, task=task)
        return scored

    def solo(self, task: str, job: SoloJob, *, limit_seconds: float = math.inf) -> SoloReport:
        """Train what cannot share the base, while everything else waits; see ``engine.solo.train``."""

        def train(engine: Any) -> SoloReport:
            from autolora.engine import solo

            return solo.train(engine, job, limit_seconds=limit_seconds)

        report: SoloReport = self.runner.call(train, task=task)
        return report

    def answers(
        self,
        task: str,
        adapters: Sequence[Finished | None],
        split: str,
        *,
        most_tokens: int,
        closed: Sequence[str] = (),
    ) -> list[Written]:
        """Return what finished adapters, or the bare base, answer to a split's prompts.

        Args:
            task: Whose split it is.
            adapters: That answer together.
            split: Name of the split.
            most_tokens: Of an answer.
            closed: The answers to choose from; none lets them be written.
        """

        def answer_all(engine: Any) -> list[Written]:
            from autolora.engine.finished import answered

            return answered(engine, self._tokenizer, adapters, split, most_tokens=most_tokens, closed=closed)

        written: list[Written] = self.runner.call(answer_all, task=task)
        return written

    def general_losses(self, task: str, adapters: Sequence[Finished | None], texts: Sequence[str]) -> list[float]:
        """Return the loss of finished adapters, or of the bare base, on texts that have nothing to do with the task."""

        def score(engine: Any) -> list[float]:
            from autolora.engine.finished import general_losses

            return general_losses(engine, self._tokenizer, adapters, texts)

        losses: list[float] = self.runner.call(score, task=task)
        return losses

    def pass_seconds(self, task: str, split: str) -> float:
        """Return the seconds that a row of a split takes through the whole base."""

        def measure(engine: Any) -> float:
            from autolora.engine.finished import pass_seconds

            return pass_seconds(engine, split)

        seconds: float = self.runner.call(measure, task=task)
        return seconds

    def prompt_vectors(self, task: str, split: str) -> Any:
        """Return what the bare base makes of each prompt of a split ``(rows, width)``."""

        def look(engine: Any) -> Any:
            from autolora.engine.finished import prompt_vectors

            return prompt_vectors(engine, split)

        return self.runner.call(look, task=task)

    def token_rows(self, task: str, name: str, split: Split, closed: Sequence[str]) -> TokenRows:
        """Return a split that the engine knows as tokens, and the answers to choose from."""

        def look(engine: Any) -> TokenRows:
            encoded, prompting = engine.splits[name], engine.task.prompting(self._tokenizer)
            return TokenRows(
                tokens=tuple(tuple(map(int, row)) for row in encoded.tokens),
                starts=tuple(map(int, encoded.targets)),
                prompts=tuple(map(prompting.prompt_text, split.texts)),
                as_they_are=tuple(
                    len(row) == full and at not in encoded.controls
                    for at, (row, full) in enumerate(zip(encoded.tokens, encoded.full_lengths, strict=True))
                ),
                closed=tuple(map(tuple, prompting.answers(closed))),
            )

        rows: TokenRows = self.runner.call(look, task=task)
        return rows


def answer(reference: Any, timeout_s: float | None = ANSWER_SECONDS) -> Any:
    """Return a call's result, or raise our own error as it was raised over there.

    Raises:
        EngineLost: If there is no answer, and will be none.
    """
    import ray

    try:
        return ray.get(reference, timeout=timeout_s)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, AutoloraError):
            raise error.cause from None
        raise
    except ray.exceptions.GetTimeoutError:
        raise EngineLost(f"an engine has given no answer for {timeout_s:.0f} s", "resume the search") from None
    except ray.exceptions.RayError as error:
        raise EngineLost(f"an engine process ended unexpectedly: {_reason(error)}", "resume the search") from error


def _reason(error: Exception) -> str:
    """Return the sentence in which Ray says why."""
    import ray

    if isinstance(error, ray.exceptions.ActorUnavailableError):
        return "it cannot be reached any more"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    told = next((line for line in lines if " because " in line), lines[0])
    return told.split(" because ", 1)[-1].split(". ", 1)[0].rstrip(".")
