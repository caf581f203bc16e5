"""The engine: slots on a resident base, trained together step by step and scored. Knows no search, threads or files.

It is one task's; several may share a base, in turn.

Slots join and leave between steps. A step trains every named slot by one optimiser step on its own next batch; rows of
several slots pass through the base together, as many at once as suits the device (a cache on a CPU, saturation on a
GPU). Losses are summed over slots, never averaged, so that a slot's gradient is what it would be alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autolora.engine import slots as slot_room
from autolora.engine import state as states
from autolora.engine.base import ResidentBase
from autolora.engine.device import put
from autolora.engine.packed import Segment
from autolora.engine.prefix import Prefixes, Wanted
from autolora.engine.row_cache import RowCache
from autolora.engine.slots import Slot
from autolora.engine.stack import Joining
from autolora.errors import EngineError, TrialDiverged, TrialError, TrialOutOfMemory
from autolora.records import AdapterConfig, to_json
from autolora.tasks.task import Encoded, Rows, Task

_CPU_CHUNK_TOKENS = 2048
"""Enough for products to reach their rate, and few enough to stay in a CPU's cache: 16 rows of 128 tokens alone, or
four slots' batches of short texts together (a fifth to a third faster, at 24 tokens, than one after the other)."""
_CUDA_CHUNK_TOKENS = 1 << 16
_CPU_PADDING = 1 / 8
"""What padding to each other's length may add to the rows of several slots; more costs more than it saves."""
_CUDA_UNREAD_STEPS = 16
"""Steps after which a GPU is asked whether a slot has diverged: asking waits for all that it has yet to do."""
SCORING_CHUNK_ROWS = 32
LARGEST_PASS = 1 << 20
_USABLE_MEMORY = 0.8
"""Of what is free; the rest is for adapters, optimisers and the allocator's slack."""
_ONCE = "rows that pass once"
Batches = dict[str, NDArray[np.int64]]
"""Slot → data rows."""


