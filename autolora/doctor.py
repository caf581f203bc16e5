"""What this machine offers and what listens on it while a search runs: facts for a person, nothing is changed.

Starts a private Ray as a search does, looks at its sockets, and ends it again.
"""

from __future__ import annotations

import ipaddress
import os
import platform
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from autolora.records import Fact

PACKAGES = (
    "autolora", "torch", "transformers", "peft", "optuna", "ray", "datasets", "pyarrow", "scikit-learn", "numpy",
)  # fmt: skip
LEAST_DISK_BYTES = 2 * 10**9
LEAST_MEMORY_BYTES = 4 * 10**9
_WATCHED_SECONDS = 5.0
"""How long Ray's sockets are looked at for connections that leave the machine."""


def facts(folder: Path, *, offline: bool = False) -> tuple[Fact, ...]:
    """Return everything there is to say.

    Args:
        folder: Where runs are to be written.
        offline: Whether it is a problem that a search could download what it is told to.
    """
    return (*_software(), *_device(), *_machine(folder), *_network(offline=offline))


def _software() -> list[Fact]:
    found = [Fact(topic="software", name="python", value=platform.python_version())]
    for package in PACKAGES:
        try:
            found.append(Fact(topic="software", name=package, value=version(package)))
        except PackageNotFoundError:
            found.append(
                Fact(
                    topic="software",
                    name=package,
                    value="not installed",
                    state="problem",
                    hint="pip install autolora again",
                )
            )
    return found


def _device() -> list[Fact]:
    from autolora.engine import device as devices

    device = devices.pick()
    precision, why = devices.pick_precision(device)
    return [
        Fact(topic="device", name="device", value=devices.in_words(device)),
        Fact(topic="device", name="precision", value=f"{precision}: {why}"),
    ]


def _machine(folder: Path) -> list[Fact]:
    memory = psutil.virtual_memory()
    scarce = memory.available < LEAST_MEMORY_BYTES
    found = [
        Fact(
            topic="machine",
            name="memory",
            value=f"{memory.available / 1e9:.1f} GB free of {memory.total / 1e9:.1f} GB",
            state="note" if scarce else "ok",
            hint="close other programs, or use a small base model" if scarce else "",
        )
    ]
    for name, place in (("disk of the run folder", folder), ("disk of temporary files", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(_nearest_existing(place)).free
        full = free < LEAST_DISK_BYTES
        found.append(
            Fact(
                topic="machine",
                name=name,
                value=f"{free / 1e9:.1f} GB free",
                state="problem" if full else "ok",
                hint="free some, or write runs elsewhere" if full else "",
            )
        )
    fonts = _japanese_fonts()
    found.append(
        Fact(
            topic="machine",
            name="fonts for Japanese",
            value="none found" if not fonts else f"{fonts}",
            state="ok" if fonts else "note",
            hint="" if fonts else "install one, such as fonts-ipaexfont, to read Japanese pages on this machine",
        )
    )
    return found


def _nearest_existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def _japanese_fonts() -> int:
    """Return how many fonts fontconfig knows that cover Japanese; 0 where there is no fontconfig."""
    try:
        done = subprocess.run(["fc-list", ":lang=ja", "family"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    return len(set(done.stdout.splitlines()))


def _network(*, offline: bool) -> list[Fact]:
    from autolora.search.cluster import open_cluster

    with open_cluster():
        seen = watch(_WATCHED_SECONDS)
    found = [
        Fact(
            topic="network",
            name=f"{one.program} listens on",
            value=f"{one.address} port {one.port}",
            state="ok" if one.is_loopback else "problem",
            hint="" if one.is_loopback else "others can reach this port: keep them out by a firewall, and report it",
        )
        for one in seen
        if one.listens
    ]
    own = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
    outside = [one for one in seen if not one.listens and not one.is_loopback and one.address not in own]
    found += [
        Fact(
            topic="network",
            name=f"{one.program} connects to",
            value=f"{one.address} port {one.port}",
            state="problem",
            hint="nothing should leave this machine; please report it",
        )
        for one in outside
    ]
    if not outside:
        found.append(Fact(topic="network", name="connections that leave this machine", value="none seen"))
    is_off = os.environ.get("HF_HUB_OFFLINE") == "1"
    forbidden = offline and not is_off
    found.append(
        Fact(
            topic="network",
            name="downloads",
            value="off" if is_off else "only when you name a hub id",
            state="problem" if forbidden else "ok",
            hint="set HF_HUB_OFFLINE=1" if forbidden else "",
        )
    )
    return found


@dataclass(frozen=True, kw_only=True)
class Socket:
    """One end of a connection, or of a wait for one."""

    program: str
    address: str
    port: int
    listens: bool

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can be on the other side."""
        return ipaddress.ip_address(self.address).is_loopback


def watch(seconds: float) -> tuple[Socket, ...]:
    """Return every internet socket that this process and those below it were seen to have within some seconds."""
    found: set[Socket] = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        here = psutil.Process()
        for process in (here, *here.children(recursive=True)):
            try:
                name = _program(process)
                for connection in process.net_connections(kind="inet"):
                    found.update(_sockets(name, connection))
            except psutil.Error:
                continue  # it has just ended
        time.sleep(0.1)
    return tuple(sorted(found, key=lambda one: (not one.listens, one.program, one.address, one.port)))


def _sockets(program: str, connection: Any) -> list[Socket]:
    if connection.status == psutil.CONN_LISTEN:
        ip, port = connection.laddr
        return [Socket(program=program, address=_plain(ip), port=port, listens=True)]
    if connection.raddr:
        ip, port = connection.raddr
        return [Socket(program=program, address=_plain(ip), port=port, listens=False)]
    return []


def _plain(ip: str) -> str:
    """Return an address without the wrapping that IPv6 puts around one of IPv4."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _program(process: psutil.Process) -> str:
    """Return what a process is, in a word: Ray's Python processes are told apart by their script."""
    words = process.cmdline()
    script = next((Path(word).stem for word in words[1:] if word.endswith(".py")), "")
    return script or process.name()
