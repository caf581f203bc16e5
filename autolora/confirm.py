"""Finalists and baselines, trained in full on fresh seeds under the same data and rules; the test split, opened once.

Knows candidates and scores; what trains an adapter is handed in. Every finished training is kept in the run folder, so
that a resumed search repeats none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from msgspec import MsgspecError
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from autolora.answered import AnswerShelf, texts, written_rivals
from autolora.durable import unwritable, write_whole
from autolora.engine import baselines
from autolora.engine.costs import CostModel
from autolora.engine.jobs import Finished, Job, Report, Written, array_of
from autolora.objectives import BY_LIKELIHOOD, GUIDE, Objective
from autolora.recommend import CONSTANTS, choose
from autolora.records import (
    AdapterConfig,
    Candidate,
    ConfirmRecord,
    Dataset,
    SeedResult,
    Split,
    TrialRecord,
    TrialState,
    from_json,
    to_json,
)
from autolora.request import Limits
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import problem_of

SEEDS = 3
DEFAULT_RATE = 2e-4
RATE_GRID = (2e-4, 6e-4, 2e-3, 6e-3)
"""Learning rates tried on the default adapter; the first is the default's own."""

Array = NDArray[Any]
Adapter = dict[str, Any]


class Trainer(Protocol):
    """What confirm needs of the engines."""

    def train(self, jobs: Sequence[Job], *, slots_per_engine: int, on_done: Callable[[Job, Report], None]) -> None:
        """Train jobs in full and hand over each one's last report."""

    def add_split(self, name: str, split: Split, examples: int = 0) -> None:
        """Make another split known, whose prompts may begin with examples."""

    def outputs(self, adapters: Sequence[Finished | None], split: str) -> list[Any]:
        """Return what the problem keeps of each adapter's, or the bare base's, scores on a split."""

    def answers(self, adapters: Sequence[Finished | None], split: str, *, closed: Sequence[str] = ()) -> list[Written]:
        """Return what each finished adapter, or the bare base, answers to a split's prompts."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One training in full."""

    name: str
    config: AdapterConfig
    seed: int
    state: TrialState
    cause: str
    seconds: float
    outputs: bytes
    """On the validation rows; see ``engine.jobs.array_of``."""
    weights_sha256: str = ""
    """Of the file with its adapter; empty where there is none."""


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """What confirm found."""

    record: ConfirmRecord
    chosen: Candidate | None
    adapter: Adapter | None
    """Weights of the chosen candidate's first seed, by PEFT's names."""
    test_outputs: Array | None
    """Of that adapter; see ``Problem.outputs``, or what it answered."""
    floor: float
    """What is to be had without training, by the metric that trials are compared by."""
    written: dict[str, Written] = field(default_factory=dict)
    """Candidate → what its first seed answered to the test rows, where answers are written."""
    losses: dict[str, Array] = field(default_factory=dict)
    """Candidate → summed loss and tokens of the wanted answers to the test rows, likewise."""
    first_adapters: dict[str, Finished | None] = field(default_factory=dict)
    """Candidate → the adapter of its first seed, likewise; None is the base."""


