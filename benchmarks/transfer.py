"""Training steps until a search has 95 % of its cold front, with and without what searches of other tasks found.

    python benchmarks/transfer.py reviews.csv snippets.csv complaints.csv:1500 --seeds 0 1 2 3 4

Each table is a task (``FILE:ROWS`` takes a stratified sample). Every task is explored cold with every seed:
``--trials`` trials of the shipped space ``encoder``, its own first suggestions switched off. Then each is explored
again with the others' cold searches of the same seed as its memory. All share one base and one pool of engines.

*Hypervolume*: the published one (quality above the floor, scaled to 1; log10 of trainable parameters from 10^6 down to
10^3). *The target* is 95 % of what the cold search of that task and seed ended with; *steps* are optimiser steps of all
trials that had ended by then, those that were stopped too. A search that never gets there counts with all its steps,
and is said so. Steps do not depend on how busy the machine is.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from provenance import provenance

from autolora import demo, past
from autolora.data_request import DataRequest
from autolora.likeness import likeness_of
from autolora.pareto import hypervolume
from autolora.portions import Portions
from autolora.prepared import Prepared, checked
from autolora.records import TrialState
from autolora.records.past import PastSearch
from autolora.request import Request
from autolora.search.cluster import open_cluster
from autolora.search.elsewhere import Elsewhere
from autolora.search.explore import Exploration, board_of, explore_alone
from autolora.search.pool import Pool, open_pool
from autolora.search.study_file import open_ledger
from autolora.search.transfer import suggestions
from autolora.starting import begun
from autolora.tasks.problems import problem_of

ENOUGH = 0.95


def request_for(table: str, model: str, seed: int) -> Request:
    path, _, rows = table.partition(":")
    data = DataRequest(path=str(Path(path).resolve()), text="text", label="label", rows=int(rows) if rows else None)
    return Request(data=data, base_model=model, seed=seed)


def explored(pool: Pool, scratch: Path, prepared: Prepared, trials: int, memory: list[PastSearch]) -> dict[str, Any]:
    """Explore one task, and return its curve and what a memory keeps of it."""
    portions = Portions(dataset=prepared.dataset, seed=prepared.request.seed, limited=False)
    engines = begun(pool, prepared, portions, task=prepared.request.name)
    ended: list[Any] = []
    likeness = likeness_of(prepared.dataset, prepared.metric.name, engines.facts.token_lengths)
    elsewhere = Elsewhere.of(prepared.space, likeness, memory)
    suggested = suggestions(prepared.space, engines.facts.costs, elsewhere)
    with tempfile.TemporaryDirectory() as run:
        engines.keep_prefixes(Path(run) / "prefixes")
        ledger = open_ledger(Path(run), seed=prepared.request.seed)
        board = board_of(
            Exploration(
                space=prepared.space,
                problem=problem_of(prepared.dataset),
                metric=prepared.guide,
                limits=prepared.request.limits,
                trials=trials,
                deadline=lambda: float("inf"),
                seed=prepared.request.seed,
                suggestions=tuple(each.params for each in suggested),
                elsewhere=elsewhere,
                first_suggestions=False,
            ),
            ledger=ledger,
            engines=engines,
            validation=prepared.dataset.validation,
            run=Path(run),
            listener=lambda event, trial: ended.append(trial) if event == "ended" else None,
        )
        explore_alone(board, scratch=scratch)
        floor, records = board.judge.floor, ledger.records()
        ledger.close()
    facts = engines.facts
    engines.end()
    kept = PastSearch(
        name=prepared.request.name,
        at="",
        data_hash=prepared.dataset.hash,
        base_id=facts.base_id,
        base_hash=facts.base_hash,
        layers=sum(stack.depth for stack in facts.stacks),
        metric=prepared.guide.name,
        likeness=likeness,
        trials=past.trials_of(records, prepared.guide, floor),
    )
    curve, steps, done = [], 0, []
    for trial in ended:
        steps += trial.rungs[-1].steps if trial.rungs else 0
        done += [trial] if trial.state == TrialState.COMPLETE else []
        volume = hypervolume([t.metric for t in done], [t.trainable_params for t in done], floor=floor) if done else 0.0
        curve.append((steps, volume))
    return {"curve": curve, "kept": kept, "suggested": len(suggested), "device": facts.device}


def steps_to(curve: list[tuple[int, float]], target: float) -> int | None:
    return next((steps for steps, volume in curve if volume >= target), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+", help="FILE or FILE:ROWS; columns text and label")
    parser.add_argument("--model", help="folder; the demo's base unless set")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", default="transfer.json")
    args = parser.parse_args()
    model = args.model or str(demo.base_folder())
    found: list[dict[str, Any]] = []
    device = ""
    with open_cluster() as scratch, open_pool(model, base_id="base") as pool:
        print(
            "| task | seed | cold: hypervolume | cold: steps to 95 % | of all | warm: suggested | warm: steps | ratio |"
        )
        print("|---|---|---|---|---|---|---|---|", flush=True)
        for seed in args.seeds:
            tasks = [checked(request_for(table, model, seed)) for table in args.tables]
            cold = {task.request.name: explored(pool, scratch, task, args.trials, []) for task in tasks}
            for task in tasks:
                name = task.request.name
                memory = [other["kept"] for key, other in cold.items() if key != name]
                warm = explored(pool, scratch, task, args.trials, memory)
                device = warm["device"]
                curve = cold[name]["curve"]
                target = ENOUGH * curve[-1][1]
                needed, reached = steps_to(curve, target), steps_to(warm["curve"], target)
                line = {
                    "task": name, "seed": seed, "cold": curve, "warm": warm["curve"], "suggested": warm["suggested"],
                    "cold_steps": needed, "warm_steps": reached or warm["curve"][-1][0], "reached": reached is not None,
                    "of_all": curve[-1][0], "cold_final": curve[-1][1], "warm_final": warm["curve"][-1][1],
                }  # fmt: skip
                found.append(line)
                cells = [
                    name,
                    seed,
                    f"{line['cold_final']:.4f}",
                    f"{needed:,}",
                    f"{line['of_all']:,}",
                    warm["suggested"],
                ]
                cells += [
                    f"{line['warm_steps']:,}{'' if reached else ' (never)'}",
                    f"{line['warm_steps'] / needed:.2f}",
                ]
                print("|", " | ".join(map(str, cells)), "|", flush=True)
                Path(args.out).write_text(json.dumps({**provenance(device), "found": found}, indent=1))
    for name in sorted({line["task"] for line in found}):
        own = [line for line in found if line["task"] == name]
        print(
            f"\n{name}: warm / cold steps to 95 %: mean ratio"
            f" {statistics.mean(line['warm_steps'] / line['cold_steps'] for line in own):.2f}, ratio of means"
            f" {sum(line['warm_steps'] for line in own) / sum(line['cold_steps'] for line in own):.2f}; of all cold"
            f" steps {sum(line['warm_steps'] for line in own) / sum(line['of_all'] for line in own):.2f}"
        )


if __name__ == "__main__":
    main()
