"""Finalists and baselines, trained in full on fresh seeds under the same data and rules; the test split, opened once.

Knows candidates and scores; what trains an adapter is handed in. Every finished training is kept in the run folder, so
that a resumed search repeats none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from autolora.answered import AnswerShelf, texts
from autolora.candidate_scores import CandidateScores
from autolora.domination import Judge
from autolora.engine.baselines import Fitted
from autolora.engine.costs import CostModel
from autolora.engine.jobs import Finished, Written, array_of
from autolora.fresh_trainings import FreshTrainings
from autolora.grids import Grid, default_grid, head_grid
from autolora.objectives import BY_LIKELIHOOD, GUIDE, Objective
from autolora.races import Race
from autolora.recommend import (
    CONSTANTS,
    Differences,
    best_of,
    choose,
    fitting_finalists,
    is_finished,
    margin_of,
    score_of,
)
from autolora.records import (
    AdapterConfig,
    Candidate,
    ConfirmRecord,
    Dataset,
    SeedResult,
    TrialRecord,
    TrialState,
)
from autolora.request import BaselineWish, Limits
from autolora.rivals import Base, ask_base, base_answers, base_loss, fitted_rivals, written_rivals
from autolora.seed_splits import SeedScores, SeedSplit
from autolora.solo_rivals import WORDS, SoloRivals, SoloTrainer
from autolora.tasks.problems import problem_of
from autolora.trainings import Adapter, OutOfTime, Trained, TrainingShelf, Trains
from autolora.units import OUT_OF_TIME
from autolora.verdict import DEFAULTS

SEEDS = 3

Array = NDArray[Any]


class Trainer(Base, SoloTrainer, Trains, Protocol):
    """What confirm needs of the engines."""

    def draw_split(self, name: str, rows: Sequence[int]) -> None:
        """Make a split known of rows that are counted through the training rows and on through the validation rows."""


@dataclass(frozen=True, kw_only=True)
class FirstSeed:
    """What ships of a candidate, should it."""

    adapter: Adapter
    """Weights by PEFT's names."""
    test_outputs: Array
    """See ``Problem.outputs``, or what it answered."""
    rows: Dataset
    """As this seed has them: of other validation rows it was trained on some."""


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """What confirm found."""

    record: ConfirmRecord
    chosen: Candidate | None
    ships: dict[str, FirstSeed] = field(default_factory=dict)
    """Candidate → what ships of it: of the chosen one, and of the default's forms; empty where nothing is chosen."""
    predictions: dict[str, Array] = field(default_factory=dict)
    """Candidate → what its first seed, or a rival, says of the test rows, where they are labelled."""
    scores: CandidateScores
    """By the metric that decides, on every seed's rows."""
    floor: float
    """What is to be had without training, by the metric that trials are compared by."""
    written: dict[str, Written] = field(default_factory=dict)
    """Candidate → what its first seed answered to the test rows, where answers are written."""
    losses: dict[str, Array] = field(default_factory=dict)
    """Candidate → summed loss and tokens of the wanted answers to the test rows, likewise."""
    first_adapters: dict[str, Finished | None] = field(default_factory=dict)
    """Candidate → the adapter of its first seed, and None for the base; the chosen one and the default only where rows
    are labelled."""


