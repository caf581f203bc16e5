"""The front of a search against that of a hand-written Ray Tune + OptunaSearch + Trainer + PEFT script.

Both search the same space on the same rows with the same number of trials and epochs: shuffled with seed 0, the first
``--rows`` train, the next 500 validate, at length 128. Ours explores only (no confirmation), since the script has none.
The script runs as it is, in its own process, and writes a JSON line for every finished trial with ``t`` (seconds since
its start), ``accuracy`` and ``trainable_params``.

    python benchmarks/front_against_script.py complaints.csv --script hand_written.py --out result.json
    python benchmarks/front_against_script.py complaints.csv --script-result peer.jsonl --out result.json

Prints and writes: wall time and hypervolume of both (accuracy above the majority share, scaled to 1; log10 of trainable
parameters from 10^6 down to 10^3), and what ours spent outside training and scoring. With ``--script-result`` an
earlier run of the script on the same machine is used instead of running it again.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import numpy as np

from autolora import demo
from autolora.engine.checkpoint import find
from autolora.engine.start import EngineSpec
from autolora.objectives import metric_named
from autolora.pareto import hypervolume
from autolora.recommend import front
from autolora.records import Split, TrialState
from autolora.request import Limits
from autolora.search.cluster import open_cluster
from autolora.search.engines import open_engines
from autolora.search.explore import Exploration, explore
from autolora.search.study_file import open_ledger
from autolora.space import Choice, Float, Space
from autolora.tasks.problems import SingleLabel

LENGTH = 128
VALIDATION_ROWS = 500
ALL_MODULES = ("query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense")


def space(epochs: int) -> Space:
    """Return the script's space in our words; its first suggestions are switched off."""
    return Space(
        name="script",
        parameters={
            "rank": Choice(values=(2, 4, 8, 16, 32)),
            "alpha_over_rank": Choice(values=(1, 2, 4)),
            "layers": Choice(values=("last_1", "last_2", "last_3", "all")),
            "target_modules": Choice(values=("attention_qv", "attention_qkv", ALL_MODULES)),
            "learning_rate": Float(low=1e-4, high=1e-2, log=True),
        },
        fixed={"epochs": epochs, "batch_size": 16, "max_length": LENGTH},
    )


def rows_of(path: str, rows: int) -> tuple[Split, Split, tuple[str, ...]]:
    """Return the script's training and validation rows, and the classes."""
    with open(path, encoding="utf-8", newline="") as file:
        table = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    random.Random(0).shuffle(table)
    classes = tuple(sorted({label for _, label in table}))

    def split(part: list[tuple[str, str]]) -> Split:
        return Split(
            texts=tuple(text for text, _ in part),
            labels=tuple(classes.index(label) for _, label in part),
            row_ids=tuple(str(at) for at in range(len(part))),
        )

    return split(table[:rows]), split(table[rows : rows + VALIDATION_ROWS]), classes


