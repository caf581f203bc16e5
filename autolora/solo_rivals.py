"""Prompt tuning and full fine-tuning as rivals: each at a few rates, of which the best is trained on the other seeds.

They cannot share the frozen base, so each training takes an engine to itself; what there is no time or memory for is
left out, with the reason. Knows engines that train, seeds and a clock; compares nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from msgspec import MsgspecError

from autolora.candidate_scores import CandidateScores
from autolora.durable import write_whole
from autolora.engine.baselines import Fitted
from autolora.engine.jobs import SoloJob, SoloMethod, SoloReport, array_of
from autolora.grids import MOST_STEPS, next_rate
from autolora.records import TrialState, from_json, to_json
from autolora.units import why_no_time

RATES: dict[SoloMethod, tuple[float, ...]] = {
    "prompt_tuning": (3e-3, 1e-2, 3e-2),
    "full_tuning": (2e-5, 5e-5, 1e-4),
}
"""Learning rates tried. Of full fine-tuning about those of Devlin et al. 2019, and one above them for small bases."""
WORDS: dict[SoloMethod, str] = {
    "prompt_tuning": "Prompt tuning: 20 trained vectors before every text, and the head",
    "full_tuning": "Full fine-tuning: every weight of the base, and the head",
}
TIMES_AN_ADAPTER = 3.0
"""What one takes in trainings of the default adapter, before the first was seen (2.1 times for plain PEFT alone)."""


class SoloTrainer(Protocol):
    """What this needs of the engines."""

    def solo(
        self,
        jobs: Sequence[SoloJob],
        on_done: Callable[[SoloJob, SoloReport], None],
        *,
        seconds_left: Callable[[], float],
    ) -> None:
        """Train jobs, each on an engine by itself, and hand over what became of each; time cuts them short."""


@dataclass(frozen=True, kw_only=True)
class SoloKept:
    """A training that has ended, as its file keeps it."""

    job: SoloJob
    report: SoloReport


@dataclass(frozen=True, kw_only=True)
class SoloRivals:
    """What is needed to train them."""

    trainer: SoloTrainer
    scores: CandidateScores
    folder: Path
    """Keeps every training that has ended; exists."""
    seeds: Sequence[int]
    """Those that the best rate is trained on; the rates meet on the first."""
    epochs: float
    batch_size: int
    pass_seconds: float
    """Of a row through the base."""
    adapter_seconds: float
    """What training the default adapter on one seed took."""
    seconds_left: Callable[[], float] = field(default=lambda: float("inf"))
    """Of the time that there is for all of this."""
    on_trained: Callable[[], None] = lambda: None

    def fitted(self, method: SoloMethod) -> tuple[dict[int, Fitted], str]:
        """Return a method's rival by seeds, or nothing and why it was left out."""
        tried = [self._job(method, rate, self.seeds[0]) for rate in RATES[method]]
        if why := self._trained(tried, len(tried) + len(self.seeds) - 1, self.adapter_seconds * TIMES_AN_ADAPTER):
            return {}, why
        for _ in range(MOST_STEPS):
            rate = next_rate({job.learning_rate: self._loss(job) for job in tried})
            further = [] if rate is None else [self._job(method, rate, self.seeds[0])]
            if not further or self._trained(further, len(self.seeds), max(map(self._seconds, tried))):
                break
            tried += further
        best = min(tried, key=self._loss)
        if math.isinf(self._loss(best)) or self._is_cut(tried[: len(RATES[method])]):
            return {}, self._cause(tried)
        more = [self._job(method, best.learning_rate, seed) for seed in self.seeds[1:]]
        self._trained(more, len(more), self._seconds(best))
        found = [kept for job in (best, *more) if (kept := self._of(job)) is not None and kept.report.failure is None]
        rates = sorted(job.learning_rate for job in tried if not self._is_cut([job]))
        words = f"{WORDS[method]}; the best of rates {', '.join(f'{rate:g}' for rate in rates)}:"
        return {
            kept.job.seed: Fitted(
                name=method,
                description=f"{words} {kept.job.learning_rate:g}",
                validation=array_of(kept.report.validation),
                test=array_of(kept.report.test),
                parameters=kept.report.trainable_params,
                bytes=kept.report.stored_bytes,
                seconds=kept.report.seconds,
                peak_memory_bytes=kept.report.peak_memory_bytes,
                seconds_a_row=self.pass_seconds * kept.report.times_a_pass,
            )
            for kept in found
        }, ""

    def _loss(self, job: SoloJob) -> float:
        kept = self._of(job)
        if kept is None or kept.report.failure is not None:
            return math.inf
        return self.scores.loss(job.seed, array_of(kept.report.validation))

    def _seconds(self, job: SoloJob) -> float:
        kept = self._of(job)
        return 0.0 if kept is None else kept.report.seconds

    def _job(self, method: SoloMethod, rate: float, seed: int) -> SoloJob:
        split = self.scores.splits[seed]
        return SoloJob(
            method=method,
            learning_rate=rate,
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=seed,
            train=split.train,
            validation=split.validation,
            test="test",
        )

    def _trained(self, jobs: Sequence[SoloJob], planned: int, seconds: float) -> str:
        """Train those that are not kept yet; return why not, where there is no time.

        Args:
            jobs: To train now.
            planned: Trainings that there will be with those that follow.
            seconds: What one is expected to take.
        """
        due = [job for job in jobs if self._of(job) is None]
        if due and (why := why_no_time(planned * seconds, self.seconds_left())):
            return why

        def keep(job: SoloJob, report: SoloReport) -> None:
            write_whole(self._path(job), to_json(SoloKept(job=job, report=report)).encode(), at="confirm.solo")
            self.on_trained()

        if due:
            self.trainer.solo(due, keep, seconds_left=self.seconds_left)
        return ""

    def _is_cut(self, jobs: Sequence[SoloJob]) -> bool:
        """Return whether time was over before all had ended: the best of only some rates would be no fair rival."""
        kept = [self._of(job) for job in jobs]
        return any(one is not None and one.report.failure == TrialState.STOPPED for one in kept)

    def _cause(self, jobs: Sequence[SoloJob]) -> str:
        causes = [kept.report.cause for job in jobs if (kept := self._of(job)) is not None and kept.report.failure]
        return next(iter(causes), "it could not be trained")

    def _of(self, job: SoloJob) -> SoloKept | None:
        """Return a training that is kept; a damaged file is none, and one of another length neither."""
        try:
            kept = from_json(self._path(job).read_bytes(), SoloKept)
        except (FileNotFoundError, MsgspecError):
            return None
        return kept if kept.job == job else None

    def _path(self, job: SoloJob) -> Path:
        return self.folder / f"{job.method}_{job.learning_rate:g}-{job.seed}.json"