@dataclass
class Confirmation:
    """One run's confirmation."""

    dataset: Dataset
    """The rows to confirm on: the trainer's ``train`` and ``validation`` are the same."""
    metric: Objective
    costs: CostModel
    trainer: Trainer
    folder: Path
    """Keeps every finished training."""
    seed: int
    """Of the search; confirm's seeds follow it and are none that was searched with."""
    slots_per_engine: int
    required: Limits
    baselines: BaselineWish = "quick"
    baseline_seeds: int = SEEDS
    """How many of the seeds the default and the best of its rates are trained on; fewer where time is short."""
    every_seed: bool = True
    """Whether all seeds are scored on the test rows; the first, which ships and is judged, always is."""
    seconds_left: Callable[[], float] = lambda: math.inf
    """Of the time for what is not needed by all means."""
    out_of_time: OutOfTime = lambda: False
    """Whether to choose among what was trained by then."""
    settled: frozenset[str] | None = None
    """What an earlier process had trained when it chose; the choice then rests on these trainings, and on no others."""
    on_settled: Callable[[list[str]], None] = lambda trained: None
    """Is told what was trained when no more is."""
    on_trained: Callable[[int, int], None] = lambda done, total: None
    on_test_opened: Callable[[str], None] = lambda seal: None
    """Is called with what the choice rests on, in a hash, before the test rows are looked at."""

    def __post_init__(self) -> None:
        """Draw every seed's rows, and the resamples of the test rows."""
        self._problem = problem_of(self.dataset)
        self._kept = TrainingShelf(folder=self.folder)
        self._grids: list[Grid] = []
        self._scores: dict[str, SeedScores] = {}
        """Candidate → its scores on validation rows."""
        self._judge = CandidateScores.of(self.dataset, self.metric.name, self.seeds)
        self._splits = self._judge.splits
        closed = self.dataset.answers if self.metric.name in BY_LIKELIHOOD else ()
        self._answers = AnswerShelf(folder=self.folder, closed=closed)
        """Where answers are written, what has been."""
        self._writes = self._problem.name == "generation"
        self._left_out: dict[str, str] = {}
        if self._writes and self.baselines == "all":
            self._left_out = dict.fromkeys(WORDS, "where an answer is written it is not compared")
        self._judged_by_answers = self._writes and self.metric.name != GUIDE
        """Else by losses, and answers are written to the test rows only, to be read."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """The fresh seeds, named before anything is trained; the first is the one that ships."""
        return tuple(self.seed + 1 + at for at in range(SEEDS))

    def run(self, finalists: tuple[TrialRecord, ...], *, epochs: float, batch_size: int) -> Confirmed:
        """Train, choose on validation rows, open the test split, and score everything on it.

        Args:
            finalists: Trials to train again.
            epochs: Length of the baselines' training; the finalists have their own.
            batch_size: Of the baselines.
        """
        for split in self._splits.values():
            self.trainer.draw_split(split.train, split.rows.train)
            self.trainer.draw_split(split.validation, split.rows.validation)
        self._grids, self._schedule = [], (epochs, batch_size)
        if self.baselines != "none":
            self._grids = [default_grid(self.costs, epochs, batch_size)]
        if self.baselines != "none" and not self._writes:
            self._grids.append(head_grid(self.costs, epochs, batch_size))
        few = self.seeds[: self.baseline_seeds]
        jobs = [(f"finalist_{t.number}", t.config, seed) for t in finalists if t.config for seed in self.seeds]
        jobs += [("default_lora", g.configs["default_lora"], seed) for g in self._grids[:1] for seed in few]
        # A grid's rates meet on one seed; only the best of them is worth the others.
        jobs += [(n, c, few[0]) for g in self._grids for n, c in g.configs.items() if n != "default_lora"]
        trainings = self._trainings()
        # Should time be over too early, every seed that there is has all of them.
        best = trainings.train(sorted(jobs, key=lambda job: job[2]))
        if self.settled is None:
            self.on_settled(trainings.stems())
        self._left_out |= trainings.missing(best)
        candidates = [
            self._candidate(name, _in_words(t.config), trial=t)
            for t in finalists
            if t.config and trainings.has(name := f"finalist_{t.number}")
        ]
        for grid in self._grids:
            default = grid.configs.get("default_lora")
            if default is not None and trainings.has("default_lora"):
                candidates.append(self._candidate("default_lora", f"Default LoRA: {_in_words(default)}"))
            if grid.name in best:
                rate = grid.configs[best[grid.name]].learning_rate
                words = f"{grid.words} with the best of rates {grid.rates}: {rate:g}"
                candidates.append(self._candidate(best[grid.name], words, name=grid.name))
        return self._open_test(tuple(candidates))

    # -------------------------------------------------------------------------------------------------------- training

    def _trainings(self) -> FreshTrainings:
        return FreshTrainings(
            trainer=self.trainer,
            kept=self._kept,
            splits=self._splits,
            grids=self._grids,
            races=[self._race(grid) for grid in self._grids],
            slots_per_engine=self.slots_per_engine,
            baseline_seeds=self.baseline_seeds,
            loss=self._loss,
            seconds_left=self.seconds_left,
            out_of_time=self.out_of_time,
            settled=self.settled,
            on_trained=self.on_trained,
            after=self._ask_trained,
        )

    def _ask_trained(self, trained: Sequence[Trained]) -> None:
        """Have adapters that were trained answer to their validation prompts, where that judges them."""
        if self._judged_by_answers:
            for seed, split in self._splits.items():
                self._ask(split.validation, [kept for kept in trained if kept.is_complete and kept.seed == seed])

    def _race(self, grid: Grid) -> Race:
        """Return the race of a grid's rates on the first seed, by what trials are compared by."""
        split = self._splits[self.seeds[0]]
        if not self._writes:
            judge = Judge(self._problem, split.scorer)
        else:
            scorer = SeedSplit.drawn(self.dataset, GUIDE, split.seed).scorer
            judge = Judge(self._problem, scorer, free=self.trainer.outputs([None], split.validation)[0])
        return Race(names=list(grid.configs), spared=("default_lora",), judge=judge)

    def _ask(self, split: str, trained: Sequence[Trained]) -> None:
        """Have finished adapters answer to a split's prompts, unless their answers are kept."""
        adapters = [(k.stem, k.weights_sha256, (k.config, self._kept.weights(k.name, k.seed))) for k in trained]
        self._answers.ask(self.trainer, split, adapters)

    def _answered(self, split: str, kept: Trained) -> Written:
        return self._answers.of(split, kept.stem, kept.weights_sha256)

    # --------------------------------------------------------------------------------------------------------- scoring

    def _loss(self, name: str, seed: int) -> float:
        kept = self._kept.of(name, seed)
        return math.inf if kept is None or not kept.is_complete else self._judge.loss(seed, self._outputs(kept))

    def _outputs(self, kept: Trained) -> Array:
        """Return what a training's adapter says of the validation rows."""
        if self._judged_by_answers:
            return texts(self._answered(self._splits[kept.seed].validation, kept))
        return array_of(kept.outputs)

    def _candidate(
        self, stored: str, description: str, *, name: str = "", trial: TrialRecord | None = None
    ) -> Candidate:
        """Return a candidate from its kept trainings."""
        kept = [k for seed in self.seeds if (k := self._kept.of(stored, seed)) is not None]
        decided = {k.seed: self._judge.decided(k.seed, self._outputs(k)) for k in kept if k.is_complete}
        scores = self._judge.on_validation({seed: predictions for seed, (predictions, _) in decided.items()})
        self._scores[name or stored] = scores
        config = kept[0].config
        return Candidate(
            name=name or stored,
            kind="finalist" if trial else "baseline",
            description=description,
            config=config,
            trial=trial.number if trial else None,
            seeds=tuple(
                SeedResult(
                    seed=k.seed,
                    validation=scores.scores.get(k.seed),
                    threshold=decided[k.seed][1] if k.seed in decided else None,
                    seconds=k.seconds,
                    state=k.state,
                    cause=k.cause,
                )
                for k in kept
            ),
            validation=scores.mean if decided else None,
            validation_standard_error=scores.standard_error if decided else None,
            trainable_params=self.costs.trainable_params(config),
            adapter_bytes=self.costs.adapter_bytes(config),
            peak_memory_bytes=self.costs.peak_memory_bytes(config),
            seconds=sum(k.seconds for k in kept),
        )

    def _open_test(self, candidates: tuple[Candidate, ...]) -> Confirmed:
        """Choose, and only then score on the test split, everything in one go."""
        against_each_other = self._validation_differences(candidates)
        chosen = choose(candidates, against_each_other, self.metric, self.required)
        data = self.dataset
        self.on_test_opened(self._seal(candidates, chosen))
        self.trainer.add_split("test", data.test)
        places = [
            (candidate, result)
            for candidate in candidates
            for result in (candidate.seeds if self.every_seed else candidate.seeds[:1])
            if result.state == TrialState.COMPLETE
        ]
        outputs = {
            (candidate.name, result.seed): found
            for (candidate, result), found in zip(places, self._test_outputs(places), strict=True)
        }
        found = {
            (candidate.name, result.seed): self._problem.predictions(
                outputs[candidate.name, result.seed], result.threshold
            )
            for candidate, result in places
        }
        passing = None if self._writes else self.trainer.pass_seconds("test")
        rivals = (*self._rivals(), *(self._solo_rivals(candidates, passing) if passing is not None else ()))
        simple = [self._judge.rival(fitted) for fitted in rivals]
        first = {c.name: found[c.name, c.seeds[0].seed] for c in candidates if (c.name, c.seeds[0].seed) in found}
        first |= {candidate.name: predictions for candidate, predictions in simple}
        written = self._written(candidates, first) if self._writes else {}
        tested = (*(self._judge.with_test(c, found) for c in candidates), *(candidate for candidate, _ in simple))
        scored = tuple(_with_pace(candidate, passing, written.get(candidate.name)) for candidate in tested)
        differences = {}
        if chosen is not None:
            others = ((name, own) for name, own in first.items() if name != chosen.name)
            differences = {n: self._judge.test.difference95(first[chosen.name], own) for n, own in others}
        record = ConfirmRecord(
            candidates=scored,
            paired_test_differences=differences,
            validation_differences=against_each_other,
            margin=self._margin(candidates),
            left_out=dict(self._left_out),
            kpis={} if chosen is None else self._kpis(chosen),
            rows={"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
            test_opened_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        kept = [c for c in candidates if self._writes or (chosen and c.name in (chosen.name, "default_lora"))]
        adapters = self._first_adapters(kept, first)
        confirmed = Confirmed(
            record=record,
            chosen=None,
            predictions={} if self._writes else first,
            scores=self._judge,
            floor=self._floor(scored),
            written=written,
            losses=self._losses(adapters) if self._writes else {},
            first_adapters=adapters,
        )
        if chosen is None:
            return confirmed
        return replace(
            confirmed,
            chosen=next(c for c in scored if c.name == chosen.name),
            ships={
                c.name: FirstSeed(
                    adapter=self._weights(c, seed),
                    test_outputs=outputs[c.name, seed],
                    rows=self._splits[seed].of(self.dataset),
                )
                for c in candidates
                if c.name in (chosen.name, *DEFAULTS) and (c.name, seed := c.seeds[0].seed) in outputs
            },
        )

    def _seal(self, candidates: Sequence[Candidate], chosen: Candidate | None) -> str:
        """Return a hash of the choice and of every adapter that is looked at: what test scores could tempt to alter."""
        trained = [
            (c.name, s.seed, kept.weights_sha256)
            for c in candidates
            for s in c.seeds
            if (kept := self._training(c, s.seed)) is not None
        ]
        return sha256(repr((chosen and chosen.name, trained)).encode()).hexdigest()

    def _kpis(self, chosen: Candidate) -> dict[str, float]:
        """Return the chosen one's scores by the other metrics that scores are asked of."""
        kept = [k for s in chosen.seeds if (k := self._training(chosen, s.seed)) is not None and k.is_complete]
        predicted = {k.seed: self._judge.decided(k.seed, self._outputs(k))[0] for k in kept}
        return {metric: self._judge.by_metric(metric, predicted) for metric in self.required.kpi}

    def _validation_differences(self, candidates: Sequence[Candidate]) -> Differences:
        """Return how each finalist stands against each other one on validation rows."""
        there = [c.name for c in candidates if c.kind == "finalist" and is_finished(c)]
        return {
            one: {
                other: self._scores[one].less(self._scores[other], comparisons=len(there) - 1)
                for other in there
                if other != one
            }
            for one in there
        }

    def _margin(self, candidates: tuple[Candidate, ...]) -> float:
        """Return the margin within which one is as good as another."""
        fitting = fitting_finalists(candidates, self.metric, self.required)
        best = score_of(best_of(fitting, self.metric)) if fitting else 1.0
        return margin_of(self.metric, self.required, best)

    def _written(self, candidates: Sequence[Candidate], first: dict[str, Array]) -> dict[str, Written]:
        """Return what first seeds and rivals answered to the test rows, with the time that an answer took."""
        own = {
            candidate.name: kept
            for candidate in candidates
            if candidate.name in first and (kept := self._training(candidate, candidate.seeds[0].seed)) is not None
        }
        self._ask("test", list(own.values()))
        ask_base(self._answers, self.trainer, "test")
        found = {name: self._answered("test", kept) for name, kept in own.items()} | base_answers(self._answers, "test")
        if not self._judged_by_answers:
            return found
        return {name: Written(texts=tuple(map(str, row)), seconds=0.0) for name, row in first.items()} | found

    def _losses(self, adapters: dict[str, Finished | None]) -> dict[str, Array]:
        """Return the losses of first seeds and of the base on the wanted answers to the test rows."""
        return dict(zip(adapters, self.trainer.outputs(list(adapters.values()), "test"), strict=True))

    def _first_adapters(self, candidates: Sequence[Candidate], first: dict[str, Array]) -> dict[str, Finished | None]:
        there = [c for c in candidates if c.name in first]
        adapters: dict[str, Finished | None] = {
            c.name: (self._config_of(c), self._weights(c, c.seeds[0].seed)) for c in there
        }
        return adapters | ({"zero_shot": None} if self._writes else {})

    def _test_outputs(self, places: Sequence[tuple[Candidate, SeedResult]]) -> list[Array]:
        """Return the outputs of trained candidates on the test rows."""
        if not self._judged_by_answers:
            wanted = [(self._config_of(c), self._weights(c, result.seed)) for c, result in places]
            return self.trainer.outputs(wanted, "test")
        trained = [self._training(c, result.seed) for c, result in places]
        there = [k for k in trained if k is not None]
        self._ask("test", there)
        return [texts(self._answered("test", k)) for k in there]

    def _rivals(self) -> list[dict[int, Fitted]]:
        """Return what needs no adapter, each by the seeds whose rows it was fitted on."""
        first = self._splits[self.seeds[0]]
        if self._judged_by_answers:
            rivals = written_rivals(first.of(self.dataset), self.trainer, self._answers, first)
            return [{first.seed: fitted} for fitted in rivals]
        if self._writes:
            return [{first.seed: base_loss(self.trainer, first)}]
        fits = {seed: fitted_rivals(split.of(self.dataset), self.metric.name) for seed, split in self._splits.items()}
        return [dict(zip(fits, each, strict=True)) for each in zip(*fits.values(), strict=True)]

    def _solo_rivals(self, candidates: Sequence[Candidate], pass_seconds: float) -> list[dict[int, Fitted]]:
        """Return what cannot share the base, where it is wanted; note what was left out, and why."""
        if self.baselines != "all":
            return []
        default = next((c for c in candidates if c.name == "default_lora"), None)
        if default is None:
            self._left_out |= dict.fromkeys(WORDS, OUT_OF_TIME)
            return []
        epochs, batch_size = self._schedule
        rivals = SoloRivals(
            trainer=self.trainer,
            scores=self._judge,
            folder=self.folder,
            seeds=self.seeds[: self.baseline_seeds],
            epochs=epochs,
            batch_size=batch_size,
            pass_seconds=pass_seconds,
            adapter_seconds=default.seconds / len(default.seeds),
            seconds_left=self.seconds_left,
        )
        found = {method: rivals.fitted(method) for method in WORDS}
        self._left_out |= {method: why for method, (_, why) in found.items() if why}
        return [fitted for fitted, _ in found.values() if fitted]

    def _floor(self, scored: Sequence[Candidate]) -> float:
        """Return what is to be had without training, by what trials are compared by."""
        if self._writes:
            summed, tokens = self.trainer.outputs([None], "validation")[0].sum(axis=0)
            return float(summed / tokens)
        return next(c.validation or 0.0 for c in scored if c.name in CONSTANTS)

    def _config_of(self, candidate: Candidate) -> AdapterConfig:
        if candidate.config is None:
            raise ValueError(f"{candidate.name} is no adapter")
        return candidate.config

    def _stored_name(self, candidate: Candidate) -> str:
        """Return what a candidate's trainings are called: the best of a grid is stored under its rate."""
        grid = next((each for each in self._grids if each.name == candidate.name), None)
        return candidate.name if grid is None else grid.stored(self._config_of(candidate))

    def _training(self, candidate: Candidate, seed: int) -> Trained | None:
        return self._kept.of(self._stored_name(candidate), seed)

    def _weights(self, candidate: Candidate, seed: int) -> Adapter:
        return self._kept.weights(self._stored_name(candidate), seed)


def _with_pace(candidate: Candidate, passing: float | None, written: Written | None) -> Candidate:
    """Return a candidate with the time of a thousand answers, if it takes a pass through the base, or writes."""
    if candidate.config is not None and passing is not None:
        return replace(candidate, seconds_a_thousand=1000 * passing)
    if written is not None and written.seconds > 0:
        return replace(candidate, seconds_a_thousand=1000 * written.seconds)
    return candidate


def _in_words(config: AdapterConfig | None) -> str:
    if config is None:
        return ""
    modules = ", ".join(m.rsplit(".", 1)[-1] if "dense" not in m else m for m in config.target_modules)
    first, last = config.layers[0], config.layers[-1]
    layers = f"layer {first}" if first == last else f"layers {first} to {last}"
    scaling = f"alpha {config.alpha:g}{' (rsLoRA)' if config.use_rslora else ''}"
    return f"r {config.rank}, {scaling}, {modules}, {layers}, rate {config.learning_rate:.2g}"
