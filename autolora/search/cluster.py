"""Ray, started quietly and privately for one search, or joined; and the places in it where engines can live.

Knows Ray; knows no engine and no study. A local Ray keeps everything in a temporary folder that only its owner can
read, reports nothing to anybody, and is shut down with the search.
"""

from __future__ import annotations

import importlib
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from autolora.engine.start import ALLOCATOR
from autolora.errors import EngineError
from autolora.search.scratch import scratch_folder

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
_END_SECONDS = 5.0
_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Ray's word for "one machine only": every port is then opened on 127.0.0.1 alone."""
_NOWHERE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1,localhost"}
"""For Ray's own processes: one of them asks a cloud's metadata address where it runs, whatever it is told."""


@dataclass
class _Watch:
    """Ends this process with a word when the private Ray's main process, the raylet, is gone.

    Ray itself ends a driver then: from C++, without a word, and with code 1; or it waits half a minute for a start.
    """

    started: bool = False
    over: bool = False

    def over_this(self, raylet: subprocess.Popen[bytes]) -> None:
        """Watch a process from now on."""
        threading.Thread(target=self._wait, args=(raylet,), name="raylet", daemon=True).start()

    def _wait(self, raylet: subprocess.Popen[bytes]) -> None:
        raylet.wait()  # to look every 0.2 s was too late in one of two kills
        if not self.over:
            what = "Ray has ended unexpectedly" if self.started else "Ray could not be started: it ended at once"
            print(f"\nError: {what} (free memory, then resume the search)", file=sys.stderr, flush=True)
            os._exit(2)


@contextmanager
def open_cluster(address: str | None = None) -> Iterator[Path]:
    """Start a private Ray on this machine, or join one at ``address``; yield a folder for Tune's own files.

    Raises:
        EngineError: If Ray cannot be started or joined.
    """
    # Read at start by Ray, its workers, and glibc in them.
    os.environ.update({k: v for k, v in (_QUIET | ALLOCATOR).items() if k not in os.environ})
    import ray

    constants = ray._private.ray_constants
    several, watch = constants.ENABLE_RAY_CLUSTER, _Watch()
    with scratch_folder() as folder:
        try:
            handler = signal.getsignal(signal.SIGTERM)
            # Ray reads the word for one machine when it is imported, and a caller may have imported it before.
            constants.ENABLE_RAY_CLUSTER = address is not None
            # Prints long advice to stdout whenever a process dies, whatever it is told; we say so in our own words.
            ray._private.worker.print_to_stdstream = lambda *_, **__: None
            if address is None:
                _start(folder, watch)
            else:
                _join(address)
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, handler)  # Ray takes it for itself
            yield folder
        finally:
            with _undisturbed():
                watch.over = True
                started = _started() if address is None else []
                ray.shutdown()
                _end(started)
            constants.ENABLE_RAY_CLUSTER = several


def _start(folder: Path, watch: _Watch) -> None:
    """Start a private Ray with all its files under a folder, watched from its first moment.

    Raises:
        EngineError: If it does not start.
    """
    import ray

    variables = _NOWHERE | _LOOPBACK | _own_token(folder)
    with _clear_error("Ray could not be started"), _environment(variables), _apart(watch):
        read_token_anew()
        ray.init(
            num_cpus=max(2, cpus_here()),
            include_dashboard=False,
            object_store_memory=256 * 2**20,
            logging_level="ERROR",
            log_to_driver=False,
            _temp_dir=str(folder / "r"),
            _node_ip_address="127.0.0.1",
        )
    watch.started = True


def _join(address: str) -> None:
    """Join a Ray cluster.

    Raises:
        EngineError: If it cannot be joined.
    """
    import ray

    # Elsewhere nobody has set what is set here.
    variables = {name: os.environ[name] for name in (*_QUIET, *ALLOCATOR, *_OFFLINE) if name in os.environ}
    with _clear_error(f"the Ray cluster at {address!r} cannot be joined"):
        read_token_anew()
        ray.init(address=address, logging_level="ERROR", log_to_driver=False, runtime_env={"env_vars": variables})


