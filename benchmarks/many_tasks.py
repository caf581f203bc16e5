"""Memory of a batch of many small tasks: is the last one's peak that of the third?

    python benchmarks/many_tasks.py reviews.csv snippets.csv complaints.csv --tasks 50 --rows 400

Cuts ``--tasks`` tables of ``--rows`` rows each from the given ones in turn (no row twice as long as there are enough),
and runs one batch of them, the command line's. Twice a second the resident memory of the batch's process and of all
that it started (engine, leases, Ray) is added up; what counts for a task is the largest sum up to its end.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import psutil
from provenance import provenance

from autolora import demo
from autolora.portfolio.folder import BatchFolder

EVERY_SECONDS = 0.5


def cut(tables: list[str], tasks: int, rows: int, folder: Path, args: argparse.Namespace) -> None:
    """Write the tables of all tasks, and their defaults."""
    pools = []
    for table in tables:
        with open(table, encoding="utf-8", newline="") as file:
            found = [(row["text"], row["label"]) for row in csv.DictReader(file)]
        random.Random(0).shuffle(found)
        pools.append((Path(table).stem, found))
    for at in range(tasks):
        name, pool = pools[at % len(pools)]
        start = (at // len(pools)) * rows % max(1, len(pool) - rows)
        with open(folder / f"{name}-{at:02d}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("text", "label"))
            writer.writerows(pool[start : start + rows])
    defaults = {
        "data": {"text": "text", "label": "label"},
        "base_model": args.model,
        "budget": {"trials": args.trials},
        "baselines": args.baselines,
        "limits": {"margin": 0.05},
    }
    (folder / "defaults.yaml").write_text(json.dumps(defaults))


def resident(process: psutil.Process) -> int:
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.Error:
            continue
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+", help="CSV files; columns text and label")
    parser.add_argument("--model", help="folder; the demo's base unless set")
    parser.add_argument("--tasks", type=int, default=50)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--baselines", default="quick")
    parser.add_argument("--out", default="many_tasks.json")
    args = parser.parse_args()
    csv.field_size_limit(sys.maxsize)
    args.model = args.model or str(demo.base_folder())
    with tempfile.TemporaryDirectory() as folder:
        tables, out = Path(folder) / "tables", Path(folder) / "out"
        tables.mkdir()
        cut(args.tables, args.tasks, args.rows, tables, args)
        begun = time.monotonic()
        process = psutil.Popen(
            [sys.executable, "-m", "autolora.cli", "batch", str(tables), "--out", str(out)], stdout=subprocess.DEVNULL
        )
        seen: list[tuple[float, int]] = []
        while process.poll() is None:
            seen.append((time.time(), resident(process)))
            time.sleep(EVERY_SECONDS)
        seconds = time.monotonic() - begun
        batch = BatchFolder(out)
        record, events = batch.portfolio(), batch.events()
    assert record is not None, "the batch has written nothing"
    ends = [datetime.fromisoformat(event["at"]).timestamp() for event in events if event["event"] == "finished"]
    peaks = [max(size for at, size in seen if at <= max(end, seen[0][0])) for end in ends]
    third, last = peaks[2], peaks[-1]
    states = {state: sum(m.state == state for m in record.members) for state in {m.state for m in record.members}}
    print(f"{len(record.members)} tasks in {seconds:.0f} s: {states}")
    print(f"peak by the third: {third / 1e9:.2f} GB, by the last: {last / 1e9:.2f} GB, ratio {last / third:.2f}")
    found = {"seconds": seconds, "states": states, "peaks": peaks, "third": third, "last": last}
    Path(args.out).write_text(json.dumps({**provenance(record.device), **found}, indent=1))


if __name__ == "__main__":
    main()
