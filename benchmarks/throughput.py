"""How many examples a second one engine trains, against plain PEFT in a process of its own, and against the device.

    python benchmarks/throughput.py [--model DIR] [--length 128] [--batch 16] [--slots 1 4 8 16 32] [--out FILE.json]
    python benchmarks/throughput.py --model DIR --batch 8 --length 256 --ranks 4 8 16 32 --processes 1 2 4 8  # a GPU

Protocol. Random tokens, every row of full length, eight classes; adapters of rank 8 on every linear module unless said
otherwise. Each figure is the median of ``--repeats`` timings of at least ``--seconds`` after a warm-up.

- *the device's matrix rate*: products of 2048 × 384 × 1536 and 2048³ in the base's precision; the better of the two.
- *plain PEFT*: PEFT under autocast and AdamW as the hand-written script's Trainer runs them, one model, with ``sdpa``
  and with ``eager`` attention. No Trainer, no data loader: it is faster than that script.
- *several processes* of it share the device for ``--processes``; their rates are added.
- *ours*: the engine, 1 to 32 slots, from the second epoch on (rows' prefixes are cached), by first adapted layer; with
  attention and low-rank products as an engine chooses them at its start. ``--ranks`` are taken in turn by the slots.
- *fraction*: products that training an adapter takes, forward and for the gradients of inputs, over the time and the
  matrix rate. They are counted from the shapes, for what is computed: a last layer of which only the first token is
  wanted counts for that.

Needs no ray. Runs on a GPU as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from provenance import provenance

from autolora.engine import attention, together
from autolora.engine import device as devices
from autolora.engine.base import load_base
from autolora.engine.checkpoint import find
from autolora.engine.engine import Engine
from autolora.engine.row_cache import MemoryRows, RowCache
from autolora.engine.start import ALLOCATOR
from autolora.records import AdapterConfig
from autolora.tasks.problems import SingleLabel
from autolora.tasks.sequence import SequenceTask
from autolora.tasks.task import Encoded

CLASSES = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="folder; the demo's base unless set")
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--slots", type=int, nargs="*", default=[1, 4, 8, 16, 32])
    parser.add_argument("--ranks", type=int, nargs="*", default=[8])
    parser.add_argument("--processes", type=int, nargs="*", default=[1])
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--no-peft", action="store_true", help="leave plain PEFT out")
    parser.add_argument("--out", default="throughput.json")
    args = parser.parse_args()
    if args.model is None:
        from autolora import demo

        args.model = str(demo.base_folder())
    device = devices.pick()
    precision, _ = devices.pick_precision(device, args.precision)
    task = SequenceTask(problem=SingleLabel(classes=tuple(map(str, range(CLASSES)))), max_length=args.length)
    base = load_base(find(args.model), task, precision=precision, device=device)
    data = made_up(args, base)
    probing = Engine(base, task, {"train": data})
    chosen = {"attention": attention.choose(probing), "together": together.choose(probing)}
    rate = matrix_rate(base.dtype, device)
    result: dict[str, Any] = {
        **provenance(devices.in_words(device)),
        "precision": precision,
        "matrix_rate_gflops": rate / 1e9,
        **chosen,
        "ours": [],
        "peft": [],
    }
    print(f"{result['device']}, {precision}, {rate / 1e9:,.0f} GFLOP/s in products; {Path(args.model).name}")
    joint = "together" if chosen["together"] else "one slot after the other"
    print(f"{chosen['attention']} attention, low-rank products {joint}")
    configs = kinds(base, args)
    print("\n| adapter | slots | examples/s | of the matrix rate |\n|---|---|---|---|")
    for name, config in configs.items():
        for slots in args.slots if name == "all layers" else args.slots[:1]:
            figure = ours(base, task, data, config, slots, args)
            fraction = figure * products(base, config, args.length) / rate
            result["ours"].append({"adapter": name, "slots": slots, "examples_per_s": figure, "fraction": fraction})
            print(f"| {name} | {slots} | {figure:,.1f} | {fraction:.0%} |", flush=True)
    if not args.no_peft:
        print("\n| plain PEFT | processes | attention | examples/s |\n|---|---|---|---|")
        for name, config in configs.items():
            for way, processes in product(attention.IMPLEMENTATIONS, args.processes):
                figure = plain_peft(args, config, base, way, precision, processes)
                line = {"adapter": name, "attention": way, "processes": processes, "examples_per_s": figure}
                result["peft"].append(line)
                print(f"| {name} | {processes} | {way} | {figure:,.1f} |", flush=True)
    Path(args.out).write_text(json.dumps(result, indent=1))


def kinds(base: Any, args: argparse.Namespace) -> dict[str, AdapterConfig]:
    """Return an adapter for each choice of layers, and one of the original LoRA choice of modules."""
    arch = base.architecture

    def config(layers: str, modules: str = "all_linear") -> AdapterConfig:
        return AdapterConfig(
            rank=args.ranks[0],
            alpha=2 * args.ranks[0],
            target_modules=arch.modules(modules),
            layers=arch.layer_range(layers),
            learning_rate=1e-4,
            epochs=1e6,
            batch_size=args.batch,
        )

    return {
        "all layers": config("all"),
        "all layers, query and value": config("all", "attention_qv"),
        "last half": config("last_half"),
        "last layer": config("last_1"),
    }


def made_up(args: argparse.Namespace, base: Any) -> Encoded:
    random = np.random.default_rng(0)
    words = base.model.get_input_embeddings().num_embeddings
    tokens = random.integers(min(1000, words // 2), words, (args.rows, args.length), dtype=np.int32)
    return Encoded(
        tokens=tuple(tokens),
        targets=random.integers(0, CLASSES, args.rows),
        full_lengths=np.full(args.rows, args.length),
        unknown_share=0.0,
    )


def ours(base: Any, task: SequenceTask, data: Encoded, config: AdapterConfig, slots: int, args: Any) -> float:
    """Return the examples a second of an engine from the second epoch on."""
    engine = Engine(base, task, {"train": data}, cache=RowCache(MemoryRows(1 << 33), device=base.device))
    names = [f"slot {at}" for at in range(slots)]
    for at, name in enumerate(names):
        rank = args.ranks[at % len(args.ranks)]
        engine.admit(name, replace(config, rank=rank, alpha=2 * rank), seed=0)
    for _ in range(engine.slots[names[0]].steps_in_epoch):
        engine.step(names[:1])  # the first epoch fills the cache
    figure = repeated(lambda: engine.step(names), slots * args.batch, args)
    for name in names:
        engine.release(name)
    return figure


def plain_peft(args: Any, config: AdapterConfig, base: Any, way: str, precision: str, processes: int) -> float:
    """Return the examples a second of PEFT in fresh processes at once, with the allocator as they find it."""
    arch = base.architecture
    request = {
        "args": vars(args),
        "targets": list(arch.full_names(config.layers, config.target_modules)),
        "attention": way,
        "bf16": precision == "fast",
        "threads": max(1, (os.cpu_count() or 1) // processes),
    }
    environment = {name: value for name, value in os.environ.items() if name not in ALLOCATOR}

    def one(_: int) -> float:
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("throughput_peft.py"))],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )
        return float(done.stdout.split()[-1])

    with ThreadPoolExecutor(processes) as pool:
        return sum(pool.map(one, range(processes)))


def products(base: Any, config: AdapterConfig, length: int) -> float:
    """Return the operations that training takes for an example: products with frozen weights and of attention.

    Forward from the first adapted layer on, and as much again for the gradients of inputs; low-rank products, softmax
    and the like are not in it.
    """
    shapes = base.architecture.shapes
    depth, first = base.architecture.depth, min(config.layers)
    width = next(iter(shapes.values()))[0]
    whole = sum(a * b for a, b in shapes.values()) * length + 2 * length * length * width
    last = whole
    if base.first_token_only:
        inner = [
            a * b for name, (a, b) in shapes.items() if name.rsplit(".", 1)[-1] in ("key", "value", "k_lin", "v_lin")
        ]
        outer = sum(a * b for a, b in shapes.values()) - sum(inner)
        last = sum(inner) * length + outer + 2 * length * width
    total = 2 * ((depth - 1 - first) * whole + last)
    return float(2 * total)


def matrix_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Return operations a second in large products of a precision; the best of two shapes."""

    def rate(m: int, k: int, n: int) -> float:
        a, b = torch.randn(m, k, dtype=dtype, device=device), torch.randn(n, k, dtype=dtype, device=device)
        run = lambda: torch.nn.functional.linear(a, b)  # noqa: E731
        run()
        figures = []
        for _ in range(5):
            count, start = 0, time.perf_counter()
            while time.perf_counter() - start < 0.3:
                run()
                count += 1
            devices.synchronise(device)
            figures.append(2 * m * k * n * count / (time.perf_counter() - start))
        return statistics.median(figures)

    return max(rate(2048, 384, 1536), rate(2048, 2048, 2048))


def repeated(step: Callable[[], Any], examples: int, args: Any) -> float:
    """Return the median examples a second of a step that is done again and again."""
    step()
    figures = []
    for _ in range(args.repeats):
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < args.seconds:
            step()
            count += 1
        devices.synchronise(devices.pick())
        figures.append(examples * count / (time.perf_counter() - start))
    return statistics.median(figures)


if __name__ == "__main__":
    if any(os.environ.get(name) != value for name, value in ALLOCATOR.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ALLOCATOR)
    main()
