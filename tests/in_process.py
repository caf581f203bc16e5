"""What confirming needs of the engines of a search, with one engine in the test's own process."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from autolora.engine import finished, solo
from autolora.engine.runner import Runner
from autolora.records import RungRecord, Score, TrialRecord, TrialState
from autolora.tasks.task import joined, load_tokenizer

MOST_TOKENS = 8


class InProcessTrainer:
    """What the engines of a search do; keeps a log of what it was asked."""

    def __init__(self, engine) -> None:
        self.runner = Runner(lambda: engine)
        self.tokenizer = load_tokenizer(engine.base.checkpoint.folder)
        self.log: list[tuple[str, str]] = []
        self.poisoned: set[str] = set()
        """Slots whose weights are broken before they train."""
        self.die_after = 10**6
        """Trainings."""

    def train(
        self, jobs, *, slots_per_engine, on_done, on_rung=lambda job, report: {}, out_of_time=lambda: False
    ) -> None:
        for job in jobs:
            if out_of_time():
                return
            if len(self.trained()) == self.die_after:
                raise KeyboardInterrupt
            self.log.append(("train", job.slot))
            self.runner.admit(job)
            token = self.runner.claim(job.slot)
            if job.slot in self.poisoned:
                self.runner.poll(job.slot, token, allowed_rung=-1, timeout_s=0.3)
                self.runner.call(lambda engine, slot=job.slot: poison(engine.slots[slot]))
            rung, why = 0, None
            report = self.runner.poll(job.slot, token, allowed_rung=0, timeout_s=60)
            while why is None and not report.last:
                if report.rung == rung:
                    why, rung = on_rung(job, report).get(job.slot), rung + 1
                if why is None:
                    report = self.runner.poll(job.slot, token, allowed_rung=rung, timeout_s=60)
            if why is not None:
                report = replace(report, last=True, outputs=b"", failure=TrialState.STOPPED, cause=why)
            self.runner.release(job.slot)
            on_done(job, report)

    def add_split(self, name, split, examples=0) -> None:
        self.log.append(("add_split", name))

        def encode(engine) -> None:
            task = engine.task.with_examples(examples) if examples else engine.task
            engine.splits[name] = task.encode(self.tokenizer, split)

        self.runner.call(encode)

    def draw_split(self, name, rows) -> None:
        def draw(engine) -> None:
            both = joined([engine.splits["train"], engine.splits["validation"]])
            engine.splits[name] = both.take(np.asarray(rows))

        self.runner.call(draw)

    def outputs(self, adapters, split):
        self.log.append(("outputs", split))

        def score(engine, adapter):
            with finished.admitted(engine, [adapter]) as (slot,):
                return engine.outputs(slot, split)

        return [self.runner.call(lambda engine, one=adapter: score(engine, one)) for adapter in adapters]

    def outputs_once(self, adapters, parts):
        return [
            self.runner.call(lambda engine, part=part: finished.outputs_once(engine, self.tokenizer, adapters, part))
            for part in parts
        ]

    def answers(self, adapters, split, *, closed=()):
        self.log.append((f"answers of {len(adapters)}", split))
        return self.runner.call(
            lambda engine: finished.answered(
                engine, self.tokenizer, adapters, split, most_tokens=MOST_TOKENS, closed=closed
            )
        )

    def pass_seconds(self, split):
        return self.runner.call(lambda engine: finished.pass_seconds(engine, split))

    def solo(self, jobs, on_done, *, seconds_left=lambda: float("inf")) -> None:
        for job in jobs:
            self.log.append(("solo", f"{job.method} {job.learning_rate:g} {job.seed}"))
            limit = seconds_left()
            on_done(
                job, self.runner.call(lambda engine, one=job, limit=limit: solo.train(engine, one, limit_seconds=limit))
            )

    def prompt_vectors(self, splits):
        return [
            self.runner.call(lambda engine, split=split: finished.prompt_vectors(engine, split)) for split in splits
        ]

    def trained(self) -> list[str]:
        return [slot for what, slot in self.log if what == "train"]


def poison(slot) -> None:
    with torch.no_grad():
        next(iter(slot.parameters.values())).fill_(float("inf"))


def finalist(costs, number: int, *, rank=2, modules="attention_qv", layers="all", epochs=1.0) -> TrialRecord:
    params = {
        "rank": rank, "alpha_over_rank": 2, "use_rslora": False, "target_modules": modules, "layers": layers,
        "learning_rate": 2e-2, "dropout": 0.0, "warmup_share": 0.0, "weight_decay": 0.0,
        "epochs": epochs, "batch_size": 8,
    }  # fmt: skip
    rung = RungRecord(
        rung=2, share=1.0, steps=24, score=Score(value=0.9, standard_error=0.02), train_loss=0.2, seconds=1.0
    )
    config = costs.config(params)
    return TrialRecord(
        number=number,
        state=TrialState.COMPLETE,
        params=params,
        config=config,
        metric=0.9,
        trainable_params=costs.trainable_params(config),
        peak_memory_bytes=costs.peak_memory_bytes(config),
        rungs=(rung,),
    )
