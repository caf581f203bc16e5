"""Fewer rows and wrong labels: what is trained on, and what is told of it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from autolora.candidate_scores import CandidateScores
from autolora.confirm import Confirmation
from autolora.engine.jobs import array_of
from autolora.engine.start import EngineSpec, start
from autolora.objectives import metric_named
from autolora.records import ConfirmRecord, from_json
from autolora.request import Limits
from autolora.seed_splits import SeedSplit
from autolora.sensitivity import NOISE, SHARES, Sensitivity, exchanged
from autolora.tasks.problems import problem_of
from autolora.trainings import Trained
from tests.in_process import InProcessTrainer, finalist

pytestmark = pytest.mark.tiny

SEED = 5
SEEDS = (SEED + 1, SEED + 2, SEED + 3)


@pytest.fixture(scope="module")
def confirmed(tiny_folder, tiny_dataset, tmp_path_factory):
    """Returns a folder with a finalist that was trained on every seed, its engine and the finalist."""
    spec = EngineSpec(
        folder=str(tiny_folder()),
        base_id="tiny-bert",
        problem=problem_of(tiny_dataset),
        max_length=24,
        train=tiny_dataset.train,
        validation=tiny_dataset.validation,
        precision="exact",
        device="cpu",
        choices=(("attention_qv", "all"),),
    )
    engine, facts = start(spec)
    one = finalist(facts.costs, 3, rank=4, epochs=6.0)
    trainer = InProcessTrainer(engine)
    folder = tmp_path_factory.mktemp("sensitivity") / "confirm"
    found = Confirmation(
        dataset=tiny_dataset,
        metric=metric_named("accuracy"),
        costs=facts.costs,
        trainer=trainer,
        folder=folder,
        seed=SEED,
        slots_per_engine=1,
        required=Limits(),
        baselines="none",
    ).run((one,), epochs=3.0, batch_size=8)
    yield found, folder, trainer, one
    trainer.runner.close()


@pytest.fixture
def sensitivity(confirmed, tiny_dataset):
    """Returns a function that makes one on some seeds."""
    _, folder, trainer, one = confirmed
    trainer.log.clear()

    def make(seeds=SEEDS) -> Sensitivity:
        return Sensitivity(
            dataset=tiny_dataset,
            scores=CandidateScores.of(tiny_dataset, "accuracy", SEEDS),
            trainer=trainer,
            folder=folder,
            name="finalist_3",
            config=one.config,
            seeds=seeds,
            slots_per_engine=1,
        )

    return make


def test_the_curve_ends_in_what_was_confirmed_and_its_parts_are_of_the_seeds_own_rows(
    confirmed, sensitivity, tiny_dataset
) -> None:
    found, folder, trainer, _ = confirmed
    quarter, half, whole = sensitivity().learning_curve()

    candidate = found.record.candidates[0]
    assert [point.rows for point in (quarter, half, whole)] == [24, 48, 96]
    assert (whole.validation, whole.standard_error, whole.difference) == (
        candidate.validation, candidate.validation_standard_error, None,
    )  # fmt: skip
    assert quarter.seeds == 3
    assert quarter.difference[1] <= quarter.difference[0] <= quarter.difference[2]
    assert quarter.difference[0] == pytest.approx(whole.validation - quarter.validation)
    scores = []
    for seed in SEEDS:
        own = SeedSplit.drawn(tiny_dataset, "accuracy", seed)
        kept = from_json((folder / f"finalist_3_rows_25-{seed}.json").read_bytes(), Trained)
        scores.append((array_of(kept.outputs) == own.scorer.targets).mean())
        parts = [engine_rows(trainer, f"train-{seed}-rows-{share * 100:g}") for share in SHARES]
        everything = engine_rows(trainer, own.train)
        assert Counter(parts[0]) <= Counter(parts[1]) <= Counter(everything), "parts are nested"
    assert quarter.validation == pytest.approx(np.mean(scores))


def engine_rows(trainer, split: str) -> list[bytes]:
    return [row.tobytes() for row in trainer.runner.engine.splits[split].tokens]


def test_wrong_labels_are_given_to_training_rows_only_and_scored_on_right_ones(confirmed, sensitivity) -> None:
    _, _, trainer, _ = confirmed
    clean, tenth, fifth = sensitivity(SEEDS[:1]).label_noise()

    engine = trainer.runner.engine
    right, wrong = (engine.splits[name].targets for name in (f"train-{SEEDS[0]}", f"train-{SEEDS[0]}-labels-20"))
    assert (right != wrong).sum() == fifth.rows
    assert 0 < tenth.rows <= round(NOISE[0] * 96) < fifth.rows <= round(NOISE[1] * 96)
    assert (clean.share, clean.rows, clean.difference) == (0.0, 0, None)
    assert fifth.difference[0] == pytest.approx(clean.validation - fifth.validation)
    assert Counter(right.tolist()) == Counter(wrong.tolist()), "labels keep their frequencies"


def test_nothing_is_trained_twice(sensitivity, confirmed) -> None:
    first = sensitivity(SEEDS[:1]).learning_curve()
    trainer = confirmed[2]
    trainer.log.clear()

    assert sensitivity(SEEDS[:1]).learning_curve() == first
    assert trainer.trained() == []


def test_what_there_is_no_time_for_is_left_out_with_the_reason(sensitivity) -> None:
    record = ConfirmRecord(candidates=())

    noted = sensitivity().noted(record, wrong_labels=True, training_seconds=100.0, seconds_left=lambda: 60.0)

    assert (noted.learning_curve, noted.label_noise) == ((), ())
    assert noted.left_out == {
        "learning_curve": "it would take about 3.8 min, and 60 s were left",
        "label_noise": "it would take about 10 min, and 60 s were left",
    }


def test_where_there_is_time_the_record_has_both(sensitivity) -> None:
    record = ConfirmRecord(candidates=(), left_out={"full_tuning": "too large"})

    noted = sensitivity(SEEDS[:1]).noted(
        record, wrong_labels=True, training_seconds=1.0, seconds_left=lambda: float("inf")
    )
    plain = sensitivity(SEEDS[:1]).noted(
        record, wrong_labels=False, training_seconds=1.0, seconds_left=lambda: float("inf")
    )

    assert (len(noted.learning_curve), len(noted.label_noise)) == (3, 3)
    assert (len(plain.learning_curve), len(plain.label_noise)) == (3, 0)
    assert noted.left_out == {"full_tuning": "too large"}


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_labels_are_exchanged_among_a_share_of_the_rows(tiny_dataset, share) -> None:
    split = tiny_dataset.train

    noisy = exchanged(split, share, seed=3)

    changed = sum(a != b for a, b in zip(split.labels, noisy.labels, strict=True))
    assert 0 < changed <= round(share * len(split))
    assert Counter(noisy.labels) == Counter(split.labels)
    assert (noisy.texts, noisy.row_ids) == (split.texts, split.row_ids)
    assert exchanged(split, share, seed=3) == noisy != exchanged(split, share, seed=4)
