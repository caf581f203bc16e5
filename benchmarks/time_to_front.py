"""Wall time until a search has the front that a hand-written Ray Tune + OptunaSearch + Trainer + PEFT script ends with.

    python benchmarks/time_to_front.py complaints.csv --test complaints_test.csv --peer bf16=script.jsonl
    python benchmarks/time_to_front.py snippets.csv --script hand_written.py --setting=--bf16

Both search the same space on the same rows: shuffled with seed 0, the first ``--rows`` train, the next 500 validate,
cut at 128 tokens. The script runs ``--trials`` trials of ``--epochs`` epochs in full, ours ``--our-trials``, most of
which it stops early. Ours explores only, since the script confirms nothing; its own first suggestions are switched off;
every seed runs in a process of its own, timed from its start. The script runs as it is, once for each ``--setting``, or
its JSON lines of an earlier run on the same machine are read (``t`` in seconds since its start, ``accuracy``,
``trainable_params``, ``config``).

*Hypervolume*: accuracy above the majority share of the validation rows, scaled to 1; log10 of trainable parameters
from 10^6 (0) down to 10^3 (1); the reference point is (majority share, 10^6). *The target* is the script's final one;
its own time is when it first stood there, and the better setting counts. *On test rows*: every adapter of a final front
is trained again, all by the same engine with another seed, and scored on the test rows.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from provenance import provenance

from autolora import demo
from autolora.engine.checkpoint import find
from autolora.engine.start import EngineSpec, start
from autolora.objectives import metric_named
from autolora.pareto import PARAMS_WORST, hypervolume, on_front
from autolora.records import AdapterConfig, Split, TrialState, from_json, to_json
from autolora.request import Limits
from autolora.space import Choice, Float, Space
from autolora.tasks.problems import SingleLabel
from autolora.tasks.task import load_tokenizer

LENGTH = 128
VALIDATION_ROWS = 500
MOST_TEST_ROWS = 2000
ALL_MODULES = ("query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense")
MODULES = {"query,value": "attention_qv", "query,key,value": "attention_qkv", "query,key,value,dense": "all_linear"}
"""What the script calls modules → what they are called here; PEFT takes ``dense`` for all three."""
RESCORING_SEED = 1000


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


def rows_of(args: argparse.Namespace) -> tuple[Split, Split, Split, tuple[str, ...]]:
    """Return the script's training and validation rows, test rows, and the classes."""

    def table(path: str) -> list[tuple[str, str]]:
        with open(path, encoding="utf-8", newline="") as file:
            return [(row["text"], row["label"]) for row in csv.DictReader(file)]

    rows = table(args.csv)
    random.Random(0).shuffle(rows)
    classes = tuple(sorted({label for _, label in rows}))

    def split(part: list[tuple[str, str]]) -> Split:
        return Split(
            texts=tuple(text for text, _ in part),
            labels=tuple(classes.index(label) for _, label in part),
            row_ids=tuple(str(at) for at in range(len(part))),
        )

    used = args.rows + VALIDATION_ROWS
    test = table(args.test) if args.test else rows[used:]
    return split(rows[: args.rows]), split(rows[args.rows : used]), split(test[:MOST_TEST_ROWS]), classes


def floor_of(validation: Split) -> float:
    return float(np.bincount(validation.labels).max() / len(validation))


def spec_of(args: argparse.Namespace) -> EngineSpec:
    train, validation, _, classes = rows_of(args)
    it = space(args.epochs)
    modules, layers = (it.parameters[name].values for name in ("target_modules", "layers"))  # type: ignore[union-attr]
    return EngineSpec(
        folder=args.model,
        base_id=find(args.model).id,
        problem=SingleLabel(classes=classes),
        max_length=LENGTH,
        train=train,
        validation=validation,
        precision=args.precision,
        choices=tuple(product(modules, layers)),
    )


# --------------------------------------------------------------------------------------------------- one search of ours


