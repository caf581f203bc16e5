"""How soon simulated searches find a front, by what proposes their trials and by how many train at once.

    python benchmarks/samplers.py measure reviews.csv --out table.jsonl [--configs 150] [--model DIR]
    python benchmarks/samplers.py compare table.jsonl [--searches 24] [--trials 60] [--only ours tpe] [--out FILE.json]

Protocol. ``measure`` trains configurations from all over the space of ``time_to_front.py`` (Sobol points) with the
engine, and keeps accuracy at every rung, and seconds. ``compare`` fits forests to them, one for each rung; what one
misses on rows left out of its trees is drawn as chance, anew in every search. Simulated trials go from rung to rung in
the seconds that such trials took, in turn with those beside them, and stop when a cheaper one is better there beyond
what 500 validation rows tell. A search is measured by when it reaches the median hypervolume of searches like
the hand-written script's: 24 trials in full, proposed by TPE.

A simulation is no proof: it is for choosing among proposers, where real searches would take days. Forests know nothing
of the proposers' own models.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import time_to_front
from provenance import provenance
from scipy.stats import qmc
from sklearn.ensemble import ExtraTreesRegressor

from autolora import demo
from autolora.engine.costs import CostModel
from autolora.objectives import metric_named
from autolora.pareto import hypervolume
from autolora.records import RungRecord, Score, TrialRecord, TrialState, from_json, to_json
from autolora.search.board import RUNGS
from autolora.search.encoding import Encoder
from autolora.search.proposer import Proposer
from autolora.search.sampler import distributions, members

EPOCHS = 2
METRIC = metric_named("accuracy")
SPACE = time_to_front.space(EPOCHS)
STEPS = 250
START_SECONDS = 8.0
CONFIDENT = 1.645 * math.sqrt(0.12 / 500)
"""Difference in accuracy that paired resamples of 500 rows take for real: two trials disagree on about an eighth."""
LEFT_FLOOR = 0.1


# -------------------------------------------------------------------------------------------------------- measuring


def measure(args: argparse.Namespace) -> None:
    from autolora.engine.start import start

    args.rows, args.epochs, args.precision, args.test = 2000, EPOCHS, "auto", None
    args.model = args.model or str(demo.base_folder())
    spec = time_to_front.spec_of(args)
    engine, facts = start(spec)
    labels = np.array(spec.validation.labels)
    with Path(args.out).open("w", encoding="utf-8") as out:
        head = {"floor": time_to_front.floor_of(spec.validation), "costs": to_json(facts.costs)}
        print(json.dumps(head | provenance(facts.device)), file=out, flush=True)
        for at, place in enumerate(qmc.Sobol(len(SPACE.parameters), seed=1).random(args.configs)):
            params = {name: _at(p, float(x)) for (name, p), x in zip(SPACE.parameters.items(), place, strict=True)}
            slot = engine.admit("measured", facts.costs.config(SPACE.fixed | params), seed=at % 5)
            accuracies, seconds, begun = [], [], time.perf_counter()
            for share in RUNGS:
                failed: Any = {}
                while slot.step < math.ceil(share * slot.total_steps) and not failed:
                    failed = engine.step(["measured"])
                if failed:
                    break
                accuracies.append(float((engine.outputs("measured", "validation") == labels).mean()))
                seconds.append(time.perf_counter() - begun)
            engine.release("measured")
            if len(accuracies) == len(RUNGS):
                row = {"params": params, "accuracies": accuracies, "seconds": seconds}
                print(json.dumps(row), file=out, flush=True)


def _at(parameter: Any, share: float) -> Any:
    if hasattr(parameter, "values"):
        return parameter.values[int(share * len(parameter.values))]
    return parameter.moved(parameter.low, share)


# ---------------------------------------------------------------------------------------------------------- the world


class World:
    """What trials would score, and how long they would take."""

    def __init__(self, table: Path) -> None:
        head, *rows = (json.loads(line) for line in table.read_text(encoding="utf-8").splitlines())
        self.floor: float = head["floor"]
        self.costs = from_json(head["costs"], CostModel)
        self.device: str = head["device"]
        self._encoder = Encoder(SPACE)
        points = np.array([self._encoder.point(row["params"]) for row in rows])
        accuracies, seconds = (np.array([row[name] for row in rows]) for name in ("accuracies", "seconds"))
        self._forests = [_forest(points, column) for column in accuracies.T]
        self._chance = [float((f.oob_prediction_ - y).std()) for f, y in zip(self._forests, accuracies.T, strict=True)]
        self._seconds = [_forest(points, np.log(column)) for column in seconds.T]

    def trial(self, number: int, params: dict[str, Any], random: np.random.Generator) -> Trial:
        """Return a trial with what chance will make of it."""
        point = np.array([self._encoder.point(params)])
        config = self.costs.config(SPACE.fixed | params)
        at_rungs = [math.exp(forest.predict(point)[0]) for forest in self._seconds]
        scores = [
            float(np.clip(forest.predict(point)[0] + spread * random.normal(), 0, 1))
            for forest, spread in zip(self._forests, self._chance, strict=True)
        ]
        return Trial(
            number=number,
            params=params,
            config=config,
            trained=self.costs.trainable_params(config),
            memory=self.costs.peak_memory_bytes(config),
            scores=scores,
            step_seconds=list(np.diff([0.0, *np.maximum.accumulate(at_rungs)]) / np.diff([0, *RUNG_STEPS])),
        )


RUNG_STEPS = [math.ceil(share * STEPS) for share in RUNGS]


def _forest(points: Any, values: Any) -> ExtraTreesRegressor:
    forest = ExtraTreesRegressor(300, min_samples_leaf=2, bootstrap=True, oob_score=True, random_state=0)
    return forest.fit(points, values)


@dataclass(kw_only=True)
class Trial:
    """One simulated trial."""

    number: int
    params: dict[str, Any]
    config: Any
    trained: int
    memory: int
    scores: list[float]
    step_seconds: list[float]
    """Of a step on the way to each rung."""
    rungs: int = 0
    """How many it has reached."""
    step: int = 0
    state: TrialState = TrialState.RUNNING

    def record(self) -> TrialRecord:
        """Return what is known of it by now."""
        return TrialRecord(
            number=self.number,
            state=self.state,
            params=self.params,
            config=self.config,
            metric=self.scores[self.rungs - 1] if self.rungs else None,
            trainable_params=self.trained,
            peak_memory_bytes=self.memory,
            rungs=tuple(
                RungRecord(
                    rung=at,
                    share=RUNGS[at],
                    steps=RUNG_STEPS[at],
                    score=Score(value=self.scores[at], standard_error=0.0),
                    train_loss=None,
                    seconds=0.0,
                )
                for at in range(self.rungs)
            ),
        )


# ------------------------------------------------------------------------------------------------------ the proposers


class Ours:
    """The project's proposer."""

    def __init__(self, world: World, seed: int) -> None:
        self._proposer = Proposer(space=SPACE, costs=world.costs, metric=METRIC, floor=world.floor, seed=seed)

    def ask(self, trials: list[Trial]) -> dict[str, Any]:
        """Return the settings of the next trial."""
        return self._proposer.propose([trial.record() for trial in trials])

    def tell(self, trial: Trial) -> None:
        """Do nothing: every proposal looks at all trials."""


