"""How the chosen configuration does with fewer rows, and with wrong labels: trained again, scored on validation rows.

Comes after the choice and decides nothing. Knows seeds, rows and engines that train.

With more rows error falls about as a power of their number (Hestness et al. 2017, arXiv 1712.00409), so that each
doubling gains less than the one before: what the last doubling gained is the most to be hoped for from the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from autolora.candidate_scores import CandidateScores
from autolora.data.subsets import part_of
from autolora.engine.jobs import array_of
from autolora.records import AdapterConfig, ConfirmRecord, Dataset, SensitivityPoint, Split
from autolora.seed_splits import SeedScores
from autolora.trainings import OutOfTime, TrainingShelf, Trains, Wanted
from autolora.units import OUT_OF_TIME, why_no_time

SHARES = (0.25, 0.5)
"""Of the training rows; the whole was trained before."""
NOISE = (0.1, 0.2)
"""Shares of the training rows whose labels are exchanged among each other."""


class Trainer(Trains, Protocol):
    """What this needs of the engines."""

    def add_split(self, name: str, split: Split, examples: int = 0) -> None:
        """Make another split known."""

    def draw_split(self, name: str, rows: Sequence[int]) -> None:
        """Make a split known of rows that are counted through the training rows and on through the validation rows."""


@dataclass(kw_only=True)
class Sensitivity:
    """Trains one configuration again, on other rows."""

    dataset: Dataset
    """The rows that were confirmed on."""
    scores: CandidateScores
    """By the metric that is to be told, on the rows of the seeds and perhaps of others."""
    trainer: Trainer
    folder: Path
    """Keeps every training that has ended."""
    name: str
    """Of the candidate, whose trainings on all rows are kept there."""
    config: AdapterConfig
    seeds: Sequence[int]
    slots_per_engine: int

    def __post_init__(self) -> None:
        """Open the folder."""
        self._kept = TrainingShelf(folder=self.folder)
        self._splits = {seed: self.scores.splits[seed] for seed in self.seeds}

    def noted(
        self,
        record: ConfirmRecord,
        *,
        wrong_labels: bool,
        training_seconds: float,
        seconds_left: Callable[[], float],
    ) -> ConfirmRecord:
        """Return a record with the learning curve and, if asked for, what wrong labels do; as far as there is time.

        Args:
            record: Of what was confirmed.
            wrong_labels: Whether these are asked for.
            training_seconds: What training the configuration on all rows of a seed took.
            seconds_left: Of the time there is.
        """
        left_out = dict(record.left_out)
        curve: tuple[SensitivityPoint, ...] = ()
        noise: tuple[SensitivityPoint, ...] = ()
        seconds = training_seconds * len(self.seeds)
        if why := why_no_time(sum(SHARES) * seconds, seconds_left()):
            left_out["learning_curve"] = why
        else:
            curve = self.learning_curve(out_of_time=lambda: seconds_left() <= 0)
            if not curve:
                left_out["learning_curve"] = OUT_OF_TIME
        if wrong_labels and (why := why_no_time(len(NOISE) * seconds, seconds_left())):
            left_out["label_noise"] = why
        elif wrong_labels:
            noise = self.label_noise(out_of_time=lambda: seconds_left() <= 0)
            if not noise:
                left_out["label_noise"] = OUT_OF_TIME
        return replace(record, learning_curve=curve, label_noise=noise, left_out=left_out)

    def learning_curve(self, *, out_of_time: OutOfTime = lambda: False) -> tuple[SensitivityPoint, ...]:
        """Return scores at a quarter, a half and all of the training rows; parts are nested."""
        sizes: dict[float, int] = {}
        for seed, split in self._splits.items():
            own = split.of(self.dataset).train
            for share in SHARES:
                part = part_of(own, round(share * len(own)), seed=seed)
                sizes.setdefault(share, len(part))
                self.trainer.draw_split(_split(seed, "rows", share), [split.rows.train[at] for at in part])
        self._train("rows", SHARES, out_of_time)
        return self._points("rows", sizes, whole=len(self._splits[self.seeds[0]].rows.train))

    def label_noise(self, *, out_of_time: OutOfTime = lambda: False) -> tuple[SensitivityPoint, ...]:
        """Return scores where labels of some training rows were exchanged among each other, and where none were."""
        changed: dict[float, int] = {}
        for seed, split in self._splits.items():
            own = split.of(self.dataset).train
            for share in NOISE:
                noisy = exchanged(own, share, seed=seed)
                changed.setdefault(share, sum(a != b for a, b in zip(own.labels, noisy.labels, strict=True)))
                self.trainer.add_split(_split(seed, "labels", share), noisy)
        self._train("labels", NOISE, out_of_time)
        return self._points("labels", changed, whole=0)

    def _train(self, kind: str, shares: Sequence[float], out_of_time: OutOfTime) -> None:
        wanted = [
            Wanted(
                name=self._name(kind, share),
                config=self.config,
                seed=seed,
                train=_split(seed, kind, share),
                validation=split.validation,
            )
            for seed, split in self._splits.items()
            for share in shares
        ]
        self._kept.train(self.trainer, wanted, slots_per_engine=self.slots_per_engine, out_of_time=out_of_time)

    def _points(self, kind: str, rows: dict[float, int], *, whole: int) -> tuple[SensitivityPoint, ...]:
        """Return a point for each share that was trained on, and one for the training that had everything."""
        full = self._of(self.name)
        points = []
        for share, count in rows.items():
            scores = self._of(self._name(kind, share))
            if scores is not None and full is not None:
                points.append(_point(share, count, scores, full))
        if full is not None and points:
            at = SensitivityPoint(
                share=1.0 if kind == "rows" else 0.0,
                rows=whole,
                seeds=len(self.seeds),
                validation=full.mean,
                standard_error=full.standard_error,
            )
            points = [*points, at] if kind == "rows" else [at, *points]
        return tuple(points)

    def _of(self, name: str) -> SeedScores | None:
        """Return how trainings of a name score on the validation rows of their seeds; None if one failed."""
        kept = [self._kept.of(name, seed) for seed in self.seeds]
        whole = [one for one in kept if one is not None and one.is_complete]
        if len(whole) < len(kept):
            return None
        return self.scores.on_validation(
            {one.seed: self.scores.decided(one.seed, array_of(one.outputs))[0] for one in whole}
        )

    def _name(self, kind: str, share: float) -> str:
        return f"{self.name}_{kind}_{share * 100:g}"


def exchanged(split: Split, share: float, *, seed: int) -> Split:
    """Return a split in which the labels of a share of the rows went round among these rows.

    Labels keep their frequencies; rows of one label may get the same label again.
    """
    random = np.random.default_rng([seed, round(share * 1000)])
    rows = random.permutation(len(split))[: round(share * len(split))]
    labels = list(split.labels)
    for row, giver in zip(rows, np.roll(rows, 1), strict=True):
        labels[int(row)] = split.labels[int(giver)]
    return replace(split, labels=tuple(labels))


def _point(share: float, rows: int, scores: SeedScores, full: SeedScores) -> SensitivityPoint:
    return SensitivityPoint(
        share=share,
        rows=rows,
        seeds=len(scores.scores),
        validation=scores.mean,
        standard_error=scores.standard_error,
        difference=full.less(scores),
    )


def _split(seed: int, kind: str, share: float) -> str:
    return f"train-{seed}-{kind}-{share * 100:g}"
