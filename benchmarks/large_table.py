"""How a table of any size is read, and how a search on it keeps to its time and its memory.

Writes a table of made-up enquiries (each one of the demo's, and a piece of another of the same team in front of a
running reference, about 190 characters a row, or as many times that as ``--repeat`` says), then runs one command on it
and samples the memory of the command and of all its children every two seconds: PSS, so that pages shared by processes
count once. Linux only.

    python benchmarks/large_table.py --rows 500000 validate
    python benchmarks/large_table.py --rows 500000 --repeat 8 validate
    python benchmarks/large_table.py --rows 500000 search --budget 5m --trials 12
"""

from __future__ import annotations

import argparse
import csv
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import psutil

from autolora import demo

PROCESSES = {"EngineActor": "engine", "Lease": "leases", "autolora.cli": "driver"}
"""What a process's command line holds, and what the process is then called."""


def write_table(path: Path, rows: int, repeat: int) -> None:
    with open(demo.data_file(), encoding="utf-8", newline="") as file:
        enquiries = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    of_team: defaultdict[str, list[str]] = defaultdict(list)
    for text, team in enquiries:
        of_team[team].append(text)
    draw = random.Random(0)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for row in range(rows):
            text, team = draw.choice(enquiries)
            more = " ".join(f"{text[:110]} {draw.choice(of_team[team])[:80]}" for _ in range(repeat))
            writer.writerow([f"{more} ref {row:07d}", team])


def name_of(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    return next((name for part, name in PROCESSES.items() if part in command), "others")


def sample(parent: psutil.Process) -> dict[str, float]:
    """Return megabytes by kind of process."""
    found: defaultdict[str, float] = defaultdict(float)
    for process in (parent, *parent.children(recursive=True)):
        try:
            found[name_of(process)] += process.memory_full_info().pss / 1e6
        except psutil.Error:
            continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--repeat", type=int, default=1, help="times the 190 characters of a text")
    parser.add_argument("--table", type=Path, help="use this file, written if it is not there")
    parser.add_argument("command", choices=["validate", "search"])
    args, flags = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as scratch:
        table = args.table or Path(scratch) / "large.csv"
        if not table.exists():
            write_table(table, args.rows, args.repeat)
        more = flags
        if args.command == "search":
            out = ["--out", str(Path(scratch) / "run")] if "--out" not in flags else []
            more = [*flags, "--base-model", str(demo.base_folder()), "--plain", *out]
        begun = time.monotonic()
        command = [sys.executable, "-m", "autolora.cli", args.command, str(table), *more]
        running = psutil.Process(subprocess.Popen(command, stdout=subprocess.DEVNULL).pid)
        peaks: defaultdict[str, float] = defaultdict(float)
        while running.is_running() and running.status() != psutil.STATUS_ZOMBIE:
            now = sample(running)
            for name, megabytes in {**now, "together": sum(now.values())}.items():
                peaks[name] = max(peaks[name], megabytes)
            time.sleep(2.0)
        seconds = time.monotonic() - begun
    what = f"{args.rows:,} rows of about {190 * args.repeat} characters, {args.command} {' '.join(flags)}"
    print(f"{what}: {seconds:.0f} s")
    print("peak PSS (MB): " + ", ".join(f"{name} {peaks[name]:,.0f}" for name in sorted(peaks)))


if __name__ == "__main__":
    main()