class Optunas:
    """One of Optuna's samplers; told final values of complete trials, and that others were stopped."""

    def __init__(self, sampler: Any, objectives: int = 3) -> None:
        directions = ["maximize", "minimize", "minimize"][:objectives]
        self._study = optuna.create_study(directions=directions, sampler=sampler)
        self._asked: dict[int, Any] = {}

    def ask(self, trials: list[Trial]) -> dict[str, Any]:
        """Return the settings of the next trial."""
        asked = self._asked[len(trials)] = self._study.ask(distributions(SPACE))
        return members(SPACE, asked.params)

    def tell(self, trial: Trial) -> None:
        """Tell the study how a trial ended."""
        if trial.state == TrialState.COMPLETE:
            values = [trial.scores[-1], trial.trained, trial.memory][: len(self._study.directions)]
            self._study.tell(self._asked[trial.number], values)
        else:
            self._study.tell(self._asked[trial.number], state=optuna.trial.TrialState.PRUNED)


def proposers() -> dict[str, Callable[[World, int], Any]]:
    samplers = optuna.samplers
    return {
        "ours": Ours,
        "tpe": lambda _, seed: Optunas(samplers.TPESampler(seed=seed, n_startup_trials=8, constant_liar=True)),
        "tpe, multivariate": lambda _, seed: Optunas(
            samplers.TPESampler(seed=seed, n_startup_trials=8, constant_liar=True, multivariate=True)
        ),
        "optuna's gp": lambda _, seed: Optunas(samplers.GPSampler(seed=seed, n_startup_trials=8)),
        "chance": lambda _, seed: Optunas(samplers.RandomSampler(seed=seed)),
    }


# ---------------------------------------------------------------------------------------------------------- searching


