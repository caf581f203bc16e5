"""Prompt tuning and full fine-tuning as rivals: which trainings there are, which rate is taken, what is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autolora.candidate_scores import CandidateScores
from autolora.engine.jobs import SoloJob, SoloReport, bytes_of
from autolora.records import TrialState
from autolora.solo_rivals import RATES, SoloRivals

pytestmark = pytest.mark.unit

SEEDS = (6, 7, 8)
FULL = RATES["full_tuning"]


class Recorded:
    """Hands back what was recorded of trainings: of each rate, how many validation rows of a seed it got right."""

    def __init__(self, scores: CandidateScores, right: dict[float, int]) -> None:
        self.scores, self.right = scores, right
        self.asked: list[SoloJob] = []
        self.failing: dict[float, TrialState] = {}

    def solo(self, jobs, on_done, *, seconds_left) -> None:
        for job in jobs:
            self.asked.append(job)
            if job.learning_rate in self.failing:
                on_done(job, SoloReport(failure=self.failing[job.learning_rate], cause="no room"))
                continue
            truth = self.scores.splits[job.seed].scorer.targets
            said = (truth + (np.arange(len(truth)) >= self.right[job.learning_rate])) % 3
            test = self.scores.test.targets
            on_done(
                job,
                SoloReport(
                    validation=bytes_of(said),
                    test=bytes_of(test),
                    seconds=10.0,
                    trainable_params=1_000,
                    stored_bytes=4_000,
                    peak_memory_bytes=9_000,
                    times_a_pass=1.5,
                ),
            )


@pytest.fixture
def scores(tiny_dataset) -> CandidateScores:
    return CandidateScores.of(tiny_dataset, "accuracy", SEEDS)


@pytest.fixture
def recorded(scores) -> Recorded:
    return Recorded(scores, dict(zip(FULL, (20, 40, 30), strict=True)))


@pytest.fixture
def rivals(scores, recorded, tmp_path) -> SoloRivals:
    return SoloRivals(
        trainer=recorded,
        scores=scores,
        folder=tmp_path,
        seeds=SEEDS,
        epochs=2.0,
        batch_size=8,
        pass_seconds=0.002,
        adapter_seconds=1.0,
    )


def asked(recorded) -> list[tuple[float, int]]:
    return [(job.learning_rate, job.seed) for job in recorded.asked]


def test_the_rates_meet_on_one_seed_and_the_best_gets_the_others(rivals, recorded) -> None:
    found, why = rivals.fitted("full_tuning")

    assert why == ""
    assert asked(recorded) == [*((rate, 6) for rate in FULL), (FULL[1], 7), (FULL[1], 8)]
    assert list(found) == list(SEEDS)
    assert {one.name for one in found.values()} == {"full_tuning"}
    assert found[6].description.endswith(f"{FULL[1]:g}")
    assert (found[6].parameters, found[6].bytes, found[6].peak_memory_bytes) == (1_000, 4_000, 9_000)
    assert found[6].seconds_a_row == pytest.approx(0.003)
    job = recorded.asked[0]
    assert (job.train, job.validation, job.test) == ("train-6", "validation-6", "test")
    assert (job.epochs, job.batch_size) == (2.0, 8)


def test_it_becomes_a_candidate_like_any_other(rivals, scores) -> None:
    found, _ = rivals.fitted("full_tuning")

    candidate, predictions = scores.rival(found)

    assert candidate.test == 1.0
    assert [seed.seed for seed in candidate.seeds] == list(SEEDS)
    assert candidate.validation == pytest.approx(40 / 48)
    assert candidate.peak_memory_bytes == 9_000
    assert candidate.seconds_a_thousand == pytest.approx(3.0)
    assert len(predictions) == len(scores.test.targets)


def test_what_was_trained_is_not_trained_again_but_for_another_length(rivals, recorded) -> None:
    first, _ = rivals.fitted("full_tuning")
    recorded.asked.clear()

    again, _ = rivals.fitted("full_tuning")
    assert recorded.asked == []
    assert again[8].description == first[8].description
    replace(rivals, epochs=3.0).fitted("full_tuning")
    assert len(recorded.asked) == 5


def test_a_damaged_file_is_trained_again(rivals, recorded, tmp_path) -> None:
    rivals.fitted("full_tuning")
    recorded.asked.clear()
    (tmp_path / f"full_tuning_{FULL[0]:g}-6.json").write_text("{")

    rivals.fitted("full_tuning")

    assert asked(recorded) == [(FULL[0], 6)]


def test_without_the_time_for_all_rates_it_is_left_out_with_an_estimate(rivals, recorded) -> None:
    found, why = replace(rivals, seconds_left=lambda: 14.0).fitted("full_tuning")

    assert found == {}
    assert why == "it would take about 15 s, and 14 s were left", "five trainings of three seconds"
    assert recorded.asked == []


def test_where_the_first_ones_took_longer_than_thought_the_other_seeds_go_without(rivals, recorded) -> None:
    left = iter([16.0, 5.0])

    found, why = replace(rivals, seconds_left=lambda: next(left)).fitted("full_tuning")

    assert why == ""
    assert list(found) == [6]


def test_a_rate_that_fails_is_passed_over(rivals, recorded) -> None:
    recorded.failing = {FULL[1]: TrialState.DIVERGED, 3e-4: TrialState.DIVERGED}

    found, _ = rivals.fitted("full_tuning")

    assert found[6].description.endswith(f"{FULL[2]:g}")


def test_where_all_fail_the_cause_is_told(rivals, recorded) -> None:
    recorded.failing = dict.fromkeys(FULL, TrialState.REFUSED)

    assert rivals.fitted("full_tuning") == ({}, "no room")


def test_where_the_highest_rate_is_best_higher_ones_are_tried_until_one_is_worse(rivals, recorded) -> None:
    recorded.right |= dict(zip(FULL, (20, 30, 40), strict=True)) | {3e-4: 44, 9e-4: 10}

    fitted, why = rivals.fitted("full_tuning")

    assert why == ""
    assert asked(recorded) == [*((rate, 6) for rate in FULL), (3e-4, 6), (9e-4, 6), (3e-4, 7), (3e-4, 8)]
    assert fitted[6].description.endswith("the best of rates 2e-05, 5e-05, 0.0001, 0.0003, 0.0009: 0.0003")


def test_without_time_for_a_further_rate_the_best_of_those_tried_is_taken(rivals, recorded) -> None:
    recorded.right |= dict(zip(FULL, (20, 30, 40), strict=True))
    hurried = replace(rivals, seconds_left=lambda: 25.0)

    fitted, _ = hurried.fitted("full_tuning")

    assert (3e-4, 6) not in asked(recorded)
    assert fitted[6].description.endswith("0.0001: 0.0001")


def test_where_time_ends_among_the_first_rates_the_best_of_the_others_is_no_rival(rivals, recorded) -> None:
    recorded.failing = {FULL[2]: TrialState.STOPPED}

    assert rivals.fitted("full_tuning") == ({}, "no room")


def test_a_further_rate_that_time_ends_is_not_told_as_tried(rivals, recorded) -> None:
    recorded.right |= dict(zip(FULL, (20, 30, 40), strict=True))
    recorded.failing = {3e-4: TrialState.STOPPED}

    fitted, _ = rivals.fitted("full_tuning")

    assert fitted[6].description.endswith("the best of rates 2e-05, 5e-05, 0.0001: 0.0001")
