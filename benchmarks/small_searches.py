"""What many small real searches come to: does the test interval hold on fresh rows, and what are the verdicts?

    python benchmarks/small_searches.py POOL.csv [POOL.csv ...] --base-model FOLDER --kind coverage --searches 40

Every search has a few hundred rows, drawn from a pool with its own seed; the rows that are left are fresh: nothing of
the search has seen them.

- ``coverage``: without baselines. The adapter that ships is loaded from its bundle and scored on fresh rows; its 95 %
  interval of the test score should hold that score in 90 to 99 % of the searches. Fresh rows are a sample themselves,
  so a little fewer hold than would if there were no end of them.
- ``shuffled``: labels are shuffled among the rows before the search, so that there is nothing to learn. No verdict
  should be to adopt.
- ``planted``: labels as they are, of a pool in which an adapter is known to be ahead of every simple rival by five
  points and more; test rows beside the others. Verdicts should be to adopt.

Searches already in the folder ``--work`` are not repeated.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import time
from collections import Counter
from pathlib import Path

import numpy as np
from provenance import provenance

import autolora
from autolora import results
from autolora.tasks.metrics import Scorer

SPACE = """
version: 1
parameters:
  rank:           {type: choice, values: [2, 8]}
  target_modules: {type: choice, values: [attention_qv, all_linear]}
  layers:         {type: choice, values: [last_half, all]}
  learning_rate:  {type: float, low: 1.0e-3, high: 1.0e-2, log: true}
fixed: {alpha_over_rank: 2, epochs: 3, batch_size: 8, max_length: 64}
"""
Rows = list[tuple[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pool", nargs="+", help="CSV with the columns text and label; drawn from in turn")
    parser.add_argument("--base-model", required=True)
    parser.add_argument("--kind", choices=["coverage", "shuffled", "planted"], default="coverage")
    parser.add_argument("--searches", type=int, default=40)
    parser.add_argument("--rows", type=int, default=500, help="of a search")
    parser.add_argument("--test", type=int, default=600, help="test rows of a planted search, beside the others")
    parser.add_argument("--fresh", type=int, default=2_000)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--metric", default="accuracy")
    parser.add_argument("--margin", type=float, default=None)
    parser.add_argument("--work", default="runs/small_searches")
    parser.add_argument("--out", default="small_searches.json")
    args = parser.parse_args()
    pools = [rows_of(Path(path)) for path in args.pool]
    work = Path(args.work)
    work.mkdir(parents=True, exist_ok=True)
    (work / "space.yaml").write_text(SPACE)
    found = []
    for at in range(args.searches):
        begun = time.monotonic()
        found.append(one(args, work / f"{args.kind}-{at}", pools[at % len(pools)], seed=at))
        print(f"{at:>3} {found[-1]} {time.monotonic() - begun:.0f} s", flush=True)
    told = summary(args.kind, found)
    print(told)
    Path(args.out).write_text(json.dumps({"summary": told, "searches": found, **provenance("")}, indent=1) + "\n")


def rows_of(path: Path) -> Rows:
    """Return the rows of a pool; texts that occur twice once."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = [(row["text"].strip(), row["label"].strip()) for row in csv.DictReader(file)]
    return list({text: (text, label) for text, label in rows if text and label}.values())


def one(args: argparse.Namespace, folder: Path, pool: Rows, *, seed: int) -> dict[str, object]:
    """Search on some rows of a pool, and score what ships on others."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(pool))
    own = [pool[row] for row in order[: args.rows]]
    rest = [pool[row] for row in order[args.rows :]]
    if args.kind == "shuffled":
        labels = random.permutation([label for _, label in own])
        own = [(text, str(label)) for (text, _), label in zip(own, labels, strict=True)]
    run = folder / "run"
    if not (run / "DONE").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write(folder / "rows.csv", own)
        options: dict[str, object] = {}
        if args.kind == "planted":
            write(folder / "test.csv", rest[: args.test])
            options["test"] = str(folder / "test.csv")
        if args.margin is not None:
            options["margin"] = args.margin
        autolora.search(
            folder / "rows.csv",
            base_model=args.base_model,
            out=run,
            quiet=True,
            metric=args.metric,
            space=str(folder.parent / "space.yaml"),
            trials=args.trials,
            seed=seed,
            baselines="none" if args.kind == "coverage" else "quick",
            **options,
        )
    record = results.read(run)
    assert record.recommendation is not None
    said: dict[str, object] = {"seed": seed, "verdict": record.recommendation.verdict}
    metric = record.recommendation.metric
    if metric is None or metric.test is None or metric.test_ci95 is None:
        return said
    said |= {"test": metric.test, "test_ci95": metric.test_ci95}
    if args.kind == "coverage":
        fresh = score(args, run, rest[: args.fresh], record.data.classes)
        said |= {"fresh": fresh, "held": metric.test_ci95[0] <= fresh <= metric.test_ci95[1]}
    return said


def score(args: argparse.Namespace, run: Path, rows: Rows, classes: tuple[str, ...]) -> float:
    """Return the metric of the bundle on fresh rows, those of a class that the search never saw left out."""
    known = [(text, label) for text, label in rows if label in classes]
    predictor = autolora.load(run / "adapter", base_model=args.base_model)
    place = {name: at for at, name in enumerate(classes)}
    said = np.array([place[str(one.label)] for one in predictor.predict([text for text, _ in known])])
    return Scorer.build(args.metric, np.array([place[label] for _, label in known]), len(classes)).value(said)


def write(path: Path, rows: Rows) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([("text", "label"), *rows])


def summary(kind: str, found: list[dict[str, object]]) -> dict[str, object]:
    """Return the shares that the benchmark is for."""
    verdicts = Counter(str(each["verdict"]) for each in found)
    told: dict[str, object] = {"kind": kind, "searches": len(found), "verdicts": dict(verdicts)}
    held = [bool(each["held"]) for each in found if "held" in each]
    if held:
        told |= {"with an interval": len(held), "held": sum(held), "share held": sum(held) / len(held)}
    return told


if __name__ == "__main__":
    main()