@dataclass
class Search:
    """One simulated search."""

    world: World
    proposer: Any
    width: int
    """Trials that train at once."""
    trials: int
    random: np.random.Generator
    stopping: bool = True
    seen: list[Trial] = field(default_factory=list)
    clock: float = START_SECONDS

    def run(self) -> Iterator[tuple[float, list[Trial]]]:
        """Yield the time, and the trials in full so far, whenever there is one more."""
        while True:
            running = [trial for trial in self.seen if trial.state == TrialState.RUNNING]
            while len(running) < self.width and len(self.seen) < self.trials:
                params = self.proposer.ask(self.seen)
                self.seen.append(self.world.trial(len(self.seen), params, self.random))
                running.append(self.seen[-1])
            if not running:
                return
            steps = min(RUNG_STEPS[trial.rungs] - trial.step for trial in running)
            self.clock += steps * sum(trial.step_seconds[trial.rungs] for trial in running)
            for trial in running:
                trial.step += steps
                if trial.step == RUNG_STEPS[trial.rungs]:
                    trial.rungs += 1
                    if trial.rungs == len(RUNGS):
                        self._end(trial, TrialState.COMPLETE)
                        yield self.clock, [one for one in self.seen if one.state == TrialState.COMPLETE]
            for trial in running:
                if self.stopping and trial.state == TrialState.RUNNING and trial.rungs and self._is_dominated(trial):
                    self._end(trial, TrialState.STOPPED)

    def _end(self, trial: Trial, state: TrialState) -> None:
        trial.state = state
        self.proposer.tell(trial)

    def _is_dominated(self, trial: Trial) -> bool:
        at, floor = trial.rungs - 1, self.world.floor
        if at > 0 and trial.scores[at] - floor < CONFIDENT:
            return True
        return any(
            other.rungs > at
            and other.trained <= trial.trained
            and other.memory <= trial.memory
            and other.scores[at] - floor >= LEFT_FLOOR * (1 - floor)
            and other.scores[at] - trial.scores[at] > CONFIDENT
            for other in self.seen
            if other is not trial
        )


def volume(world: World, trials: list[Trial]) -> float:
    return hypervolume([t.scores[-1] for t in trials], [t.trained for t in trials], floor=world.floor)


def compare(args: argparse.Namespace) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    world = World(Path(args.table))
    full = []
    for seed in range(30):
        like_script = Optunas(optuna.samplers.TPESampler(seed=seed), objectives=2)
        search = Search(world, like_script, 1, 24, np.random.default_rng(500 + seed), stopping=False)
        *_, (_, done) = search.run()
        full.append(volume(world, done))
    target = statistics.median(full)
    print(f"target: hypervolume {target:.4f}, the median of 30 searches of 24 trials in full\n")
    print("| proposed by | at once | reached after, median (s) | never | at the end | after (s) | ms a proposal |")
    print("|---|---|---|---|---|---|---|")
    found: list[dict[str, Any]] = []
    for name, make in proposers().items():
        for width in args.width if not args.only or name in args.only else ():
            reached, ends, clocks, begun = [], [], [], time.perf_counter()
            for seed in range(args.searches):
                search = Search(world, make(world, seed), width, args.trials, np.random.default_rng(1000 + seed))
                curve = [(clock, volume(world, done)) for clock, done in search.run()]
                reached.append(next((clock for clock, v in curve if v >= target), math.inf))
                ends.append(curve[-1][1])
                clocks.append(search.clock)
            figures = {
                "proposer": name,
                "width": width,
                "reached": statistics.median(reached),
                "never": sum(map(math.isinf, reached)) / args.searches,
                "final": statistics.mean(ends),
                "seconds": statistics.mean(clocks),
                "proposal_ms": 1000 * (time.perf_counter() - begun) / args.searches / args.trials,
            }
            found.append(figures)
            print(
                f"| {name} | {width} | {figures['reached']:.0f} | {figures['never']:.0%} | {figures['final']:.4f}"
                f" | {figures['seconds']:.0f} | {figures['proposal_ms']:.0f} |",
                flush=True,
            )
    if args.out:
        result = {**provenance(world.device), "target": target, "searches": args.searches, "found": found}
        Path(args.out).write_text(json.dumps(result, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("csv")
    measuring.add_argument("--out", required=True)
    measuring.add_argument("--configs", type=int, default=128)
    measuring.add_argument("--model", help="folder; the demo's base unless set")
    measuring.set_defaults(run=measure)
    comparing = commands.add_parser("compare")
    comparing.add_argument("table")
    comparing.add_argument("--searches", type=int, default=24)
    comparing.add_argument("--trials", type=int, default=60)
    comparing.add_argument("--width", type=int, nargs="*", default=[1, 2, 4, 8])
    comparing.add_argument("--only", nargs="*")
    comparing.add_argument("--out")
    comparing.set_defaults(run=compare)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
