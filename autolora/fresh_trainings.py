"""Trainings of finalists and of grids of rates on fresh seeds, until all are done or time is over.

Knows configurations, seeds and a clock; how good an adapter is, is handed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from autolora.domination import RUNGS
from autolora.engine.jobs import Report, array_of
from autolora.grids import MOST_STEPS, Grid
from autolora.races import Race
from autolora.records import AdapterConfig
from autolora.seed_splits import SeedSplit
from autolora.trainings import OutOfTime, Trained, TrainingShelf, Trains, Wanted, stem_of
from autolora.units import OUT_OF_TIME

FreshJob = tuple[str, AdapterConfig, int]
"""What a training is called, its configuration and its seed."""


@dataclass(kw_only=True)
class FreshTrainings:
    """Those of one search."""

    trainer: Trains
    kept: TrainingShelf
    splits: Mapping[int, SeedSplit]
    """By seed; rates meet on the first."""
    grids: list[Grid]
    races: Sequence[Race]
    """One for each grid."""
    slots_per_engine: int
    baseline_seeds: int
    """How many of the seeds the best of a grid's rates is trained on."""
    loss: Callable[[str, int], float]
    """Of a training by its name and seed; infinite where it is not complete."""
    seconds_left: Callable[[], float]
    """Of the time for what is not needed by all means."""
    out_of_time: OutOfTime
    settled: frozenset[str] | None
    """What an earlier process had trained when it chose: then these trainings are had, and no others."""
    on_trained: Callable[[int, int], None]
    after: Callable[[Sequence[Trained]], None] = lambda trained: None
    """Is handed those that were asked for, once they are done."""
    _wanted: list[FreshJob] = field(default_factory=list)
    _total: int = 0

    @property
    def first(self) -> int:
        """The seed on which rates meet."""
        return next(iter(self.splits))

    def train(self, jobs: Sequence[FreshJob]) -> dict[str, str]:
        """Train jobs, then further rates of the grids whose best is at an end, then the best of each on more seeds.

        Args:
            jobs: The grids' rates on the first seed are among them.

        Returns:
            Grid → what the trainings at its best rate are called; of a grid that time was over for there is none.
        """
        self._total = len(jobs) + len(self.grids) * (self.baseline_seeds - 1)
        self._train(jobs)
        self._go_beyond()
        best = {grid.name: self._best(grid) for grid in self.grids if self._is_decided(grid)}
        more = list(self.splits)[1 : self.baseline_seeds]
        self._train(
            [
                (best[grid.name], grid.configs[best[grid.name]], seed)
                for grid in self.grids
                if best.get(grid.name, "default_lora") != "default_lora"  # which has those seeds anyhow
                for seed in more
            ]
        )
        return best

    def stems(self) -> list[str]:
        """Return what the files of all that is trained are called."""
        return [stem_of(name, seed) for name, _, seed in self._wanted if self.has(name, seed)]

    def has(self, name: str, seed: int | None = None) -> bool:
        """Return whether there is a training on a seed, the first unless told; else time was over before."""
        at = self.first if seed is None else seed
        is_settled = self.settled is None or stem_of(name, at) in self.settled
        return is_settled and self.kept.of(name, at) is not None

    def missing(self, best: Mapping[str, str]) -> dict[str, str]:
        """Return what time was over for, and in which words that is said.

        Args:
            best: What ``train`` returned.
        """
        in_grids = {name for grid in self.grids for name in grid.configs} - {"default_lora"}
        names = dict.fromkeys(name for name, _, _ in self._wanted if name not in in_grids)
        lacking = [name for name in names if not self.has(name)]
        lacking += [grid.name for grid in self.grids if grid.name not in best]
        found = dict.fromkeys(lacking, OUT_OF_TIME)
        others = [self.has(n, seed) for n, _, seed in self._wanted if n not in lacking and seed != self.first]
        if not all(others):
            found["fresh_seeds"] = f"the budget ended after {sum(others)} of {len(others)}"
        return found

    def _train(self, jobs: Sequence[FreshJob]) -> None:
        """Train what is not kept yet, beside all that was wanted before: what is alike is trained once."""
        self._wanted += jobs
        racing = {
            (config, self.first): (race, name)
            for grid, race in zip(self.grids, self.races, strict=True)
            for name, config in grid.configs.items()
        }
        every = [
            Wanted(
                name=name,
                config=config,
                seed=seed,
                train=self.splits[seed].train,
                validation=self.splits[seed].validation,
                rungs=RUNGS if (config, seed) in racing else (1.0,),
            )
            for name, config, seed in self._wanted
            if self.settled is None or stem_of(name, seed) in self.settled
        ]
        done = len(every) - len(self.kept.due(every))

        def count() -> None:
            nonlocal done
            done += 1
            self.on_trained(done, self._total)

        def judge(passed: Wanted, report: Report) -> dict[str, str]:
            race, name = racing[passed.config, passed.seed]
            return race.passed(name, report.rung or 0, array_of(report.outputs))

        self.kept.train(
            self.trainer,
            every,
            slots_per_engine=self.slots_per_engine,
            on_kept=count,
            on_rung=judge,
            out_of_time=self.out_of_time if self.settled is None else lambda: False,
        )
        self.after([kept for name, _, seed in jobs if (kept := self.kept.of(name, seed)) is not None])

    def _best(self, grid: Grid) -> str:
        return min(grid.configs, key=lambda name: self.loss(name, self.first))

    def _is_decided(self, grid: Grid) -> bool:
        """Return whether it is known which of a grid's rates is best."""
        return all(self.has(name) for name in grid.configs)

    def _go_beyond(self) -> None:
        """Try further rates of the grids whose best is at an end, as far as there is time: nobody would stop there."""
        for _ in range(MOST_STEPS):
            losses = [{name: self.loss(name, self.first) for name in grid.configs} for grid in self.grids]
            further = {at: name for at, grid in enumerate(self.grids) if (name := grid.beyond(losses[at]))}
            if self.settled is not None:
                further = {at: name for at, name in further.items() if stem_of(name, self.first) in self.settled}
            elif self._seconds_beyond([min(losses[at], key=losses[at].__getitem__) for at in further]) > (
                self.seconds_left()
            ):
                return
            if not further:
                return
            before = list(self.grids)
            for at, name in further.items():
                self.grids[at] = self.grids[at].extended(name)
                self.races[at].enter(name)
            self._total += len(further)
            self._train([(name, self.grids[at].configs[name], self.first) for at, name in further.items()])
            for at, name in further.items():
                if not self.has(name):  # time was over: it stays as it was
                    self.grids[at] = before[at]

    def _seconds_beyond(self, best: Sequence[str]) -> float:
        """Return what further rates will take, and then all grids on the other seeds, by the best so far."""
        to_come = len(self.grids) * (self.baseline_seeds - 1)
        kept = [self.kept.of(name, self.first) for name in best]
        return (1 + to_come) * math.fsum(one.seconds for one in kept if one is not None)
