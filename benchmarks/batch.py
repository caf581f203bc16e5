"""Wall time of one batch against that of as many separate searches, for the whole way and until the fronts stand.

    python benchmarks/batch.py reviews.csv snippets.csv complaints.csv:1500 --trials 24 --baselines quick --turns 2

Each table is a task (``FILE:ROWS`` takes a stratified sample). Both run by the command line in processes of their own
and are timed from start to end: the batch on one half of the CPUs and, at the same time, the searches one after the
other on the other half, so that whatever makes the machine slower for a while makes both slower. In the next turn the
halves are exchanged.

*A front stands* when its hypervolume has reached what both the separate search and the batch end with (the smaller of
the two; the published one, of trials in full): the last trial that this takes, in wall time since the process began.
Separately that is added up; of the batch it is the last front.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provenance import provenance

from autolora import demo, results
from autolora.pareto import hypervolume
from autolora.records import TrialState


def lay_out(tables: list[str], folder: Path, args: argparse.Namespace) -> list[Path]:
    """Write a task file for each table."""
    found = []
    for table in tables:
        path, _, rows = table.partition(":")
        name = Path(path).stem
        task = {
            "name": name,
            "data": {"path": str(Path(path).resolve()), "text": "text", "label": "label"}
            | ({"rows": int(rows)} if rows else {}),
            "base_model": args.model,
            "budget": {"trials": args.trials},
            "baselines": args.baselines,
            "seed": args.seed,
        }
        found.append(folder / f"{name}.yaml")
        found[-1].write_text(json.dumps(task))  # JSON is YAML
    return found


def run(cpus: Sequence[int], *arguments: object) -> tuple[float, datetime]:
    """Run a command on some CPUs; return its wall time, and when it began."""
    begun, start = datetime.now(UTC), time.monotonic()
    kept = ["taskset", "--cpu-list", ",".join(map(str, cpus)), sys.executable, "-m", "autolora.cli"]
    subprocess.run([*kept, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start, begun


def curve(run_folder: Path, begun: datetime) -> list[tuple[float, float]]:
    """Return the hypervolume whenever a trial in full had ended, in seconds since the process began."""
    search = results.read(run_folder)
    floor = search.recommendation.search.hypervolume_reference["metric_floor"]  # type: ignore[union-attr, index]
    done = sorted((t for t in search.trials if t.state == TrialState.COMPLETE), key=lambda t: t.ended_at)
    found = []
    for at, trial in enumerate(done):
        volume = hypervolume(
            [t.metric for t in done[: at + 1]], [t.trainable_params for t in done[: at + 1]], floor=floor
        )
        found.append(((datetime.fromisoformat(trial.ended_at) - begun).total_seconds(), volume))
    return found


def parts(run_folder: Path) -> tuple[float, float]:
    """Return the seconds that were worked on a task until it was confirmed, and from then on."""
    events = [json.loads(line) for line in (run_folder / "events.jsonl").read_text().splitlines()]
    spent = {event["event"]: float(event["spent"]) for event in events}
    return spent["confirm"], spent["done"] - spent["confirm"]


def reached(points: list[tuple[float, float]], target: float) -> float:
    return next(seconds for seconds, volume in points if volume >= target - 1e-9)


def turn(tasks: Sequence[Path], runs: Path, halves: Sequence[Sequence[int]]) -> dict[str, Any]:
    """Run both beside each other once, and return what they took and found."""
    with ThreadPoolExecutor(1) as beside:
        batch = beside.submit(run, halves[1], "batch", *tasks, "--out", runs / "batch")
        separate = {
            task.stem: run(halves[0], "search", task, "--out", runs / "separate" / task.stem, "--plain")
            for task in tasks
        }
        together, begun = batch.result()
    lines = []
    for name, (seconds, alone_begun) in separate.items():
        alone, beside_it = curve(runs / "separate" / name, alone_begun), curve(runs / "batch" / name, begun)
        target = min(alone[-1][1], beside_it[-1][1])
        verdicts = [results.read(runs / kind / name).recommendation for kind in ("separate", "batch")]
        explored, confirmed = zip(*(parts(runs / kind / name) for kind in ("separate", "batch")), strict=True)
        lines.append(
            {
                "task": name,
                "seconds": seconds,
                "front": reached(alone, target),
                "front_in_batch": reached(beside_it, target),
                "exploring": explored,
                "confirming": confirmed,
                "hypervolume": alone[-1][1],
                "hypervolume_in_batch": beside_it[-1][1],
                "verdict": verdicts[0].verdict,  # type: ignore[union-attr]
                "verdict_in_batch": verdicts[1].verdict,  # type: ignore[union-attr]
                "trials_in_batch": verdicts[1].search.trials,  # type: ignore[union-attr]
                "device": verdicts[1].search.device,  # type: ignore[union-attr]
            }
        )
    whole, fronts = sum(it["seconds"] for it in lines), sum(it["front"] for it in lines)
    last = max(it["front_in_batch"] for it in lines)
    return {
        "tasks": lines,
        "separate_seconds": whole,
        "batch_seconds": together,
        "whole_ratio": together / whole,
        "fronts": fronts,
        "last_front": last,
        "fronts_ratio": last / fronts,
    }


def show(found: dict[str, Any]) -> None:
    """Print a turn."""
    print("| task | alone (s) | its front (s) | hypervolume | in the batch: its front (s) | hypervolume | trials |")
    print("|---|---|---|---|---|---|---|")
    for it in found["tasks"]:
        cells = [it["task"], f"{it['seconds']:.0f}", f"{it['front']:.0f}", f"{it['hypervolume']:.4f}"]
        cells += [f"{it['front_in_batch']:.0f}", f"{it['hypervolume_in_batch']:.4f}", str(it["trials_in_batch"])]
        print("|", " | ".join(cells), "|")
    for what in ("exploring", "confirming"):
        apart, together = (sum(it[what][at] for it in found["tasks"]) for at in (0, 1))
        print(f"{what}: {apart:.0f} s apart, {together:.0f} s in one batch: {together / apart:.2f}")
    for what, apart, together, ratio in (
        ("the whole way", "separate_seconds", "batch_seconds", "whole_ratio"),
        ("until the fronts stand", "fronts", "last_front", "fronts_ratio"),
    ):
        print(
            f"{what}: {found[apart]:.0f} s apart, {found[together]:.0f} s in one batch: {found[ratio]:.2f}", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+", help="FILE or FILE:ROWS; columns text and label")
    parser.add_argument("--model", help="folder; the demo's base unless set")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--baselines", default="quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--runs", type=Path, help="keep the run folders here")
    parser.add_argument("--out", default="batch.json")
    args = parser.parse_args()
    csv.field_size_limit(sys.maxsize)
    args.model = args.model or str(demo.base_folder())
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        parser.error("both run beside each other: two CPUs are the least")
    halves = [cpus[: len(cpus) // 2], cpus[len(cpus) // 2 :]]
    with tempfile.TemporaryDirectory() as folder:
        tasks, turns = lay_out(args.tables, Path(folder), args), []
        for at in range(args.turns):
            turns.append(turn(tasks, (args.runs or Path(folder)) / str(at), halves[:: -1 if at % 2 else 1]))
            show(turns[-1])
    ratios = {name: statistics.median(it[name] for it in turns) for name in ("whole_ratio", "fronts_ratio")}
    print(f"medians: {ratios['whole_ratio']:.2f} the whole way, {ratios['fronts_ratio']:.2f} until the fronts stand")
    found = {**provenance(turns[0]["tasks"][0]["device"]), **ratios, "turns": turns}
    Path(args.out).write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