@contextmanager
def _clear_error(what: str) -> Iterator[None]:
    """Turn whatever Ray raises at start (ConnectionError, RuntimeError, ValueError and more) into one line."""
    try:
        yield
    except Exception as error:
        raise EngineError(
            f"{what}: {str(error).strip().splitlines()[0]}", "check the address and free memory"
        ) from error


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hear no Ctrl-C and no SIGTERM meanwhile: a Ray that is half shut down ends the process from C++, with code 1."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _started() -> list[psutil.Process]:
    """Return the private Ray's processes, and all that they started."""
    import ray

    node = ray._private.worker._global_node
    found = []
    for one in (one for kind in (node.all_processes if node else {}).values() for one in kind):
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(one.process.pid)
            found += [process, *process.children(recursive=True)]
    return found


def _end(started: list[psutil.Process]) -> None:
    """Kill what is left of a private Ray's processes: its agents would take up to a minute to miss it."""
    for process in started:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(started, timeout=_END_SECONDS)


@contextmanager
def _apart(watch: _Watch) -> Iterator[None]:
    """Start Ray's processes meanwhile so that nobody else ends them: in groups of their own, deaf to SIGTERM.

    Who asks a search to end asks its whole group (``timeout``) or every process of a service (systemd, a batch system).
    A raylet that ends at once takes the driver with it, from C++ and without a word, and leaves nobody who could keep
    what the slots hold.
    """
    import ray

    services = ray._private.services

    class Apart(services.ConsolePopen):  # type: ignore[name-defined]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **({"process_group": 0} | options))
            if Path(args[0][0]).name == "raylet":
                watch.over_this(self)

        def terminate(self) -> None:
            self.kill()

    before, services.ConsolePopen = services.ConsolePopen, Apart
    # Inherited by all that Ray starts, and by their children.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        services.ConsolePopen = before


def _own_token(folder: Path) -> dict[str, str]:
    """Return variables that make every process of a private Ray ask for a token that only this search has.

    Left alone, Ray would take one token for all searches from a file in the home folder, and write it there first.
    """
    if os.environ.get("RAY_AUTH_MODE", "token") != "token":
        return {}
    path = folder / "token"
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32))
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(path)}


def read_token_anew() -> None:
    """Have this process forget an earlier search's token; a Ray before 2.52 knows none."""
    raylet: Any = importlib.import_module("ray._raylet")
    if hasattr(raylet, "AuthenticationTokenLoader"):
        raylet.Config.initialize("")
        raylet.AuthenticationTokenLoader.instance().reset_cache()


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
class Place:
    """Where an engine can live."""

    node: str
    """Ray's id of the machine."""
    address: str
    """What a person knows it by."""
    has_gpu: bool
    threads: int
    """For computing on the CPU."""


def places(threads: int = 0) -> list[Place]:
    """Return a place for every GPU of the cluster, or, if it has none, for every machine that offers CPUs.

    Args:
        threads: CPU threads of each; 0 takes what the machine offers.
    """
    import ray

    here = node_here()
    alive = [node for node in ray.nodes() if node["Alive"]]
    gpus = {node["NodeID"]: int(node["Resources"].get("GPU", 0)) for node in alive}

    def place(node: dict[str, Any]) -> Place:
        offered = int(node["Resources"].get("CPU", 0))
        # A private Ray is told of two CPUs at least: leases need a share.
        most = min(offered, cpus_here()) if node["NodeID"] == here else offered
        return Place(
            node=node["NodeID"],
            address=node["NodeManagerAddress"],
            has_gpu=gpus[node["NodeID"]] > 0,
            threads=threads or max(1, most),
        )

    if any(gpus.values()):
        return [place(node) for node in alive for _ in range(gpus[node["NodeID"]])]
    return [place(node) for node in alive if node["Resources"].get("CPU", 0) >= 1]


def cpus_here() -> int:
    """Return how many CPUs this process may use: a container or a batch system may leave it fewer than there are.

    More threads than that wait for each other by spinning, each in the other's way.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def node_here() -> str:
    """Return Ray's id of this machine."""
    import ray

    return str(ray.get_runtime_context().get_node_id())


def is_alive(node: str) -> bool:
    """Return whether a machine is still part of the cluster."""
    import ray

    return any(one["NodeID"] == node and one["Alive"] for one in ray.nodes())
