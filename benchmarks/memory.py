"""Predicted peak training memory of configurations, against a solo run of each in a fresh process.

    python benchmarks/memory.py [--model DIR] [--length 128] [--precision auto] [--out FILE.json]

Cells: modules × layers × rank × rows of a batch. *Predicted* is what the search reckons with before anything is
trained; *measured* the most bytes of live tensors (on a GPU: the allocator's peak) in three training steps on rows of
full length.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from itertools import product
from pathlib import Path

from provenance import provenance

from autolora import demo
from autolora.engine.measure_call import measured_peak
from autolora.engine.start import EngineSpec, start
from autolora.records import Split
from autolora.tasks.problems import SingleLabel

MODULES = ("attention_qv", "mlp", "all_linear")
LAYERS = ("last_1", "last_half", "all")
RANKS = (1, 8, 64)
BATCHES = (4, 16)
CLASSES = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="folder; the demo's base unless set")
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--out", default="memory.json")
    args = parser.parse_args()
    folder = args.model or str(demo.base_folder())
    rows = Split(texts=("a text",), labels=(0,), row_ids=("1",))
    classes = tuple(map(str, range(CLASSES)))
    _, facts = start(
        EngineSpec(
            folder=folder,
            base_id="base",
            problem=SingleLabel(classes=classes),
            max_length=args.length,
            train=rows,
            validation=rows,
            precision=args.precision,
            choices=tuple(product(MODULES, LAYERS)),
        )
    )
    result = provenance(facts.device) | {"precision": facts.precision}
    print(f"{facts.device}, {facts.precision}, {args.length} tokens, {Path(folder).name}\n")
    print("| modules | layers | rank | rows | predicted (MB) | measured (MB) | off |\n|---|---|---|---|---|---|---|")
    cells = []
    for modules, layers, rank, batch in product(MODULES, LAYERS, RANKS, BATCHES):
        values = {"rank": rank, "alpha_over_rank": 1, "target_modules": modules, "layers": layers}
        usual = {"learning_rate": 1e-4, "use_rslora": False, "dropout": 0.0, "warmup_share": 0.0, "weight_decay": 0.0}
        config = facts.costs.config({**values, **usual, "epochs": 1.0, "batch_size": batch})
        predicted = facts.costs.peak_memory_bytes(config)
        # Three steps on three batches: an epoch may not be shorter than that.
        measured = measured_peak(Path(folder), replace(config, epochs=3.0), facts)
        if measured is None:
            raise SystemExit("the measuring process failed")
        off = predicted / measured - 1
        cells.append([modules, layers, rank, batch, predicted, measured])
        shown = f"{predicted / 1e6:,.1f} | {measured / 1e6:,.1f} | {off:+.1%}"
        print(f"| {modules} | {layers} | {rank} | {batch} | {shown} |", flush=True)
    worst = max(abs(predicted / measured - 1) for *_, predicted, measured in cells)
    result |= {"cells": cells, "worst": worst}
    print(f"\nworst: {worst:.1%} of {len(cells)} cells")
    Path(args.out).write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