@dataclass
class Engine:
    """One device's engine."""

    base: ResidentBase
    task: Task
    splits: dict[str, Encoded]
    """Rows by split name; ``train`` is what slots train on unless another is named."""
    chunk_tokens: int = 0
    """Tokens, padding included, that pass through the base at once; 0 chooses by device."""
    most_padding: float | None = None
    """What padding may add to the tokens of several slots that pass at once; None chooses by device."""
    cache: RowCache | None = None
    """Keeps what of a row no adapter has touched yet; None has every row pass through every layer."""
    most_rows: int = LARGEST_PASS
    """Rows of one slot that pass at once; a larger batch passes in pieces."""
    slots: dict[str, Slot] = field(default_factory=dict)
    on_batch: Callable[[], None] = lambda: None
    """Is called after every batch that was scored."""

    def __post_init__(self) -> None:
        """Choose the chunk for the device."""
        on_cpu = self.base.device.type == "cpu"
        self.chunk_tokens = self.chunk_tokens or (_CPU_CHUNK_TOKENS if on_cpu else _CUDA_CHUNK_TOKENS)
        if self.most_padding is None:
            self.most_padding = _CPU_PADDING if on_cpu else math.inf
        pad = getattr(self.base.model.config, "pad_token_id", None)
        self._scoring_rows = SCORING_CHUNK_ROWS
        self._unread_steps = 1 if on_cpu else _CUDA_UNREAD_STEPS
        self.pad_token = int(pad) if pad is not None else 0
        """What fills rows up to a common length."""
        self._prefixes: Prefixes | None = None
        if self.cache is not None and self.base.stack is not None:
            self._prefixes = Prefixes(self.base.stack, self.cache, self._pass_on, chunk_rows=SCORING_CHUNK_ROWS)

    # ---------------------------------------------------------------------------------------------- coming and going

    def admit(
        self,
        slot_id: str,
        config: AdapterConfig,
        *,
        seed: int,
        state: states.SlotState | None = None,
        train: str = "train",
    ) -> Slot:
        """Give an adapter a place, at its start or where a snapshot left it; it trains on the split ``train``.

        Raises:
            EngineError: If the place is taken, or the snapshot is of another configuration or seed.
            TrialOutOfMemory: If it does not fit.
        """
        if slot_id in self.slots:
            raise EngineError(f"slot {slot_id!r} is taken")
        if state is not None and (state.config, state.seed) != (to_json(config), seed):
            raise EngineError(f"the state of slot {slot_id!r} is of another configuration or seed")
        try:
            lengths = self.splits[train].kept_lengths
            slot = slot_room.build(
                self.base, slot_id, config, seed=seed, train=train, lengths=lengths, most_rows=self.most_rows
            )
            if state is not None:
                states.restore(slot, state)
        except BaseException as error:
            slot_room.remove(self.base, slot_id)
            if is_out_of_memory(error):
                raise TrialOutOfMemory("the adapter does not fit on the device") from error
            raise
        self.slots[slot_id] = slot
        return slot

    def release(self, slot_id: str) -> None:
        """Free a slot's place; unknown ids are ignored, so that releasing twice is safe."""
        if self.slots.pop(slot_id, None) is not None:
            slot_room.remove(self.base, slot_id)

    def forget(self) -> None:
        """Free every slot, and what is kept of rows."""
        for slot_id in list(self.slots):
            self.release(slot_id)
        self.splits.clear()
        if self.cache is not None:
            self.cache.memory.clear()
            self.cache.close()

    def snapshot(self, slot_id: str) -> states.SlotState:
        """Return everything the slot needs to go on elsewhere."""
        slot = self.slots[slot_id]
        return states.snapshot(slot, to_json(slot.config))

    # -------------------------------------------------------------------------------------------------------- training

    def step(self, slot_ids: Sequence[str]) -> dict[str, TrialError]:
        """Train each slot by one optimiser step, and return those that failed, with why.

        A slot whose loss or gradient is not finite keeps the weights it had; the others are not touched by it. Where
        memory runs out, less is passed at once, now and from then on: half as many slots, then half of a slot's batch,
        then with activations computed anew for backward; what does not fit even so has failed.
        """
        failed: dict[str, TrialError] = {}
        for chunk in self.chunks(slot_ids):
            start = time.perf_counter()
            waiting = [chunk]
            while waiting:
                now = waiting.pop()
                steps = {slot_id: self.slots[slot_id].step for slot_id in now}
                if self._fits(now, failed):
                    continue
                # What the failed pass held is free only here, behind its exception.
                left = [slot_id for slot_id in now if self.slots[slot_id].step == steps[slot_id]]
                waiting += self._in_less(left, failed)
            share = (time.perf_counter() - start) / len(chunk)
            for slot_id in chunk:
                self.slots[slot_id].seconds += share
        return failed

    def chunks(self, slot_ids: Sequence[str]) -> Iterator[list[str]]:
        """Yield the slots in groups whose next batches fit the chunk and are not padded too much."""
        stretch = 1 + (self.most_padding or 0.0)
        longest = {slot_id: self.slots[slot_id].longest_due() for slot_id in slot_ids}
        group: list[str] = []
        rows = own = 0
        for slot_id in sorted(slot_ids, key=longest.__getitem__):
            size = self.slots[slot_id].config.batch_size
            padded = (rows + size) * longest[slot_id]
            most = min(self.chunk_tokens, (own + size * longest[slot_id]) * stretch)
            if group and padded > most:
                yield group
                group, rows, own = [], 0, 0
            group.append(slot_id)
            rows += size
            own += size * longest[slot_id]
        if group:
            yield group

    def fit_to(self, free_bytes: int, bytes_per_row: float) -> None:
        """Pass no more rows at once than there is memory for.

        Args:
            free_bytes: On the device, with the base loaded.
            bytes_per_row: What a pass of the dearest adapter takes for a row of full length.
        """
        fitting = max(1, int(free_bytes * _USABLE_MEMORY / bytes_per_row))
        self.chunk_tokens = min(self.chunk_tokens, fitting * self.task.max_length)
        self.most_rows = min(self.most_rows, fitting)

    def _fits(self, slot_ids: list[str], failed: dict[str, TrialError]) -> bool:
        """Take a step if memory allows; what was begun is undone if it does not."""
        try:
            failed |= self._step_chunk(slot_ids)
            return True
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return False

    def _in_less(self, slot_ids: list[str], failed: dict[str, TrialError]) -> list[list[str]]:
        """Return the slots whose step did not fit in groups that may, having made passes smaller."""
        for slot_id in slot_ids:
            self.slots[slot_id].weights.clear_gradient()
        if self.base.device.type == "cuda":
            torch.cuda.empty_cache()
        if len(slot_ids) > 1:
            self.chunk_tokens = max(1, self.chunk_tokens // 2)
            middle = len(slot_ids) // 2
            return [slot_ids[:middle], slot_ids[middle:]]
        for slot_id in slot_ids:
            slot = self.slots[slot_id]
            if slot.most_rows > 1:
                slot.most_rows //= 2
            elif self.base.stack is not None and not slot.recomputes:
                slot.recomputes = True
            else:
                failed[slot_id] = TrialOutOfMemory("the trial does not fit on the device, even alone and row by row")
                return []
        return [slot_ids] if slot_ids else []

    def _step_chunk(self, slot_ids: list[str]) -> dict[str, TrialError]:
        # In the order in which their rows join.
        batches = {slot_id: self.slots[slot_id].batch_rows() for slot_id in sorted(slot_ids, key=self._first_layer)}
        for slot_id in slot_ids:
            self.slots[slot_id].weights.refresh()
        weights = {slot_id: self._weight(slot_id, rows) for slot_id, rows in batches.items()}
        losses: dict[str, Tensor] = {}
        for part in self._parts(batches):
            for slot_id, loss in self._backward(part, weights).items():
                losses[slot_id] = losses[slot_id] + loss if slot_id in losses else loss
        return self._update(losses)

    def _parts(self, batches: Batches) -> Iterator[Batches]:
        """Yield what passes at once: all slots' batches, or pieces of them where one is too large."""
        if all(len(rows) <= self.slots[slot_id].most_rows for slot_id, rows in batches.items()):
            yield batches
            return
        for slot_id, rows in batches.items():
            for piece in np.array_split(rows, math.ceil(len(rows) / self.slots[slot_id].most_rows)):
                yield {slot_id: piece}

    def _weight(self, slot_id: str, rows: NDArray[np.int64]) -> float:
        """Return what a batch weighs: its loss is the mean over that."""
        data = self.splits[self.slots[slot_id].train]
        return float(self.task.weights(Rows([data.tokens[row] for row in rows], data.targets[rows])).sum())

    def _backward(self, batches: Batches, weights: dict[str, float]) -> dict[str, Tensor]:
        """Add to each slot's gradients those of some rows of its batch, and return their share of its loss.

        Args:
            batches: Data rows that pass now.
            weights: Of each slot's whole batch.
        """
        segments = _segments(batches)
        data = {slot_id: self.splits[self.slots[slot_id].train] for slot_id in batches}
        tokens = [data[slot_id].tokens[row] for slot_id, rows in batches.items() for row in rows]
        targets = np.concatenate([data[slot_id].targets[rows] for slot_id, rows in batches.items()])
        passing = Rows(tokens, targets)
        row_ids = {slot_id: torch.from_numpy(rows) for slot_id, rows in batches.items()}
        steps = {slot_id: self.slots[slot_id].step for slot_id in batches}
        joining = self._joining(segments, tokens)
        if self.base.stack is not None:
            self.base.stack.recomputing = any(self.slots[slot_id].recomputes for slot_id in batches)
        with self.base.pack.serving(segments, row_ids=row_ids, steps=steps):
            passed = self._forward(passing, joining)
            row_losses = self.task.losses(self.base.model, passed, passing, self._put)
            losses = {s.slot: row_losses[s.start : s.stop].sum() / weights[s.slot] for s in segments}
            torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        return {slot_id: loss.detach() for slot_id, loss in losses.items()}

    def probe_pass(self, slot_ids: Sequence[str], rows: int, length: int) -> None:
        """Pass rows of ``length`` tokens forward and back through every layer; for measuring, not for learning.

        Args:
            slot_ids: Slots whose rows pass together.
            rows: Of each slot.
            length: In tokens.
        """
        ids = np.zeros(rows, dtype=np.int64)
        batches = dict.fromkeys(slot_ids, ids)
        for slot_id in slot_ids:
            self.slots[slot_id].weights.refresh()
        row_ids = dict.fromkeys(slot_ids, torch.from_numpy(ids))
        with self.base.pack.serving(_segments(batches), row_ids=row_ids, steps=dict.fromkeys(slot_ids, 0)):
            blank = self.task.blank(rows * len(slot_ids), length)
            passed = self._pass(blank)
            self.task.probe_loss(self.base.model, passed, blank, self._put).backward()  # type: ignore[no-untyped-call]
        for slot_id in slot_ids:
            self.slots[slot_id].weights.clear_gradient()

    def _update(self, losses: dict[str, Tensor]) -> dict[str, TrialError]:
        """Apply each slot's gradients unless they are not finite; return which were not, if the device was asked."""
        for slot_id, loss in losses.items():
            self.slots[slot_id].update(loss)
        due = [slot_id for slot_id in losses if len(self.slots[slot_id].finite) >= self._unread_steps]
        return {slot_id: fault for slot_id in due if (fault := _divergence(self.slots[slot_id])) is not None}

    # --------------------------------------------------------------------------------------------------------- scoring

    def outputs(self, slot_id: str, split: str) -> NDArray[Any]:
        """Return what the problem keeps of the slot's logits for every row of a split ``(rows, ...)``.

        Raises:
            TrialDiverged: If training has, or a row's logits are not finite: the greatest of such numbers would be any
                class at all.
            TrialOutOfMemory: If scoring does not fit on the device, even row by row.
        """
        fault = _divergence(self.slots[slot_id])
        if fault is not None:
            raise fault
        logits = self.logits(slot_id, split)
        odd = int((~np.isfinite(logits).all(axis=1)).sum())
        if odd:
            raise TrialDiverged(
                f"the scores of {odd:,} of {len(logits):,} rows of the {split} split were not finite numbers",
                "a lower learning rate or scaling",
            )
        return self.task.problem.outputs(logits)

    @torch.no_grad()
    def logits(self, slot_id: str, split: str) -> NDArray[np.float32]:
        """Return the slot's scores for every row of a split ``(rows, width)``: logits, or what the task makes of them.

        Rows are scored in order of length, which saves padding and changes no number beyond rounding.

        Raises:
            TrialOutOfMemory: If scoring does not fit on the device, even row by row.
        """
        start = time.perf_counter()
        data = self.splits[split]
        order = np.argsort(data.kept_lengths, kind="stable")
        out = np.zeros((len(data), self.task.width), dtype=np.float32)
        at = 0
        while at < len(order):
            rows = order[at : at + self._scoring_rows]
            scored = self._scored(slot_id, split, rows)
            if scored is not None:
                out[rows] = scored
                at += len(rows)
                self.on_batch()
            elif self._scoring_rows == 1:
                raise TrialOutOfMemory(f"scoring the {split} split does not fit on the device, even row by row")
            else:
                self._scoring_rows //= 2
        self.slots[slot_id].seconds += time.perf_counter() - start
        return out

    def _scored(self, slot_id: str, split: str, rows: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """Return the logits of some rows, None where memory ran out."""
        try:
            return self.score_rows(slot_id, split, rows)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return None

    @torch.no_grad()
    def score_rows(self, slot_id: str, split: str, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the slot's scores for some rows of a split ``(rows, width)``, all in one pass."""
        data = self.splits[split]
        tokens = [data.tokens[row] for row in rows]
        passing = Rows(tokens, data.targets[rows])
        segments = (Segment(slot_id, 0, len(rows)),)
        self.slots[slot_id].weights.refresh()
        joining = self._joining(segments, tokens)
        with self.base.pack.serving(segments):
            passed = self._forward(passing, joining)
            scores: NDArray[np.float32] = self.task.scores(self.base.model, passed, passing, self._put).cpu().numpy()
        return scores

    # ---------------------------------------------------------------------------------------------------------- passes

    def _first_layer(self, slot_id: str) -> int:
        """Return the layer from which on a slot's rows depend on it."""
        return min(self.slots[slot_id].config.layers)

    def _joining(self, segments: Sequence[Segment], tokens: Sequence[NDArray[np.int32]]) -> tuple[Joining, ...]:
        """Return where each segment's rows join, with their hidden states there; nothing where all begin below."""
        wanted = [Wanted(self._first_layer(s.slot), tokens[s.start : s.stop]) for s in segments]
        if self._prefixes is None or all(want.layer == 0 for want in wanted):
            return ()
        hidden = iter(self._prefixes.before([want for want in wanted if want.layer], max(map(len, tokens))))
        return tuple(Joining(want.layer, len(want.tokens), next(hidden) if want.layer else None) for want in wanted)

    @contextmanager
    def passing_once(self, rows: Encoded) -> Iterator[str]:
        """Have rows that will not come again as a split inside the block, and give its name: nothing is kept of them.

        Inside, nothing is kept of the rows of other splits either.
        """
        kept, self._prefixes = self._prefixes, None
        self.splits[_ONCE] = rows
        try:
            yield _ONCE
        finally:
            del self.splits[_ONCE]
            self._prefixes = kept

    def _forward(self, rows: Rows, joining: tuple[Joining, ...] = ()) -> Tensor:
        """Return what the task computes losses from: logits ``(rows, num_labels)``, or hidden states."""
        if not joining or self.base.stack is None:
            return self._pass(rows)
        with self.base.stack.joined(joining):
            return self._pass(rows)

    def _pass(self, rows: Rows) -> Tensor:
        """Pass rows through the model; they are padded on the right to the longest of them."""
        self.base.put_on()
        inputs = {name: self._put(array) for name, array in self.task.inputs(rows, self.pad_token).items()}
        return self.task.passed(self.base.model, self.base.model(**inputs))

    def _pass_on(self, tokens: Sequence[NDArray[np.int32]]) -> Tensor:
        """Pass rows of which nothing but the layers is wanted."""
        return self._pass(Rows(tokens, np.ones(len(tokens), dtype=np.int64)))

    def _put(self, array: NDArray[Any]) -> Tensor:
        return put(array, self.base.device)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out; torch has an error of its own for that on a GPU only."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)


def _divergence(slot: Slot) -> TrialDiverged | None:
    step = slot.diverged_at()
    if step is None:
        return None
    slot.step = step - 1  # what it did after that counts for nothing
    return TrialDiverged(
        f"loss or gradient was not a finite number at step {step} of {slot.total_steps}",
        "a lower learning rate or scaling",
    )


def _segments(batches: Batches) -> tuple[Segment, ...]:
    segments, at = [], 0
    for slot_id, rows in batches.items():
        segments.append(Segment(slot_id, at, at + len(rows)))
        at += len(rows)
    return tuple(segments)
