"""Trainings that cannot share the base: each is what a plain loop gives, and leaves no trace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from autolora.engine import solo
from autolora.engine.jobs import SoloJob, array_of
from autolora.engine.order import epoch_batches
from autolora.records import TrialState
from tests.conftest import relabelled
from tests.engine.test_promise import engine_for

pytestmark = pytest.mark.tiny

JOB = SoloJob(
    method="full_tuning",
    learning_rate=3e-3,
    epochs=2.0,
    batch_size=8,
    seed=4,
    train="train",
    validation="validation",
    test="test",
)


@pytest.fixture
def engine(tiny_folder, tiny_dataset):
    return engine_for(tiny_folder(), tiny_dataset)


def batch_of(engine, rows) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    data = engine.splits["train"]
    tokens = [torch.from_numpy(data.tokens[row].astype("int64")) for row in rows]
    ids = nn.utils.rnn.pad_sequence(tokens, batch_first=True)
    lengths = torch.tensor([len(own) for own in tokens])
    mask = (torch.arange(ids.shape[1])[None, :] < lengths[:, None]).long()
    return {"input_ids": ids, "attention_mask": mask}, torch.from_numpy(data.targets[rows])


def plain_full_tuning(engine, job: SoloJob) -> nn.Module:
    """Every weight, by a loop that any engineer would write."""
    from transformers import AutoModelForSequenceClassification, get_linear_schedule_with_warmup

    torch.manual_seed(job.seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        engine.base.checkpoint.folder, num_labels=3, dtype=torch.float64, attn_implementation="eager"
    ).train()
    lengths = engine.splits["train"].kept_lengths
    steps = round(job.epochs * -(-len(lengths) // job.batch_size))
    optimiser = torch.optim.AdamW(model.parameters(), lr=job.learning_rate, weight_decay=0.01)
    schedule = get_linear_schedule_with_warmup(optimiser, -(-steps // 10), steps)
    for epoch in range(int(job.epochs)):
        for rows in epoch_batches(lengths, job.batch_size, seed=job.seed, epoch=epoch):
            inputs, targets = batch_of(engine, rows)
            nn.functional.cross_entropy(model(**inputs).logits, targets).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
    return model.eval()


def test_full_fine_tuning_is_what_a_plain_loop_gives(engine) -> None:
    torch.manual_seed(JOB.seed)
    training = solo._Training(engine, JOB)
    report = training.run(float("inf"))
    model = plain_full_tuning(engine, JOB)

    for (name, own), theirs in zip(training._model.named_parameters(), model.parameters(), strict=True):
        assert torch.allclose(own, theirs, atol=1e-9), name
    data = engine.splits["validation"]
    with torch.no_grad():
        rows = [torch.from_numpy(row.astype("int64"))[None] for row in data.tokens]
        said = [int(model(input_ids=row).logits.argmax()) for row in rows]
    assert array_of(report.validation).tolist() == said
    assert report.trainable_params == sum(p.numel() for p in model.parameters())
    assert report.stored_bytes == 4 * report.trainable_params
    assert report.peak_memory_bytes > 4 * 8 * report.trainable_params, "weights, gradients and two moments in float64"
    assert report.times_a_pass == 1


def test_prompt_tuning_is_what_a_plain_loop_gives_with_peft(engine, unrounded) -> None:
    from peft import PromptTuningConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification, get_linear_schedule_with_warmup

    job = replace(JOB, method="prompt_tuning", learning_rate=3e-2)
    torch.manual_seed(job.seed)
    training = solo._Training(engine, job)
    start = {name: p.detach().clone() for name, p in training._model.named_parameters()}
    random = torch.get_rng_state()
    report = training.run(float("inf"))

    plain = AutoModelForSequenceClassification.from_pretrained(
        engine.base.checkpoint.folder, num_labels=3, dtype=torch.float64, attn_implementation="eager"
    )
    model = get_peft_model(plain, PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=solo.VIRTUAL_TOKENS))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(start[name])
    trained = [p for p in model.parameters() if p.requires_grad]
    torch.set_rng_state(random)
    lengths = engine.splits["train"].kept_lengths
    steps = round(job.epochs * -(-len(lengths) // job.batch_size))
    optimiser = torch.optim.AdamW(trained, lr=job.learning_rate, weight_decay=0.0)
    schedule = get_linear_schedule_with_warmup(optimiser, -(-steps // 10), steps)
    model.train()
    for epoch in range(int(job.epochs)):
        for rows in epoch_batches(lengths, job.batch_size, seed=job.seed, epoch=epoch):
            inputs, targets = batch_of(engine, rows)
            nn.functional.cross_entropy(model(**inputs).logits, targets).backward()
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()

    for (name, own), theirs in zip(training._model.named_parameters(), model.parameters(), strict=True):
        within = 1e-9 if own.dtype == torch.float64 else 1e-6  # PEFT keeps the prompt's embedding in float32
        assert torch.allclose(own.double(), theirs.double(), atol=within), name
    assert report.times_a_pass > 2, "twenty vectors before texts of some ten tokens"
    assert report.trainable_params == sum(p.numel() for p in trained)


def test_something_is_learned_by_full_fine_tuning(engine) -> None:
    report = solo.train(engine, replace(JOB, epochs=6.0))

    assert (array_of(report.test) == engine.splits["test"].targets).mean() > 0.6


def test_prompt_tuning_trains_the_vectors_and_what_every_adapter_trains_and_nothing_else(engine) -> None:
    training = solo._Training(engine, replace(JOB, method="prompt_tuning"))
    names = {name for name, p in training._model.named_parameters() if p.requires_grad}
    before = {name: p.detach().clone() for name, p in training._model.named_parameters()}
    words = engine.base.model.get_input_embeddings().weight

    vectors = before["prompt_encoder.default.embedding.weight"]
    assert all((words == vector).all(dim=1).any() for vector in vectors), "it begins at words"
    training.run(float("inf"))

    changed = {name for name, p in training._model.named_parameters() if not torch.equal(p, before[name])}
    assert changed == names
    assert len(vectors) == solo.VIRTUAL_TOKENS
    heads = engine.base.head_parameter_count
    assert sum(before[name].numel() for name in names) == vectors.numel() + heads


def test_the_base_and_the_rest_of_the_engine_stay_as_they_were(engine) -> None:
    before = [p.clone() for p in engine.base.model.parameters()]
    state = torch.get_rng_state()

    solo.train(engine, JOB)
    solo.train(engine, replace(JOB, method="prompt_tuning"))

    assert all(torch.equal(now, then) for now, then in zip(engine.base.model.parameters(), before, strict=True))
    assert torch.equal(torch.get_rng_state(), state)
    assert engine.slots == {}


def test_the_same_job_gives_the_same_and_another_seed_another(engine) -> None:
    first, again, other = (solo.train(engine, replace(JOB, seed=seed)) for seed in (4, 4, 5))

    assert (first.validation, first.test) == (again.validation, again.test)
    assert first.test != other.test


def test_a_batch_that_passes_in_pieces_trains_the_same(tiny_folder, tiny_dataset) -> None:
    whole, pieces = (engine_for(tiny_folder(), tiny_dataset) for _ in range(2))
    pieces.most_rows = 3
    trainings = []
    for engine in (whole, pieces):
        torch.manual_seed(0)
        trainings.append(solo._Training(engine, replace(JOB, epochs=6.0)))
        trainings[-1]._model.eval()  # dropout would draw otherwise for pieces
        for step in range(8):  # the first has a rate of 0
            trainings[-1]._step(step, np.arange(8))
    one, other = trainings

    assert all(
        torch.allclose(a, b, atol=1e-12)
        for a, b in zip(one._model.parameters(), other._model.parameters(), strict=True)
    )


@pytest.mark.parametrize("problem", ["multi_label", "regression"])
@pytest.mark.parametrize("method", ["full_tuning", "prompt_tuning"])
def test_other_labels_are_learned_from_too(tiny_folder, tiny_dataset, problem, method) -> None:
    engine = engine_for(tiny_folder(), relabelled(tiny_dataset, problem))

    report = solo.train(engine, replace(JOB, method=method))

    assert report.failure is None
    assert len(array_of(report.test)) == len(engine.splits["test"])
    assert np.isfinite(array_of(report.validation)).all()


@pytest.mark.parametrize("family", ["distilbert", "roberta", "llama"])
@pytest.mark.parametrize("method", ["full_tuning", "prompt_tuning"])
def test_other_families_train_so_too(tiny_folder, tiny_dataset, family, method) -> None:
    engine = engine_for(tiny_folder(family), tiny_dataset)

    report = solo.train(engine, replace(JOB, method=method))

    assert (report.failure, report.cause) == (None, "")


def test_what_has_no_room_is_refused_with_its_size(engine, monkeypatch) -> None:
    monkeypatch.setattr(solo, "free_bytes", lambda device: 100_000)

    report = solo.train(engine, JOB)

    assert report.failure == TrialState.REFUSED
    assert "GB for weights, gradients and optimiser alone" in report.cause
    assert report.test == b""


def test_vectors_that_have_no_place_before_the_longest_text_are_refused(engine, monkeypatch) -> None:
    monkeypatch.setattr(solo, "VIRTUAL_TOKENS", 10_000)

    report = solo.train(engine, replace(JOB, method="prompt_tuning"))

    assert report.failure == TrialState.REFUSED
    assert "10000 vectors before them are more than the" in report.cause


def test_one_that_diverges_says_at_which_step(engine) -> None:
    report = solo.train(engine, replace(JOB, learning_rate=1e30))

    assert report.failure == TrialState.DIVERGED
    assert "of 24" in report.cause or "not finite" in report.cause


def test_it_trains_on_the_split_that_is_named(engine) -> None:
    engine.splits["half"] = engine.splits["train"].take(np.arange(0, 96, 2))

    whole, half = (solo.train(engine, replace(JOB, train=name)) for name in ("train", "half"))

    assert whole.test != half.test


def test_what_takes_longer_than_it_may_is_stopped_and_reported_so(engine) -> None:
    report = solo.train(engine, JOB, limit_seconds=0.0)

    assert report.failure == TrialState.STOPPED
    assert report.cause == "the time was over before it was trained to its end"
    assert report.test == b""
    assert solo.train(engine, JOB, limit_seconds=600.0).failure is None