def one_search(args: argparse.Namespace) -> dict[str, Any]:
    """Explore with one seed, and return what came when."""
    from autolora.search.cluster import open_cluster
    from autolora.search.engines import open_engines
    from autolora.search.explore import Exploration, board_of, explore_alone
    from autolora.search.study_file import open_ledger

    spec = spec_of(args)
    ended: list[dict[str, Any]] = []
    ends: list[float] = []

    def listen(event: str, trial: Any) -> None:
        if event == "ended":
            ends.append(time.time() - args.begun)
        if event == "ended" and trial.state == TrialState.COMPLETE:
            point = {"t": time.time() - args.begun, "accuracy": trial.metric, "params": trial.trainable_params}
            ended.append(point | {"config": to_json(trial.config)})

    with tempfile.TemporaryDirectory() as run, open_cluster() as scratch, open_engines(spec) as engines:
        started = time.time() - args.begun
        engines.keep_prefixes(Path(run) / "prefixes")
        ledger = open_ledger(Path(run), seed=args.seed)
        board = board_of(
            Exploration(
                space=space(args.epochs),
                problem=spec.problem,
                metric=metric_named("accuracy"),
                limits=Limits(),
                trials=args.our_trials,
                deadline=lambda: float("inf"),
                seed=args.seed,
                first_suggestions=False,
            ),
            ledger=ledger,
            engines=engines,
            validation=spec.validation,
            run=Path(run),
            listener=listen,
        )
        explore_alone(board, scratch=scratch)
        trials = ledger.records()
        facts = engines.facts
    return {
        "points": ended,
        "ends": ends,
        "seconds": time.time() - args.begun,
        "seconds_to_engine": started,
        "seconds_working": sum(t.seconds for t in trials),
        "states": {state: sum(t.state == state for t in trials) for state in TrialState},
        "device": facts.device,
        "precision": facts.precision,
    }


