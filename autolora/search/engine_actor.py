"""The Ray actor around an engine's runner: the same calls, from other processes. Decides nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from autolora.engine.jobs import Job, Report
from autolora.engine.start import EngineFacts, EngineSpec, start
from autolora.records import AdapterConfig, Split

if TYPE_CHECKING:
    from autolora.engine.runner import Runner  # imports torch, which the driver that names this class must not need


class EngineActor:
    """One engine in a process of its own.

    Its methods run in several threads, so that a lease that waits for its rung holds up no other.
    """

    def __init__(self, threads: int) -> None:
        # Ray gives an actor with few CPUs OMP_NUM_THREADS=1; must be set before torch is first imported.
        os.environ["OMP_NUM_THREADS"] = str(threads)
        os.environ["TOKENIZERS_PARALLELISM"] = "true"  # this process never forks
        self._runner: Runner | None = None

    @property
    def runner(self) -> Runner:
        """The runner, once started."""
        if self._runner is None:
            raise RuntimeError("the engine was not started")
        return self._runner

    def start(self, spec: EngineSpec) -> EngineFacts:
        """Load everything; a method, not the constructor, since Ray keeps only the text of a constructor's error."""
        from autolora.engine.runner import Runner

        found: list[EngineFacts] = []

        def make() -> Any:
            engine, facts = start(spec)
            found.append(facts)
            return engine

        self._runner = Runner(make)
        return found[0]

    def admit(self, job: Job) -> None:
        """See ``Runner.admit``."""
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

    def add_split(self, name: str, split: Split) -> None:
        """Encode another split; the test split comes here only when it is opened."""

        def encode(engine: Any) -> None:
            tokenizer = engine.task.load_tokenizer(engine.base.checkpoint.folder)
            engine.splits[name] = engine.task.encode(tokenizer, split)

        self.runner.call(encode)

    def outputs(self, config: AdapterConfig, adapter: dict[str, Any], split: str) -> Any:
        """Return what the problem keeps of a finished adapter's logits on a split ``(rows, ...)``."""

        def score(engine: Any) -> Any:
            import torch

            from autolora.engine.state import load_adapter

            slot = engine.admit("a finished adapter", config, seed=0)
            try:
                load_adapter(slot, {name: torch.tensor(values) for name, values in adapter.items()})
                return engine.outputs(slot.id, split)
            finally:
                engine.release(slot.id)

        return self.runner.call(score)
