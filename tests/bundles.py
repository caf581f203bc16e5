"""Small adapters that were trained for long enough to tell classes apart, and their bundles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.metrics import f1_score

from autolora import bundle
from autolora.bundle import Contents
from autolora.engine.jobs import Job, array_of
from autolora.engine.runner import Runner
from autolora.engine.start import EngineSpec, start
from autolora.records import AdapterConfig, Dataset
from autolora.tasks.problems import problem_of


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A finished adapter with all that a bundle needs."""

    contents: Contents
    predictions: Any
    folder: Path
    """Of the base."""


def train_one(folder: Path, dataset: Dataset) -> Trained:
    spec = EngineSpec(
        folder=str(folder),
        base_id=f"owner/{folder.name}",
        problem=problem_of(dataset),
        max_length=24,
        train=dataset.train,
        validation=dataset.test,  # what the runner predicts, so that the labels to reproduce are at hand
        precision="exact",
        device="cpu",
        choices=(("all_linear", "all"),),
    )
    engine, facts = start(spec)
    config = AdapterConfig(
        rank=3,
        alpha=6.0,
        use_rslora=True,
        target_modules=engine.base.architecture.modules("all_linear"),
        layers=(0, 1),
        learning_rate=5e-3 if "roberta" in folder.name else 1e-2,
        epochs=12.0,
        batch_size=16,
    )
    runner = Runner(lambda: engine)
    runner.admit(Job(slot="a", config=config, seed=1, keep_adapter=True))
    token = runner.claim("a")
    report = runner.poll("a", token, allowed_rung=0, timeout_s=60)
    while not report.last:
        report = runner.poll("a", token, allowed_rung=0, timeout_s=60)
    runner.close()
    contents = Contents(
        name="tiny-enquiries",
        config=config,
        weights=report.adapter or {},
        facts=facts,
        dataset=dataset,
        metric="macro_f1",
        max_length=24,
        seed=1,
        validation=0.8,
        test=float(f1_score(dataset.test.labels, array_of(report.outputs), average="macro", zero_division=0.0)),
        test_ci95=(0.7, 0.9),
        verdict="adopt",
    )
    return Trained(contents=contents, predictions=array_of(report.outputs), folder=folder)


def write(it: Trained, final: Path, **other: Any) -> bundle.SelfTest:
    contents = other.pop("contents", it.contents)
    return bundle.write(contents, final, base_folder=it.folder, engine_outputs=it.predictions)
