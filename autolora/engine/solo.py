"""Trainings that cannot share the frozen base: of every weight, or of vectors before every text (prompt tuning).

Done with plain transformers and PEFT on a copy of the base of their own, one at a time, on the rows and in the order of
an adapter of the same seed. Knows an engine's task, splits and device; none of its slots.

Prompt tuning: Lester et al. 2021 (arXiv 2104.08691), begun at vectors of words drawn from the vocabulary. Every weight:
Devlin et al. 2019 (arXiv 1810.04805), whose warm-up of a tenth of the steps and weight decay of 0.01 are kept.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import chain, count, islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from autolora.engine.device import free_bytes, in_words, put
from autolora.engine.engine import SCORING_CHUNK_ROWS, Engine, is_out_of_memory
from autolora.engine.jobs import SoloJob, SoloReport, bytes_of
from autolora.engine.live_bytes import Peak, peak_in
from autolora.engine.order import epoch_batches
from autolora.engine.slots import CLIP_NORM
from autolora.errors import BaseModelError
from autolora.records import TrialState
from autolora.tasks.task import Rows

VIRTUAL_TOKENS = 20
"""Vectors before every text; Lester et al. found little gain beyond."""
WARMUP_SHARE = 0.1
WEIGHT_DECAY = 0.01
"""Of the training of every weight; vectors before a text have none."""
BYTES_PER_FULL_PARAMETER = 16
"""Weight, gradient and two AdamW moments in float32."""
_MEASURED_STEPS = 2
"""The first step makes the optimiser's state, the second has it."""
_USABLE_MEMORY = 0.9


def train(engine: Engine, job: SoloJob, *, limit_seconds: float = math.inf) -> SoloReport:
    """Train and score what the job says; what does not fit or diverges is a report of failure, never an error.

    Args:
        engine: Whose base, task, splits and device are taken; on a task with a head.
        job: What to train.
        limit_seconds: After which it is stopped and reported so.
    """
    with ExitStack() as after:
        devices = [] if engine.base.device.type == "cpu" else [engine.base.device]
        after.enter_context(torch.random.fork_rng(devices))
        after.callback(_give_back, engine.base.device)
        torch.manual_seed(job.seed)
        try:
            return _Training(engine, job).run(limit_seconds)
        except _Refused as refusal:
            return SoloReport(failure=TrialState.REFUSED, cause=str(refusal))
        except BaseModelError as error:
            return SoloReport(failure=TrialState.REFUSED, cause=error.message)
        except _Diverged as fault:
            return SoloReport(failure=TrialState.DIVERGED, cause=str(fault))
        except _OutOfTime:
            return SoloReport(failure=TrialState.STOPPED, cause="the time was over before it was trained to its end")
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return SoloReport(failure=TrialState.OUT_OF_MEMORY, cause="it does not fit on the device")


class _Refused(Exception):
    """It is not even begun."""


class _Diverged(Exception):
    """A number was not finite."""


class _OutOfTime(Exception):
    """It took longer than it may."""


