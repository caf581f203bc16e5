"""Training steps until simulated searches have 95 % of their cold front, with and without what others found.

    python benchmarks/samplers.py measure reviews.csv --out reviews.jsonl       (once for each table)
    python benchmarks/transfer_simulated.py reviews.jsonl snippets.jsonl complaints.jsonl --seeds 40

For choosing how a memory is used, where real searches (``transfer.py``) would take days; a simulation is no proof. The
world is that of ``samplers.py``, but chance is that of 500 validation rows only: what a forest of some hundred
configurations misses is ten times that, and would reward whoever has most trials in full. Every task is searched cold
with every seed; then again with the cold searches of all others, same seed, as its memory: by their suggestions alone,
by what they let one expect alone, and by both. *Steps* are optimiser steps of all trials that have ended.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from samplers import METRIC, RUNG_STEPS, SPACE, Ours, Search, World, volume

from autolora.past import gained
from autolora.records import TrialState
from autolora.records.past import Likeness, PastScore, PastSearch, PastTrial
from autolora.search.board import RUNGS
from autolora.search.elsewhere import Elsewhere
from autolora.search.transfer import suggestions

ENOUGH = 0.95
CHANCE = 0.012
"""Standard deviation of a score over seeds and over 500 rows that all trials share."""
WIDTH = 4
LIKE = Likeness(problem="single_label", rows=2000, classes=2, tokens=40, largest_share=0.5, linear=None)
"""Of all: three tasks are too few to tell whether nearness is told well."""
USES = {"suggestions": (True, False), "expectations": (False, True), "both": (True, True)}
"""How a memory is used: whether it makes suggestions, and whether it lets one expect something."""


class Warm(Ours):
    """The project's proposer with a memory."""

    def __init__(self, world: World, seed: int, memory: Sequence[PastSearch], use: str) -> None:
        super().__init__(world, seed)
        elsewhere = Elsewhere.of(SPACE, LIKE, memory)
        suggests, expects = USES[use]
        self._proposer.elsewhere = elsewhere if expects else None
        self._waiting = [s.params for s in suggestions(SPACE, world.costs, elsewhere)] if suggests else []

    def ask(self, trials: list[Any]) -> dict[str, Any]:
        """Return the settings of the next trial."""
        return self._waiting.pop(0) if self._waiting else super().ask(trials)


def searched(world: World, proposer: Any, trials: int, seed: int) -> tuple[list[tuple[int, float]], Search]:
    """Return how the hypervolume grew with the steps, and the search."""
    search = Search(world, proposer, WIDTH, trials, np.random.default_rng(1000 + seed))
    curve = []
    for _, done in search.run():
        steps = sum(RUNG_STEPS[t.rungs - 1] for t in search.seen if t.state != TrialState.RUNNING and t.rungs)
        curve.append((steps, volume(world, done)))
    return curve, search


def kept(world: World, search: Search, name: str) -> PastSearch:
    """Return what a memory keeps of a search."""
    return PastSearch(
        name=name,
        at="",
        data_hash=name,
        base_id="",
        base_hash="",
        layers=6,
        metric="accuracy",
        likeness=LIKE,
        trials=tuple(
            PastTrial(
                params=trial.params,
                scores=tuple(
                    PastScore(share=RUNGS[at], quality=gained(trial.scores[at], METRIC, world.floor))
                    for at in range(trial.rungs)
                ),
                complete=trial.state == TrialState.COMPLETE,
                trainable_params=trial.trained,
                peak_memory_bytes=trial.memory,
                steps=RUNG_STEPS[trial.rungs - 1],
            )
            for trial in search.seen
            if trial.rungs
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--use", nargs="*", choices=list(USES), default=list(USES))
    args = parser.parse_args()
    worlds = {Path(table).stem: World(Path(table)) for table in args.tables}
    for world in worlds.values():
        world._chance = [CHANCE] * len(RUNGS)
    print("| task | cold: to 95 % | at the end | memory's | warm: to 95 % | never | at the end | ratio of means |")
    print("|---|---|---|---|---|---|---|---|")
    cold = {
        (name, seed): searched(world, Ours(world, seed), args.trials, seed)
        for name, world in worlds.items()
        for seed in range(args.seeds)
    }
    for name, world in worlds.items():
        for use in args.use:
            lines = []
            for seed in range(args.seeds):
                memory = [kept(worlds[other], cold[other, seed][1], other) for other in worlds if other != name]
                curve, _ = cold[name, seed]
                warm, search = searched(world, Warm(world, seed, memory, use), args.trials, 5000 + seed)
                target = ENOUGH * curve[-1][1]
                needed = next(steps for steps, v in curve if v >= target)
                reached = next((steps for steps, v in warm if v >= target), None)
                whole = sum(RUNG_STEPS[t.rungs - 1] for t in search.seen if t.rungs)
                lines.append((needed, curve[-1][1], reached or whole, reached is None, warm[-1][1]))
            needed, end, steps, never, warm_end = (statistics.mean(column) for column in zip(*lines, strict=True))
            cells = [name, f"{needed:,.0f}", f"{end:.4f}", use, f"{steps:,.0f}", f"{never:.0%}", f"{warm_end:.4f}"]
            print("|", " | ".join([*cells, f"{steps / needed:.2f}"]), "|", flush=True)


if __name__ == "__main__":
    main()