def ours(args: argparse.Namespace) -> dict[str, object]:
    """Explore, and return wall time, hypervolume and where the time went."""
    train, validation, classes = rows_of(args.csv, args.rows)
    floor = float(np.bincount(validation.labels).max() / len(validation))
    it = space(args.epochs)
    modules, layers = (it.parameters[name].values for name in ("target_modules", "layers"))  # type: ignore[union-attr]
    folder = args.model or str(demo.base_folder())
    spec = EngineSpec(
        folder=folder,
        base_id=find(folder).id,
        problem=SingleLabel(classes=classes),
        max_length=LENGTH,
        train=train,
        validation=validation,
        precision=args.precision,
        choices=tuple(product(modules, layers)),
    )
    begun = time.monotonic()
    curve: list[tuple[float, int, float]] = []

    def listen(event: str, trial: object) -> None:
        if event == "ended" and trial.state == TrialState.COMPLETE:  # type: ignore[attr-defined]
            curve.append((time.monotonic() - begun, trial.trainable_params, trial.metric))  # type: ignore[attr-defined]

    with tempfile.TemporaryDirectory() as run, open_cluster() as scratch, open_engines(spec) as engines:
        started = time.monotonic() - begun
        trials = explore(
            Exploration(
                space=it,
                problem=SingleLabel(classes=classes),
                metric=metric_named("accuracy"),
                limits=Limits(),
                trials=args.trials,
                deadline=lambda: float("inf"),
                seed=args.seed,
                first_suggestions=False,
            ),
            ledger=open_ledger(Path(run), seed=args.seed),
            engines=engines,
            validation=validation,
            run=Path(run),
            scratch=scratch,
            listener=listen,
        )
        device, precision, versions = engines.facts.device, engines.facts.precision, engines.facts.versions
    seconds = time.monotonic() - begun
    working = sum(t.seconds for t in trials)
    points = front(trials, metric_named("accuracy"))
    return {
        "seconds": seconds,
        "seconds_to_engine": started,
        "seconds_training_and_scoring": working,
        "seconds_outside": seconds - working,
        "hypervolume": _volume([(t.metric or 0, t.trainable_params or 1) for t in points], floor),
        "best_accuracy": max((t.metric or 0 for t in points), default=0.0),
        "states": {state: sum(t.state == state for t in trials) for state in TrialState},
        "curve": [[t, _volume([(m, p) for at, p, m in curve if at <= t], floor)] for t, _, _ in curve],
        "floor": floor,
        "device": device,
        "precision": precision,
        "versions": versions,
    }


def script(args: argparse.Namespace, floor: float) -> dict[str, object]:
    """Run the script, or read what it wrote, and return its wall time and hypervolume."""
    lines = Path(args.script_result) if args.script_result else Path(tempfile.mkdtemp()) / "script.jsonl"
    if not args.script_result:
        command = [sys.executable, args.script, args.csv, "--rows", args.rows, "--trials", args.trials]
        command += ["--epochs", args.epochs, "--bf16", "--out", lines, *(["--attn", args.attn] if args.attn else [])]
        subprocess.run([str(part) for part in command], check=True, cwd=lines.parent)
    trials = [json.loads(line) for line in lines.read_text().splitlines()]
    points = [(t["accuracy"], t["trainable_params"]) for t in trials]
    return {
        "trials": len(trials),
        "seconds": trials[-1]["t"],
        "hypervolume": _volume(points, floor),
        "best_accuracy": max(accuracy for accuracy, _ in points),
        "curve": [[t["t"], _volume(points[: at + 1], floor)] for at, t in enumerate(trials)],
    }


def _volume(points: list[tuple[float, int]], floor: float) -> float:
    return hypervolume([m for m, _ in points], [p for _, p in points], floor=floor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv")
    parser.add_argument("--script", help="the hand-written script; left out, only ours runs")
    parser.add_argument("--script-result", help="JSON lines of an earlier run of it")
    parser.add_argument("--attn", help="attention implementation for the script")
    parser.add_argument("--model", help="folder; the demo's base unless set")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--out", default="front_against_script.json")
    args = parser.parse_args()
    args.csv = str(Path(args.csv).resolve())
    result: dict[str, object] = {"command": sys.argv, "machine": platform.processor() or platform.machine()}
    mine = result["ours"] = ours(args)
    if args.script or args.script_result:
        result["script"] = script(args, float(mine["floor"]))  # type: ignore[arg-type]
    Path(args.out).write_text(json.dumps(result, indent=1))
    print("| | trials | wall time (s) | hypervolume | best accuracy |\n|---|---|---|---|---|")
    for name in ("ours", "script"):
        if name in result:
            it = result[name]
            count = it.get("trials", args.trials)  # type: ignore[attr-defined]
            print(f"| {name} | {count} | {it['seconds']:.0f} | {it['hypervolume']:.4f} | {it['best_accuracy']:.3f} |")  # type: ignore[index]
    outside, before = mine["seconds_outside"], mine["seconds_to_engine"]
    print(f"outside training and scoring: {outside:.1f} s, of which {before:.1f} s before the first trial")


if __name__ == "__main__":
    main()