def ours(args: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Run a search in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "search.json"
        command = [
            sys.executable,
            __file__,
            args.csv,
            "--model",
            args.model,
            "--rows",
            args.rows,
            "--our-trials",
            args.our_trials,
        ]
        command += ["--epochs", args.epochs, "--precision", args.precision]
        command += ["--one-search", out, "--seed", seed, "--begun", repr(time.time())]
        subprocess.run([str(part) for part in command], check=True)
        return dict(json.loads(out.read_text()))


# ----------------------------------------------------------------------------------------------------------- the script


def peer(args: argparse.Namespace, setting: str) -> list[dict[str, Any]]:
    """Run the script with a setting, and return its points."""
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "script.jsonl"
        command = [sys.executable, args.script, args.csv, "--rows", args.rows, "--trials", args.trials]
        command += ["--epochs", args.epochs, "--model", args.model, "--out", lines, *shlex.split(setting)]
        subprocess.run([str(part) for part in command], check=True, cwd=folder)
        return read_peer(lines)


def read_peer(lines: Path) -> list[dict[str, Any]]:
    found = (json.loads(line) for line in lines.read_text().splitlines())
    return [point | {"params": point["trainable_params"]} for point in found]


# -------------------------------------------------------------------------------------------------------------- figures


def curve(points: list[dict[str, Any]], floor: float) -> list[tuple[float, float]]:
    """Return the hypervolume whenever a trial ended."""
    volumes = (volume(points[: at + 1], floor) for at in range(len(points)))
    return [(point["t"], reached) for point, reached in zip(points, volumes, strict=True)]


def volume(points: list[dict[str, Any]], floor: float) -> float:
    return hypervolume([p["accuracy"] for p in points], [p["params"] for p in points], floor=floor) if points else 0.0


def first_at(points: list[dict[str, Any]], floor: float, target: float) -> float | None:
    """Return when the hypervolume first stood at the target, None if it never did."""
    return next((t for t, reached in curve(points, floor) if reached >= target - 1e-12), None)


def front_of(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not points:
        return []
    losses = np.array([[-p["accuracy"], p["params"]] for p in points], dtype=np.float64)
    return [point for point, on in zip(points, on_front(losses), strict=True) if on]


class Rescorer:
    """Trains adapters again and scores them on the test rows."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._engine, _ = start(spec_of(args))
        *_, test, _ = rows_of(args)
        task = self._engine.task
        self._engine.splits["test"] = task.encode(load_tokenizer(Path(args.model)), test)
        self._labels = np.array(test.labels)
        self._epochs = args.epochs
        self._known: dict[str, float] = {}

    def on_test(self, points: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the front of some points with their accuracy on the test rows."""
        return [point | {"accuracy": self._accuracy(self._config(point["config"]))} for point in front_of(points)]

    def _config(self, config: Any) -> AdapterConfig:
        if isinstance(config, str):
            return from_json(config, AdapterConfig)
        arch = self._engine.base.architecture
        return AdapterConfig(
            rank=config["rank"],
            alpha=config["rank"] * config["alpha_over_rank"],
            target_modules=arch.modules(MODULES[config["modules"]]),
            layers=arch.layer_range(f"last_{config['last_layers']}"),
            learning_rate=config["learning_rate"],
            epochs=float(self._epochs),
            batch_size=16,
        )

    def _accuracy(self, config: AdapterConfig) -> float:
        name = to_json(config)
        if name not in self._known:
            engine = self._engine
            slot = engine.admit("rescored", config, seed=RESCORING_SEED)
            failed = False
            while slot.step < slot.total_steps and not failed:
                failed = bool(engine.step(["rescored"]))
            self._known[name] = 0.0 if failed else float((engine.outputs("rescored", "test") == self._labels).mean())
            engine.release("rescored")
        return self._known[name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv")
    parser.add_argument("--test", help="table with the test rows; what is left of the first unless set")
    parser.add_argument("--script", help="the hand-written script")
    parser.add_argument("--setting", action="append", default=[], help="flags to run it with; may be given again")
    parser.add_argument("--peer", action="append", default=[], help="NAME=JSON lines of an earlier run of it")
    parser.add_argument("--model", help="folder; the demo's base unless set")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--our-trials", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--out", default="time_to_front.json")
    for hidden, kind in (("--one-search", Path), ("--seed", int), ("--begun", float)):
        parser.add_argument(hidden, type=kind, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.csv = str(Path(args.csv).resolve())
    args.model = args.model or str(demo.base_folder())
    if args.one_search:
        args.one_search.write_text(json.dumps(one_search(args)))
        return
    peers = {name: read_peer(Path(lines)) for name, _, lines in (given.partition("=") for given in args.peer)}
    peers |= {setting: peer(args, setting) for setting in args.setting}
    found = {seed: ours(args, seed) for seed in args.seeds}
    report(args, peers, found)


def report(args: argparse.Namespace, peers: dict[str, Any], found: dict[int, dict[str, Any]]) -> None:
    """Print the tables, and write everything."""
    floor = floor_of(rows_of(args)[1])
    rescorer = Rescorer(args)
    first = next(iter(found.values()))
    print(f"{first['device']}, {first['precision']}; reference point ({floor:.3f}, {PARAMS_WORST:,.0f})\n")
    print(
        f"| | trials in full | {args.trials} trials (s) | hypervolume | all (s) | hypervolume | stood after (s) |",
        end="",
    )
    print(" best accuracy | on test rows |\n|---|---|---|---|---|---|---|---|---|")
    result: dict[str, Any] = {
        **provenance(first["device"]),
        "precision": first["precision"],
        "floor": floor,
    }

    def line(name: str, points: list[dict[str, Any]], ends: list[float]) -> dict[str, float]:
        """Print what a search had when as many of its trials had ended as the script had, and when all had."""
        then = sorted(ends)[: args.trials][-1]
        early = volume([point for point in points if point["t"] <= then], floor)
        final = volume(points, floor)
        stood = first_at(points, floor, final) or 0.0
        on_test = volume(rescorer.on_test(points), floor)
        best = max((p["accuracy"] for p in points), default=0.0)
        figures = {"hypervolume": final, "stood": stood, "best": best, "on_test": on_test, "early": early, "then": then}
        cells = [
            name,
            f"{len(points)} of {len(ends)}",
            f"{then:.0f}",
            f"{early:.4f}",
            f"{max(ends):.0f}",
            f"{final:.4f}",
        ]
        print("|", " | ".join([*cells, f"{stood:.0f}", f"{best:.3f}", f"{on_test:.4f}"]), "|", flush=True)
        return figures

    result["peers"] = {
        name: line(f"script {name}", points, [p["t"] for p in points]) | {"points": points}
        for name, points in peers.items()
    }
    result["ours"] = {seed: line(f"autolora, seed {seed}", it["points"], it["ends"]) | it for seed, it in found.items()}
    if peers:
        target = max(it["hypervolume"] for it in result["peers"].values())
        theirs = min(it["stood"] for it in result["peers"].values())
        reached = {seed: first_at(it["points"], floor, target) for seed, it in found.items()}
        result |= {"target": target, "their_seconds": theirs, "our_seconds": reached}
        # A search that never gets there counts as longer than any other.
        middle = statistics.median(float("inf") if t is None else t for t in reached.values())
        times = ", ".join("never" if t is None else f"{t:.0f}" for t in reached.values())
        print(
            f"\nto a hypervolume of {target:.4f}: the script {theirs:.0f} s, autolora {times} s: median {middle:.0f} s"
        )
        print(f"ratio {theirs / middle:.1f}")
    Path(args.out).write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
