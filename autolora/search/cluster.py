"""Ray, started quietly and privately for one search, or joined; and the engines in it.

Knows Ray and engine actors; knows no study. A local Ray keeps everything in a temporary folder that only its owner can
read, reports nothing to anybody, and is shut down with the search.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autolora.engine.jobs import Job, Report
from autolora.engine.start import EngineFacts, EngineSpec
from autolora.errors import AutoloraError, EngineError
from autolora.records import AdapterConfig, Split

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Ray gives workers a niceness of 15: whatever else runs then stalls a training step's threads at every barrier.
    "RAY_worker_niceness": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "100000",  # the study is the truth; Tune's own snapshots are never read
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # its handler would turn Ctrl-C into a normal return
    "RAY_AIR_NEW_OUTPUT": "0",  # the new one prints to stdout at verbosity 0 too
    "TUNE_WARN_THRESHOLD_S": "60",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_ALLOCATOR = {
    # glibc gives freed pages back at once and faults them in again: training lost up to half of its rate to that.
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "-1",
    "MALLOC_TOP_PAD_": "268435456",
}
_DRAIN_SECONDS = 20.0
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Ray's word for "one machine only": every port is then opened on 127.0.0.1 alone."""
_NOWHERE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1,localhost"}
"""For Ray's own processes: one of them asks a cloud's metadata address where it runs, whatever it is told."""
_CALLS_AT_ONCE = 64
"""Threads of an engine actor: more than leases can ever wait at a time."""


@contextmanager
def open_cluster(address: str | None = None) -> Iterator[Path]:
    """Start a private Ray on this machine, or join one at ``address``; yield a folder for Tune's own files.

    Raises:
        EngineError: If Ray cannot be started or joined.
    """
    # Read at start by Ray, its workers, and glibc in them.
    wanted = _QUIET | _ALLOCATOR | (_LOOPBACK if address is None else {})
    os.environ.update({k: v for k, v in wanted.items() if k not in os.environ})
    import ray

    folder = Path(tempfile.mkdtemp(prefix="alr"))  # private (0700), and short: socket names have 107 bytes
    try:
        options: dict[str, Any] = {"include_dashboard": False, "logging_level": "ERROR", "log_to_driver": False}
        if address is None:
            options |= {
                "num_cpus": max(2, os.cpu_count() or 2),
                "_temp_dir": str(folder / "r"),
                "object_store_memory": 256 * 2**20,
                "_node_ip_address": "127.0.0.1",
            }
        else:
            options = {"address": address, "logging_level": "ERROR", "log_to_driver": False}
        handler = signal.getsignal(signal.SIGTERM)
        # Ray reads the word for one machine when it is imported, and a caller may have imported it before.
        ray._private.ray_constants.ENABLE_RAY_CLUSTER = address is not None
        try:
            with _environment(_NOWHERE if address is None else {}):
                ray.init(**options)
        except Exception as error:  # ConnectionError, RuntimeError, ValueError and more
            where = f"the Ray cluster at {address!r} cannot be joined" if address else "Ray could not be started"
            raise EngineError(
                f"{where}: {str(error).strip().splitlines()[0]}", "check the address and free memory"
            ) from error
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)  # Ray takes it for itself
        yield folder
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Give processes that are started meanwhile these variables."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@dataclass(frozen=True, kw_only=True)
class Engines:
    """The engines of one search, all on the same base and data."""

    handles: tuple[Any, ...]
    facts: EngineFacts

    def admit(self, engine: int, job: Job) -> None:
        """Give an engine a job."""
        _get(self.handles[engine].admit.remote(job))

    def release(self, engine: int, slot: str) -> None:
        """Free a slot without waiting."""
        self.handles[engine].release.remote(slot)

    def train(self, jobs: Sequence[Job], *, slots_per_engine: int, on_done: Callable[[Job, Report], None]) -> None:
        """Train jobs in full, as many at once as there are places, and hand over each one's last report.

        Raises:
            EngineError: If an engine breaks down.
        """
        import ray

        waiting, running = list(reversed(jobs)), dict[int, list[tuple[Job, int]]]()
        while waiting or any(running.values()):
            for engine in range(len(self.handles)):
                held = running.setdefault(engine, [])
                while waiting and len(held) < slots_per_engine:
                    job = waiting.pop()
                    self.admit(engine, job)
                    held.append((job, _get(self.handles[engine].claim.remote(job.slot))))
            polls = {
                self.handles[engine].poll.remote(job.slot, token, allowed_rung=len(job.rungs) - 1, timeout_s=0.5): (
                    engine,
                    job,
                    token,
                )
                for engine, held in running.items()
                for job, token in held
            }
            for reference in ray.wait(list(polls), num_returns=len(polls))[0]:
                engine, job, token = polls[reference]
                report = _get(reference)
                if report.last:
                    running[engine].remove((job, token))
                    self.release(engine, job.slot)
                    on_done(job, report)

    def drain(self) -> int:
        """Stop all training and keep where every slot stands; return how many were kept.

        What an engine cannot do in time is given up: its slots then go on from their last rung.
        """
        import ray

        kept = [handle.drain.remote() for handle in self.handles]
        ready, _ = ray.wait(kept, num_returns=len(kept), timeout=_DRAIN_SECONDS)
        return sum(_get(reference) for reference in ready)

    def add_split(self, name: str, split: Split) -> None:
        """Give every engine another split."""
        for handle in self.handles:
            _get(handle.add_split.remote(name, split))

    def outputs(self, adapters: Sequence[tuple[AdapterConfig, dict[str, Any]]], split: str) -> list[Any]:
        """Return what the problem keeps of each finished adapter's logits on a split."""
        count = len(self.handles)
        references = [
            self.handles[at % count].outputs.remote(config, weights, split)
            for at, (config, weights) in enumerate(adapters)
        ]
        return [_get(reference) for reference in references]


@contextmanager
def open_engines(spec: EngineSpec) -> Iterator[Engines]:
    """Start one engine per GPU of the cluster, or one on the CPU with all its threads.

    Raises:
        AutoloraError: What the engine raised when it started.
    """
    import ray

    from autolora.search.engine_actor import EngineActor

    gpus = int(ray.cluster_resources().get("GPU", 0))
    threads = spec.threads or os.cpu_count() or 1
    actor = ray.remote(EngineActor).options(num_cpus=1, num_gpus=1 if gpus else 0, max_concurrency=_CALLS_AT_ONCE)
    handles = tuple(actor.remote(threads) for _ in range(max(1, gpus)))
    try:
        spec = replace(spec, threads=threads)
        starting = [handle.start.remote(spec) for handle in handles]
        _import_meanwhile()
        # The first loads and measures; further engines must agree, being on the same base.
        facts: list[EngineFacts] = [_get(reference) for reference in starting]
        yield Engines(handles=handles, facts=facts[0])
    finally:
        for handle in handles:
            ray.kill(handle)


def _import_meanwhile() -> None:
    """Import what the driver needs next while the engines load: seconds that nobody then waits for."""
    for name in ("optuna", "ray.tune", "sklearn.metrics"):
        importlib.import_module(name)


def _get(reference: Any) -> Any:
    """Return a call's result, or raise our own error as it was raised over there."""
    import ray

    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, AutoloraError):
            raise error.cause from None
        raise
    except ray.exceptions.RayActorError as error:
        reason = str(error).strip().splitlines()[0]
        raise EngineError(f"an engine process ended unexpectedly: {reason}", "resume the search") from error
