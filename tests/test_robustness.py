"""Finished adapters on test rows with noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autolora import robustness
from autolora.engine.costs import CostModel
from autolora.engine.jobs import Job
from autolora.engine.start import EngineSpec, start
from autolora.grids import HEAD_CHOICE
from autolora.perturbing import PERTURBATIONS, perturbed
from autolora.records import Dataset
from autolora.robustness import Subject, rows_passed, under_noise, why_not
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import problem_of
from tests.conftest import relabelled
from tests.in_process import InProcessTrainer, finalist

pytestmark = pytest.mark.tiny

NAMES = ("finalist_1", "default_lora")


@pytest.fixture(scope="module", params=["single_label", "multi_label", "regression"])
def tested(request, tiny_folder, tiny_dataset):
    """Return a dataset, an engine that has seen its test rows, and two adapters with what they say of these."""
    dataset = tiny_dataset if request.param == "single_label" else relabelled(tiny_dataset, request.param)
    accented = tuple(f"{text} café" if at % 2 else text for at, text in enumerate(dataset.test.texts))
    dataset = replace(dataset, test=replace(dataset.test, texts=accented))
    engine, facts = start(
        EngineSpec(
            folder=str(tiny_folder()),
            base_id="tiny-bert",
            problem=problem_of(dataset),
            max_length=24,
            train=dataset.train,
            validation=dataset.validation,
            precision="exact",
            device="cpu",
            choices=(("attention_qv", "all"), ("attention_qv", "last_1"), HEAD_CHOICE),
        )
    )
    trainer = InProcessTrainer(engine)
    adapters = trained(trainer, facts.costs)
    trainer.add_split("test", dataset.test)
    threshold = 0.4 if request.param == "multi_label" else None
    said = [problem_of(dataset).predictions(own, threshold) for own in trainer.outputs(adapters, "test")]
    yield (
        dataset,
        trainer,
        [
            Subject(name=name, adapter=adapter, threshold=threshold, predictions=own)
            for name, adapter, own in zip(NAMES, adapters, said, strict=True)
        ],
    )
    trainer.runner.close()


def trained(trainer: InProcessTrainer, costs: CostModel) -> list:
    found = {}
    for name, layers in zip(NAMES, ("all", "last_1"), strict=True):
        config = finalist(costs, 1, rank=4, layers=layers, epochs=4.0).config
        assert config is not None
        job = Job(slot=name, config=config, seed=1, keep_adapter=True)
        trainer.train(
            [job], slots_per_engine=1, on_done=lambda it, report: found.update({it.slot: (it.config, report.adapter)})
        )
    return [found[name] for name in NAMES]


def metric_of(dataset: Dataset) -> str:
    return "mae" if dataset.problem == "regression" else "macro_f1"


def test_every_noise_is_scored_as_if_its_rows_were_the_test_split(tested) -> None:
    dataset, trainer, candidates = tested
    problem = problem_of(dataset)
    scorer = Scorer.build(metric_of(dataset), problem.targets(dataset.test.labels), len(problem.classes))

    record = under_noise(dataset, metric_of(dataset), candidates, trainer, seed=0)

    assert record.rows == len(dataset.test)
    assert record.scores == {each.name: scorer.value(each.predictions) for each in candidates}
    assert [noise.name for noise in record.noises] == list(PERTURBATIONS)
    for noise in record.noises:
        texts = tuple(perturbed(text, noise.name, seed=0) for text in dataset.test.texts)
        changed = np.array([text != was for text, was in zip(texts, dataset.test.texts, strict=True)])
        assert noise.changed == changed.mean()
        trainer.add_split("noisy", replace(dataset.test, texts=texts))
        outputs = trainer.outputs([each.adapter for each in candidates], "noisy")
        for each, own in zip(candidates, outputs, strict=True):
            said = problem.predictions(own, each.threshold)
            assert noise.scores[each.name] == pytest.approx(scorer.value(said), rel=1e-5)
            assert noise.differences[each.name] == pytest.approx(scorer.difference95(said, each.predictions), abs=1e-3)
    accents = next(noise for noise in record.noises if noise.name == "unicode")
    assert accents.changed == 0.5


def test_rows_with_noise_leave_nothing_behind_in_the_engine(tested) -> None:
    dataset, trainer, candidates = tested

    def held(engine):
        return set(engine.splits), set(engine.slots), engine.cache.memory.room.bytes

    before = trainer.runner.call(held)

    under_noise(dataset, metric_of(dataset), candidates, trainer, seed=0)

    assert trainer.runner.call(held) == before
    assert before[2] > 0, "the second adapter's rows are kept up to its layer"
    trainer.add_split("test", dataset.test)
    (said,) = trainer.outputs([candidates[1].adapter], "test")
    again = problem_of(dataset).predictions(said, candidates[1].threshold)
    np.testing.assert_allclose(again, candidates[1].predictions, rtol=1e-5)


def test_of_many_rows_some_are_drawn_and_compared_with_the_same_rows(tested, monkeypatch) -> None:
    dataset, trainer, candidates = tested
    monkeypatch.setattr(robustness, "MOST_ROWS", 20)

    record = under_noise(dataset, metric_of(dataset), candidates, trainer, seed=0)

    assert record.rows == 20
    for noise in record.noises:
        for name in NAMES:
            assert noise.differences[name][0] == pytest.approx(noise.scores[name] - record.scores[name])


def test_rows_that_cannot_be_scored_are_told_and_end_nothing(tested) -> None:
    dataset, trainer, (candidate, _) = tested
    config, weights = candidate.adapter
    broken = replace(candidate, adapter=(config, {name: np.full_like(own, np.nan) for name, own in weights.items()}))

    record = under_noise(dataset, metric_of(dataset), [broken], trainer, seed=0)

    assert record.noises == ()
    assert record.left_out == "Rows with noise could not be scored: their scores are not finite numbers."
    assert trainer.runner.call(lambda engine: list(engine.slots)) == []


def test_it_is_left_out_where_answers_are_written_and_where_time_is_short() -> None:
    assert why_not("single_label", planned=True) == ""
    assert "Time was short" in why_not("regression", planned=False)
    assert "Answers are written" in why_not("generation", planned=True)
    assert (rows_passed(100), rows_passed(10**6)) == (1_000, 10_000)