class _Training:
    """One of them."""

    def __init__(self, engine: Engine, job: SoloJob) -> None:
        from transformers import get_linear_schedule_with_warmup

        self._engine, self._job, self._device = engine, job, engine.base.device
        self._check_memory()
        self._model = self._loaded()
        self._trained = [p for p in self._model.parameters() if p.requires_grad]
        self._data = engine.splits[job.train]
        self._lengths = self._data.kept_lengths
        per_epoch = math.ceil(len(self._data) / job.batch_size)
        self._steps = max(1, round(job.epochs * per_epoch))
        full = job.method == "full_tuning"
        self._optimiser = torch.optim.AdamW(
            self._trained, lr=job.learning_rate, weight_decay=WEIGHT_DECAY if full else 0.0, fused=True
        )
        warmup = math.ceil(WARMUP_SHARE * self._steps)
        self._schedule = get_linear_schedule_with_warmup(self._optimiser, warmup, self._steps)

    def run(self, limit_seconds: float) -> SoloReport:
        """Train it to its end and score it."""
        begun, peak = time.perf_counter(), Peak()
        self._model.train()
        with ExitStack() as measuring:
            for step, rows in enumerate(self._batches()):
                if step == 0:
                    peak = measuring.enter_context(peak_in(self._device, self._model.parameters()))
                elif step == _MEASURED_STEPS:
                    measuring.close()
                self._step(step, rows)
                self._engine.on_batch()
                if time.perf_counter() - begun > limit_seconds:
                    raise _OutOfTime
        self._model.eval()
        validation = self._outputs(self._job.validation)
        seconds = time.perf_counter() - begun
        trained = sum(p.numel() for p in self._trained)
        return SoloReport(
            validation=bytes_of(validation),
            test=bytes_of(self._outputs(self._job.test)),
            seconds=seconds,
            trainable_params=trained,
            stored_bytes=4 * trained,
            peak_memory_bytes=peak.bytes,
            times_a_pass=self._times_a_pass(),
        )

    def _times_a_pass(self) -> float:
        if self._job.method == "full_tuning":
            return 1.0
        return 1 + VIRTUAL_TOKENS / float(self._engine.splits[self._job.test].kept_lengths.mean())

    def _check_memory(self) -> None:
        """Refuse what cannot fit: on a CPU the system would kill the engine in the middle of it.

        Raises:
            _Refused: If it does not.
        """
        each = BYTES_PER_FULL_PARAMETER if self._job.method == "full_tuning" else 4
        needed, free = each * self._engine.base.parameter_count, free_bytes(self._device)
        if needed > _USABLE_MEMORY * free:
            raise _Refused(
                f"it takes {needed / 1e9:.1f} GB for weights, gradients and optimiser alone, and"
                f" {in_words(self._device)} has {free / 1e9:.1f} GB free"
            )

    def _loaded(self) -> nn.Module:
        base = self._engine.base
        attention = str(getattr(base.model.config, "_attn_implementation", "eager"))
        loaded = self._engine.task.load_model(base.checkpoint.folder, dtype=base.adapter_dtype, attention=attention)
        model = loaded.model.requires_grad_(self._job.method == "full_tuning")
        if self._job.method == "prompt_tuning":
            model = self._prompted(model)
        return model.to(self._device)

    def _prompted(self, model: nn.Module) -> nn.Module:
        """Return the model with vectors before every text, which are trained beside what every adapter trains."""
        from peft import PromptTuningConfig, get_peft_model

        base, places = self._engine.base, getattr(model.config, "max_position_embeddings", None)
        longest = max(int(split.kept_lengths.max(initial=0)) for split in self._splits())
        if places is not None and longest + VIRTUAL_TOKENS > places:
            raise _Refused(
                f"texts of {longest} tokens and {VIRTUAL_TOKENS} vectors before them are more than the {places} places"
                " of the base"
            )
        embedding: Tensor = model.get_input_embeddings().weight  # type: ignore[operator]
        words = embedding.detach()[torch.randint(0, len(embedding), (VIRTUAL_TOKENS,))].clone()
        # Told, since PEFT knows the names that these have in some configurations only.
        shape = {"token_dim": embedding.shape[1], "num_layers": base.architecture.depth, "num_attention_heads": 1}
        config = PromptTuningConfig(task_type=base.peft_task_type, num_virtual_tokens=VIRTUAL_TOKENS, **shape)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            prompted: nn.Module = get_peft_model(model, config)
        for name in base.modules_to_save:
            head = prompted.get_submodule(f"base_model.{name}")
            # PEFT trains a copy of a head; what else the checkpoint lacks it would leave as it was drawn.
            getattr(head, "modules_to_save", head).requires_grad_(True)
        prompted.get_parameter("prompt_encoder.default.embedding.weight").data.copy_(words)
        return prompted

    def _splits(self) -> list[Any]:
        return [self._engine.splits[name] for name in (self._job.train, self._job.validation, self._job.test)]

    def _batches(self) -> Iterator[NDArray[np.int64]]:
        """Yield the rows of every step, as an adapter of the same seed has them."""
        every = (
            epoch_batches(self._lengths, self._job.batch_size, seed=self._job.seed, epoch=epoch) for epoch in count()
        )
        return islice(chain.from_iterable(every), self._steps)

    def _step(self, step: int, rows: NDArray[np.int64]) -> None:
        """Take one step of the optimiser on a batch, in pieces where it is too large to pass at once."""
        engine = self._engine
        weight = float(engine.task.weights(self._rows(self._data, rows)).sum())
        total = torch.zeros((), device=self._device)
        for piece in np.array_split(rows, math.ceil(len(rows) / min(len(rows), engine.most_rows))):
            passing = self._rows(self._data, piece)
            with self._autocast():
                passed = self._pass(passing)
                loss = engine.task.losses(self._model, passed, passing, self._put).sum() / weight
            loss.backward()  # type: ignore[no-untyped-call]
            total = total + loss.detach()
        norm = nn.utils.clip_grad_norm_(self._trained, CLIP_NORM)
        if not bool(torch.isfinite(norm) & torch.isfinite(total)):
            raise _Diverged(f"loss or gradient was not a finite number at step {step + 1} of {self._steps}")
        self._optimiser.step()
        self._schedule.step()
        self._optimiser.zero_grad()

    @torch.no_grad()
    def _outputs(self, split: str) -> NDArray[Any]:
        """Return what the problem keeps of each row's scores, passed in the order of their lengths."""
        data = self._engine.splits[split]
        order = np.argsort(data.kept_lengths, kind="stable")
        logits = np.zeros((len(data), self._engine.task.width), dtype=np.float32)
        for at in range(0, len(order), SCORING_CHUNK_ROWS):
            rows = order[at : at + SCORING_CHUNK_ROWS]
            passing = self._rows(data, rows)
            with self._autocast():
                passed = self._pass(passing)
                scores = self._engine.task.scores(self._model, passed, passing, self._put)
            logits[rows] = scores.float().cpu().numpy()
            self._engine.on_batch()
        if not np.isfinite(logits).all():
            raise _Diverged(f"scores of the {split} split were not finite numbers")
        return self._engine.task.problem.outputs(logits)

    def _pass(self, rows: Rows) -> Tensor:
        task = self._engine.task
        inputs = {name: self._put(array) for name, array in task.inputs(rows, self._engine.pad_token).items()}
        return task.passed(self._model, self._model(**inputs))

    def _rows(self, data: Any, rows: NDArray[np.int64]) -> Rows:
        return Rows([data.tokens[row] for row in rows], data.targets[rows])

    def _put(self, array: NDArray[Any]) -> Tensor:
        return put(array, self._device)

    def _autocast(self) -> AbstractContextManager[Any]:
        """Return what multiplies in the engine's precision, as mixed precision is usually had."""
        if self._engine.base.dtype != torch.bfloat16:
            return nullcontext()
        return torch.autocast(self._device.type, dtype=torch.bfloat16)


def _give_back(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
