from __future__ import annotations

import numpy as np
import pytest

from autolora.records import Dataset, Split
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import MultiLabel, Regression, SingleLabel, problem_of

pytestmark = pytest.mark.unit

SEVERAL = MultiLabel(classes=("late", "dear", "broken"))
NUMBERS = Regression(center=100.0, scale=20.0)


def test_a_dataset_says_what_is_learned() -> None:
    nothing = Split(texts=(), labels=(), row_ids=())
    parts = {"train": nothing, "validation": nothing, "test": nothing, "rows_in_source": 0}
    named = {"source": "a", "hash": "b", "text_column": "t", "label_column": "l"}

    def of(**more):
        return problem_of(Dataset(**named, **parts, **more))

    assert of(classes=("a", "b")) == SingleLabel(classes=("a", "b"))
    assert of(classes=("a", "b"), problem="multi_label") == MultiLabel(classes=("a", "b"))
    assert of(classes=(), problem="regression", center=3.0, scale=2.0) == Regression(center=3.0, scale=2.0)


def test_labels_become_targets() -> None:
    assert SingleLabel(classes=("a", "b")).targets((1, 0)).tolist() == [1, 0]
    assert SEVERAL.targets(((0, 2), ())).tolist() == [[True, False, True], [False, False, False]]
    assert NUMBERS.targets((1.5, 2)).tolist() == [1.5, 2.0]
    assert [problem.num_labels for problem in (SEVERAL, NUMBERS)] == [3, 1]


def test_logits_become_what_a_decision_needs() -> None:
    logits = np.array([[-1.0, 3.0, 0.0], [2.0, 1.0, -50.0]], dtype=np.float32)

    assert SingleLabel(classes=("a", "b", "c")).outputs(logits).tolist() == [1, 0]
    assert SEVERAL.outputs(logits) == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-3)
    assert NUMBERS.outputs(logits[:, :1]).tolist() == [80.0, 140.0]


def test_the_threshold_is_the_one_with_the_best_score() -> None:
    random = np.random.default_rng(0)
    truth = random.random((400, 3)) < 0.1
    outputs = np.where(truth, random.uniform(0.08, 0.4, truth.shape), random.uniform(0, 0.15, truth.shape))
    scorer = Scorer.build("micro_f1", truth, 3)

    threshold = SEVERAL.threshold(outputs, scorer)

    chosen = scorer.value(SEVERAL.predictions(outputs, threshold))
    assert 0.1 < threshold < 0.18
    assert chosen >= max(scorer.value(outputs >= each) for each in np.linspace(0.01, 0.99, 99))
    assert scorer.value(SEVERAL.predictions(outputs)) < 0.1 < chosen, "a half would have found next to nothing"
    assert scorer.value(SEVERAL.decided(outputs, scorer)) == chosen


def test_of_equally_good_thresholds_the_one_nearest_to_a_half_is_taken() -> None:
    truth = np.array([[True, False, True]] * 5)

    assert SEVERAL.threshold(np.where(truth, 0.9, 0.1), Scorer.build("macro_f1", truth, 3)) == 0.5


def test_a_threshold_stands_midway_between_two_outputs() -> None:
    truth = np.array([[True, False, False]] * 4)
    outputs = np.tile(np.array([0.04, 0.02, 0.01], dtype=np.float16), (4, 1))

    threshold = SEVERAL.threshold(outputs, Scorer.build("micro_f1", truth, 3))

    assert threshold == pytest.approx(0.03, abs=1e-4)


def test_a_threshold_tells_outputs_apart_that_differ_in_their_last_digit() -> None:
    low = np.float16(0.3)
    high = np.nextafter(low, np.float16(1))
    truth = np.array([[True, False, False]] * 4)
    outputs = np.tile(np.array([high, low, low]), (4, 1))

    threshold = SEVERAL.threshold(outputs, Scorer.build("micro_f1", truth, 3))

    assert (SEVERAL.predictions(outputs, threshold) == truth).all()


def test_where_nothing_is_to_be_chosen_there_is_no_threshold() -> None:
    scorer = Scorer.build("mae", np.array([1.0, 2.0]), 0)

    assert NUMBERS.threshold(np.array([1.0, 2.0]), scorer) is None
    assert NUMBERS.decided(np.array([1.0, 2.0]), scorer).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("metric", ["mae", "r2"])
def test_no_other_number_for_all_rows_scores_better_than_the_constant(metric) -> None:
    targets = np.random.default_rng(1).lognormal(size=301)
    scorer = Scorer.build(metric, targets, 0)
    (constant,) = NUMBERS.constant(metric, targets)
    best = scorer.value(np.full(301, constant))

    assert not any(
        scorer.objective.better(scorer.value(np.full(301, other)), best + 1e-9 * (1 if metric == "r2" else -1))
        for other in np.quantile(targets, np.linspace(0, 1, 50))
    )


def test_the_constant_for_several_classes_is_how_frequent_each_is() -> None:
    assert SEVERAL.constant("macro_f1", SEVERAL.targets(((0,), (0, 1), (), ()))).tolist() == [[0.5, 0.25, 0.0]]


def test_two_numbers_are_the_same_but_for_rounding() -> None:
    assert NUMBERS.same(np.array([100.0, 100.0]), np.array([100.9, 103.0])).tolist() == [True, False]
    assert SEVERAL.same(np.array([[True, False]]), np.array([[True, True]])).tolist() == [[True, False]]


# ---------------------------------------------------------------------------------------------------- losses


@pytest.mark.tiny
def test_losses_are_those_of_transformers() -> None:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    small = {
        "vocab_size": 20,
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
    }
    ids = torch.randint(0, 20, (6, 5))
    cases = {
        "single_label_classification": (SingleLabel(classes=("a", "b", "c")), (0, 1, 2, 2, 1, 0)),
        "multi_label_classification": (SEVERAL, ((0,), (1, 2), (), (0, 1, 2), (2,), (1,))),
        "regression": (Regression(), (0.5, -1.0, 2.0, 3.0, 0.0, 1.0)),
    }
    for name, (problem, labels) in cases.items():
        config = BertConfig(**small, num_labels=problem.num_labels, problem_type=name)
        model = BertForSequenceClassification(config).eval()
        targets = torch.from_numpy(problem.targets(labels))
        theirs = model(ids, labels=targets.float() if targets.dtype != torch.int64 else targets)

        ours = problem.row_losses(theirs.logits, targets)

        assert ours.shape == (6,)
        assert float(ours.mean()) == pytest.approx(float(theirs.loss), rel=1e-5), name


@pytest.mark.tiny
def test_numbers_are_learned_on_a_scale_of_their_own() -> None:
    import torch

    losses = NUMBERS.row_losses(torch.tensor([[1.0], [0.0]]), torch.tensor([120.0, 140.0], dtype=torch.float64))

    assert losses.tolist() == [0.0, 4.0]