def default_config(costs: CostModel, epochs: float, batch_size: int, rate: float = DEFAULT_RATE) -> AdapterConfig:
    """Return what people take without a search: r 8, alpha 16 on attention's query and value in every layer."""
    params = {
        "rank": 8, "alpha_over_rank": 2, "use_rslora": False, "target_modules": "attention_qv", "layers": "all",
        "learning_rate": rate, "dropout": 0.0, "warmup_share": 0.0, "weight_decay": 0.0,
        "epochs": epochs, "batch_size": batch_size,
    }  # fmt: skip
    return costs.config(params)


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
    baseline_seeds: int = SEEDS
    """How many of the seeds the default and the best of its rates are trained on; fewer where time is short."""
    every_seed: bool = True
    """Whether all seeds are scored on the test rows; the first, which ships and is judged, always is."""
    on_trained: Callable[[int, int], None] = lambda done, total: None
    on_test_opened: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        """Draw the resamples of both splits."""
        self._problem = problem_of(self.dataset)
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        self._validation, self._test = (
            Scorer.build(self.metric.name, self._problem.targets(split.labels), len(self._problem.classes))
            for split in (self.dataset.validation, self.dataset.test)
        )
        self._shelves: dict[str, AnswerShelf] = {}
        if self._problem.name == "generation" and self.metric.name != GUIDE:
            closed = self.dataset.answers if self.metric.name in BY_LIKELIHOOD else ()
            self._shelves = {
                split: AnswerShelf(folder=self.folder, split=split, closed=closed) for split in ("validation", "test")
            }

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
        default = default_config(self.costs, epochs, batch_size)
        configs = {f"finalist_{t.number}": t.config for t in finalists if t.config is not None} | {
            "default_lora": default
        }
        grid = {rate: replace(default, learning_rate=rate) for rate in RATE_GRID}
        first = self.seeds[0]
        # The grid's rates meet on one seed; only the best of them is worth the others.
        seeds_of = dict.fromkeys(configs, self.seeds) | {"default_lora": self.seeds[: self.baseline_seeds]}
        jobs = [(name, config, seed) for name, config in configs.items() for seed in seeds_of[name]]
        jobs += [(f"rate_{rate:g}", config, first) for rate, config in grid.items() if rate != DEFAULT_RATE]
        self._done, self._total = 0, len(jobs) + self.baseline_seeds - 1
        self._train(jobs)
        best_rate = min(RATE_GRID, key=lambda rate: self._loss(self._rate_name(rate), first))
        if best_rate != DEFAULT_RATE:
            self._train([(self._rate_name(best_rate), grid[best_rate], seed) for seed in seeds_of["default_lora"][1:]])
        candidates = [
            self._candidate(f"finalist_{t.number}", _in_words(t.config), trial=t) for t in finalists if t.config
        ]
        candidates.append(self._candidate("default_lora", f"Default LoRA: {_in_words(default)}"))
        tried = ", ".join(f"{rate:g}" for rate in RATE_GRID)
        candidates.append(
            self._candidate(
                self._rate_name(best_rate),
                f"Default LoRA with the best of rates {tried}: {best_rate:g}",
                name="rate_grid",
            )
        )
        return self._open_test(tuple(candidates))

    # -------------------------------------------------------------------------------------------------------- training

    def _train(self, wanted: list[tuple[str, AdapterConfig, int]]) -> None:
        """Train what is not kept yet."""
        jobs, meaning = [], {}
        for name, config, seed in wanted:
            kept, state = self._kept(name, seed), self._path(name, seed).with_suffix(".state")
            if kept is not None and kept.config == config and self._has_weights(kept):
                state.unlink(missing_ok=True)  # a kill may have come between the record and this
                self._done += 1
                continue
            job = Job(slot=f"confirm {name} {seed}", config=config, seed=seed, keep_adapter=True, state_file=str(state))
            jobs.append(job)
            meaning[job.slot] = (name, seed)

        def keep(job: Job, report: Report) -> None:
            name, seed = meaning[job.slot]
            self._keep(name, seed, job.config, report)
            self._done += 1
            self.on_trained(self._done, self._total)

        if jobs:
            self.trainer.train(jobs, slots_per_engine=self.slots_per_engine, on_done=keep)
        if self._shelves:
            trained = [self._kept(name, seed) for name, _, seed in wanted]
            self._ask("validation", [k for k in trained if k is not None and k.state == TrialState.COMPLETE])

    def _ask(self, split: str, trained: Sequence[Trained]) -> None:
        """Have finished adapters answer to a split's prompts, unless their answers are kept."""
        adapters = [
            (self._path(k.name, k.seed).stem, k.weights_sha256, (k.config, self._weights_of(k.name, k.seed)))
            for k in trained
        ]
        self._shelves[split].ask(self.trainer, adapters)

    def _answered(self, split: str, kept: Trained) -> Written:
        return self._shelves[split].of(self._path(kept.name, kept.seed).stem, kept.weights_sha256)

    def _path(self, name: str, seed: int) -> Path:
        return self.folder / f"{re.sub(r'[^a-z0-9_.-]', '_', name)}-{seed}.json"

    def _keep(self, name: str, seed: int, config: AdapterConfig, report: Report) -> None:
        trained = Trained(
            name=name,
            config=config,
            seed=seed,
            state=report.failure or TrialState.COMPLETE,
            cause=report.cause,
            seconds=report.seconds,
            outputs=report.outputs,
        )
        path = self._path(name, seed)
        if report.adapter is not None:
            weights = save({k: np.ascontiguousarray(v) for k, v in report.adapter.items()})
            trained = replace(trained, weights_sha256=sha256(weights).hexdigest())
            write_whole(path.with_suffix(".safetensors"), weights, at="confirm.weights")
        # Last: only what has its weights beside it counts as trained.
        write_whole(path, to_json(trained).encode(), at="confirm.record")
        path.with_suffix(".state").unlink(missing_ok=True)

    def _kept(self, name: str, seed: int) -> Trained | None:
        """Return a training that was kept; a damaged record is none, and what it stood for is trained again."""
        path = self._path(name, seed)
        try:
            return from_json(path.read_bytes(), Trained)
        except (FileNotFoundError, MsgspecError):
            return None

    def _has_weights(self, kept: Trained) -> bool:
        """Whether the adapter beside a record is the one that was trained."""
        path = self._path(kept.name, kept.seed).with_suffix(".safetensors")
        return kept.weights_sha256 == (sha256(path.read_bytes()).hexdigest() if path.exists() else "")

    def _rate_name(self, rate: float) -> str:
        return "default_lora" if rate == DEFAULT_RATE else f"rate_{rate:g}"

    # --------------------------------------------------------------------------------------------------------- scoring

    def _loss(self, name: str, seed: int) -> float:
        kept = self._kept(name, seed)
        if kept is None or kept.state != TrialState.COMPLETE:
            return math.inf
        return self.metric.loss(self._validation.value(self._decided(kept)[0]))

    def _decided(self, kept: Trained) -> tuple[Array, float | None]:
        """Return a training's predictions on the validation rows, and the threshold that these rows chose."""
        outputs = texts(self._answered("validation", kept)) if self._shelves else array_of(kept.outputs)
        threshold = self._problem.threshold(outputs, self._validation)
        return self._problem.predictions(outputs, threshold), threshold

    def _candidate(
        self, stored: str, description: str, *, name: str = "", trial: TrialRecord | None = None
    ) -> Candidate:
        """Return a candidate from its kept trainings."""
        kept = [k for seed in self.seeds if (k := self._kept(stored, seed)) is not None]
        decided = {k.seed: self._decided(k) for k in kept if k.state == TrialState.COMPLETE}
        complete = [predictions for predictions, _ in decided.values()]
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
                    validation=self._validation.score(decided[k.seed][0]) if k.seed in decided else None,
                    threshold=decided[k.seed][1] if k.seed in decided else None,
                    seconds=k.seconds,
                    state=k.state,
                    cause=k.cause,
                )
                for k in kept
            ),
            validation=float(np.mean([self._validation.value(p) for p in complete])) if complete else None,
            validation_standard_error=self._standard_error(complete),
            trainable_params=self.costs.trainable_params(config),
            adapter_bytes=self.costs.adapter_bytes(config),
            peak_memory_bytes=self.costs.peak_memory_bytes(config),
            seconds=sum(k.seconds for k in kept),
        )

    def _standard_error(self, predictions: list[Array]) -> float | None:
        """Return the standard error of a mean over seeds: noise of rows and noise of seeds, added in squares."""
        if not predictions:
            return None
        rows = np.mean([self._validation.replicates(p) for p in predictions], axis=0).std()
        values = [self._validation.value(p) for p in predictions]
        seeds = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0.0
        return float(np.hypot(rows, seeds))

    def _open_test(self, candidates: tuple[Candidate, ...]) -> Confirmed:
        """Choose, and only then score on the test split, everything in one go."""
        chosen = choose(candidates, self.metric, self.required)
        data = self.dataset
        self.on_test_opened()
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
        simple = [self._simple(f) for f in self._rivals()]
        scored = tuple(self._with_test(c, found) for c in candidates) + tuple(candidate for candidate, _ in simple)
        first = {c.name: found[c.name, c.seeds[0].seed] for c in candidates if (c.name, c.seeds[0].seed) in found}
        first |= {candidate.name: predictions for candidate, predictions in simple}
        differences = (
            {n: self._test.difference95(first[chosen.name], other) for n, other in first.items() if n != chosen.name}
            if chosen is not None
            else {}
        )
        record = ConfirmRecord(
            candidates=scored,
            paired_test_differences=differences,
            test_opened_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        adapters = self._first_adapters(candidates, first) if self._problem.name == "generation" else {}
        confirmed = Confirmed(
            record=record,
            chosen=None,
            adapter=None,
            test_outputs=None,
            floor=self._floor(scored),
            written=self._written(candidates, first) if self._shelves else {},
            losses=self._losses(adapters) if adapters else {},
            first_adapters=adapters,
        )
        if chosen is None:
            return confirmed
        return replace(
            confirmed,
            chosen=next(c for c in scored if c.name == chosen.name),
            adapter=self._weights(chosen, chosen.seeds[0].seed),
            test_outputs=outputs[chosen.name, chosen.seeds[0].seed],
        )

    def _written(self, candidates: Sequence[Candidate], first: dict[str, Array]) -> dict[str, Written]:
        """Return what first seeds and rivals answered to the test rows, with the time that an answer took."""
        found = {name: Written(texts=tuple(map(str, own)), seconds=0.0) for name, own in first.items()}
        for candidate in candidates:
            kept = self._kept(self._stored_name(candidate), candidate.seeds[0].seed)
            if candidate.name in found and kept is not None:
                found[candidate.name] = self._answered("test", kept)
        for name in ("zero_shot", "few_shot"):
            split = "test" if name == "zero_shot" else "few_shot_test"
            found[name] = replace(self._shelves["test"], split=split).of(name, "")
        return found

    def _losses(self, adapters: dict[str, Finished | None]) -> dict[str, Array]:
        """Return the losses of first seeds and of the base on the wanted answers to the test rows."""
        return dict(zip(adapters, self.trainer.outputs(list(adapters.values()), "test"), strict=True))

    def _first_adapters(self, candidates: Sequence[Candidate], first: dict[str, Array]) -> dict[str, Finished | None]:
        there = [c for c in candidates if c.name in first]
        adapters = {c.name: (self._config_of(c), self._weights(c, c.seeds[0].seed)) for c in there}
        return {**adapters, "zero_shot": None}

    def _test_outputs(self, places: Sequence[tuple[Candidate, SeedResult]]) -> list[Array]:
        """Return the outputs of trained candidates on the test rows."""
        if not self._shelves:
            wanted = [(self._config_of(c), self._weights(c, result.seed)) for c, result in places]
            return self.trainer.outputs(wanted, "test")
        trained = [self._kept(self._stored_name(c), result.seed) for c, result in places]
        there = [k for k in trained if k is not None]
        self._ask("test", there)
        return [texts(self._answered("test", k)) for k in there]

    def _rivals(self) -> list[baselines.Fitted]:
        """Return what needs no adapter."""
        data = self.dataset
        if self._problem.name != "generation":
            return [
                fit(self._problem, self.metric.name, data.train, data.validation, data.test)
                for fit in (baselines.constant, baselines.tfidf)
            ]
        return written_rivals(self.dataset, self.trainer, self._shelves)

    def _floor(self, scored: Sequence[Candidate]) -> float:
        """Return what is to be had without training, by what trials are compared by."""
        if self._problem.name == "generation":
            summed, tokens = self.trainer.outputs([None], "validation")[0].sum(axis=0)
            return float(summed / tokens)
        return next(c.validation or 0.0 for c in scored if c.name in CONSTANTS)

    def _config_of(self, candidate: Candidate) -> AdapterConfig:
        if candidate.config is None:
            raise ValueError(f"{candidate.name} is no adapter")
        return candidate.config

    def _stored_name(self, candidate: Candidate) -> str:
        return (
            self._rate_name(self._config_of(candidate).learning_rate)
            if candidate.name == "rate_grid"
            else candidate.name
        )

    def _weights(self, candidate: Candidate, seed: int) -> Adapter:
        return self._weights_of(self._stored_name(candidate), seed)

    def _weights_of(self, name: str, seed: int) -> Adapter:
        return dict(load_file(self._path(name, seed).with_suffix(".safetensors")))

    def _with_test(self, candidate: Candidate, found: dict[tuple[str, int], Array]) -> Candidate:
        seeds = tuple(
            replace(s, test=self._test.score(found[candidate.name, s.seed])) if (candidate.name, s.seed) in found else s
            for s in candidate.seeds
        )
        first = found.get((candidate.name, candidate.seeds[0].seed))
        if first is None:
            return replace(candidate, seeds=seeds)
        return replace(candidate, seeds=seeds, test=self._test.value(first), test_ci95=self._test.interval95(first))

    def _simple(self, fitted: baselines.Fitted) -> tuple[Candidate, Array]:
        """Return a rival without an adapter as a candidate, and its predictions on the test rows."""
        threshold = self._problem.threshold(fitted.validation, self._validation)
        validation = self._validation.score(self._problem.predictions(fitted.validation, threshold))
        test = self._problem.predictions(fitted.test, threshold)
        candidate = Candidate(
            name=fitted.name,
            kind="baseline",
            description=fitted.description,
            seeds=(
                SeedResult(
                    seed=self.seed,
                    validation=validation,
                    threshold=threshold,
                    test=self._test.score(test),
                    seconds=fitted.seconds,
                ),
            ),
            validation=validation.value,
            validation_standard_error=validation.standard_error,
            test=self._test.value(test),
            test_ci95=self._test.interval95(test),
            trainable_params=fitted.parameters,
            adapter_bytes=fitted.bytes,
            peak_memory_bytes=0,
            seconds=fitted.seconds,
        )
        return candidate, test


def _in_words(config: AdapterConfig | None) -> str:
    if config is None:
        return ""
    modules = ", ".join(m.rsplit(".", 1)[-1] if "dense" not in m else m for m in config.target_modules)
    first, last = config.layers[0], config.layers[-1]
    layers = f"layer {first}" if first == last else f"layers {first} to {last}"
    scaling = f"alpha {config.alpha:g}{' (rsLoRA)' if config.use_rslora else ''}"
    return f"r {config.rank}, {scaling}, {modules}, {layers}, rate {config.learning_rate:.2g}"
