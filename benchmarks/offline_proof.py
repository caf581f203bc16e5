"""Does a search reach for anything outside this machine? Runs one under strace and reads every address from the trace.

The search runs in a network namespace that has a loopback interface and nothing else; with --open it runs in the
ordinary network, where an attempt that a namespace would refuse early can show too. Every connect, sendto, sendmsg and
bind of every process is traced. What counts as leaving: an internet address that is neither loopback nor unspecified,
name look-ups included, which go to some resolver's port 53; and a socket bound to an address that is not loopback.
Linux only; needs strace, and unshare and ip for the namespace.

    python benchmarks/offline_proof.py
    python benchmarks/offline_proof.py --open
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CALLS = "connect,sendto,sendmsg,sendmmsg,bind,listen"
_CALL = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<fd>\d+)(?P<rest>.*)")
_ADDRESS = re.compile(
    r"sin6?_port=htons\((?P<port>\d+)\).*?(?:inet_addr\(\"(?P<v4>[^\"]+)\"\)|inet_pton\(AF_INET6, \"(?P<v6>[^\"]+)\")"
)


@dataclass(frozen=True)
class Call:
    """A traced call that names an internet address, or a socket that begins to listen."""

    name: str
    pid: int
    fd: int
    address: str
    """Empty for ``listen``."""
    port: int
    failed: bool

    def __str__(self) -> str:
        return f"{self.name} {self.address} port {self.port}"


def command_traced(command: Sequence[str], trace: Path, *, isolated: bool) -> list[str]:
    """Return ``command`` under strace, in a namespace with only loopback or in the ordinary network."""
    traced = ["strace", "-f", "-qq", "--seccomp-bpf", "-s", "0", "-e", f"trace={CALLS}", "-o", str(trace), *command]
    if not isolated:
        return traced
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *user, "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *traced]


def missing_tools(*, isolated: bool) -> str:
    """Return why the proof cannot run here, nothing if it can."""
    for tool in ("strace", *(("unshare", "ip") if isolated else ())):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    with tempfile.TemporaryDirectory() as scratch:
        command = command_traced(["true"], Path(scratch) / "trace", isolated=isolated)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"not permitted here: {done.stderr.strip()[:200]}"


def calls(trace: Path) -> Iterator[Call]:
    """Yield what the trace holds, in order; calls that another thread interrupted are counted where they begin."""
    with open(trace, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            call = _CALL.match(line)
            if call is None:
                continue
            name, rest = call["name"], call["rest"]
            address = _ADDRESS.search(rest)
            if address is None and name != "listen":
                continue  # a local socket, or one that is connected already
            yield Call(
                name=name,
                pid=int(call["pid"]),
                fd=int(call["fd"]),
                address=(address["v4"] or address["v6"]) if address else "",
                port=int(address["port"]) if address else 0,
                failed=" = -1 " in rest,
            )


def leaving(trace: Path) -> list[Call]:
    """Return the calls that reach for an address outside, whether or not they got there."""
    return [call for call in calls(trace) if call.name not in ("bind", "listen") and not _stays(call.address)]


def bound_outside(trace: Path) -> list[Call]:
    """Return the binds to an address that others could reach, of sockets that may listen."""
    return [call for call in calls(trace) if call.name == "bind" and not call.failed and not _loopback(call.address)]


def _stays(address: str) -> bool:
    """Whether a packet to this address stays here; to the unspecified address means to this machine."""
    return _loopback(address) or ipaddress.ip_address(address).is_unspecified


def _loopback(address: str) -> bool:
    found = ipaddress.ip_address(address)
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--open", action="store_true", help="in the ordinary network")
    parser.add_argument("--budget", default="60s")
    parser.add_argument("--trials", default="3")
    parser.add_argument("--keep", type=Path, help="keep the trace in this file")
    args = parser.parse_args()
    if why := missing_tools(isolated=not args.open):
        sys.exit(why)
    with tempfile.TemporaryDirectory() as scratch:
        trace = args.keep or Path(scratch) / "trace"
        run = [sys.executable, "-m", "autolora.cli", "demo", "--budget", args.budget, "--trials", args.trials]
        begun = time.monotonic()
        command = command_traced([*run, "--plain", "--out", f"{scratch}/run"], trace, isolated=not args.open)
        done = subprocess.run(command, check=False)
        seconds = time.monotonic() - begun
        found = Counter(call.name for call in calls(trace))
        out, bound = leaving(trace), bound_outside(trace)
        finished = (Path(scratch) / "run" / "DONE").exists()
    print(f"exit {done.returncode}, {'finished' if finished else 'not finished'}, {seconds:.0f} s")
    print("traced with an internet address: " + ", ".join(f"{count} {name}" for name, count in sorted(found.items())))
    for what, these in (("reached for outside", out), ("bound outside loopback", bound)):
        print(f"{what}: {len(these)}")
        for text, count in Counter(map(str, these)).most_common():
            print(f"  {count} x {text}")
    sys.exit(bool(out or bound or not finished))


if __name__ == "__main__":
    main()
