"""Answers written by several adapters at once: greedy, token by token, with cached keys and values.

Rows of several slots pass through the base together, as in training: the frozen weights, whose reading from memory is
what a step takes, are read once for all. Rows whose answer has ended leave the batch.

Knows engines and tokens; knows no texts.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autolora.engine.engine import Engine, is_out_of_memory
from autolora.engine.jobs import SLOTS_AT_ONCE
from autolora.engine.packed import Segment
from autolora.errors import TrialOutOfMemory
from autolora.tasks.tap import tapped

Tokens = NDArray[np.int32]

ROWS_AT_ONCE = {"cpu": 32, "cuda": 256}
"""Rows of all slots together, by device."""
_STILL_WRITTEN = 0.75
"""When no more than this share of a batch's rows is still written, the others leave."""


@torch.no_grad()
def answers(engine: Engine, slot_ids: Sequence[str], split: str, *, most_tokens: int) -> dict[str, list[Tokens]]:
    """Return each slot's answer to every prompt of a split, as tokens, without what ends it.

    Args:
        engine: On a task that writes.
        slot_ids: Slots with their adapters.
        split: Name of the split; its rows' own answers are not looked at.
        most_tokens: Of an answer.

    Raises:
        TrialOutOfMemory: If it does not fit on the device, even row by row.
    """
    data = engine.splits[split]
    prompts = data.prompts
    order = np.argsort([len(prompt) for prompt in prompts], kind="stable")
    written: dict[str, list[Tokens]] = {slot_id: [np.zeros(0, dtype=np.int32)] * len(prompts) for slot_id in slot_ids}
    for first in range(0, len(slot_ids), SLOTS_AT_ONCE):
        together = list(slot_ids[first : first + SLOTS_AT_ONCE])
        for slot_id in together:
            engine.slots[slot_id].weights.refresh()
        at, most_rows = 0, ROWS_AT_ONCE[engine.base.device.type]
        while at < len(order):
            rows = order[at : at + max(1, most_rows // len(together))]
            try:
                found = _Batch.begun(engine, together, [prompts[row] for row in rows], data.stops).written(most_tokens)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if most_rows == 1:
                    raise TrialOutOfMemory("writing answers does not fit on the device, even row by row") from error
                most_rows = max(1, most_rows // 2)
                continue
            for slot_id, answered in zip(together, found, strict=True):
                for row, answer in zip(rows, answered, strict=True):
                    written[slot_id][row] = answer
            at += len(rows)
            engine.on_batch()
    return written


@dataclass
class _Batch:
    """Rows that are being written to, slot after slot."""

    engine: Engine
    slots: Sequence[str]
    rows_each: int
    stops: Tensor
    inputs: dict[str, Tensor]
    """What the model is given besides the tokens and the cache."""
    due: Tensor
    """The tokens of the next pass ``(rows, tokens)``."""
    cache: Any
    alive: NDArray[np.int64]
    """Which of the rows, counted through all slots, are still in the batch."""

    @classmethod
    def begun(cls, engine: Engine, slots: Sequence[str], prompts: Sequence[Tokens], stops: Sequence[int]) -> _Batch:
        from transformers import DynamicCache, EncoderDecoderCache

        model: Any = engine.base.model
        length = max(map(len, prompts))
        # On the left, so that every row's next token follows the last one.
        ids = np.stack([np.pad(p, (length - len(p), 0), constant_values=engine.pad_token) for p in prompts])
        mask = np.stack([np.arange(length) >= length - len(p) for p in prompts])
        device = engine.base.device
        due = torch.from_numpy(np.tile(ids, (len(slots), 1)).astype(np.int64)).to(device)
        inputs = {"attention_mask": torch.from_numpy(np.tile(mask, (len(slots), 1)).astype(np.int64)).to(device)}
        batch = cls(
            engine=engine,
            slots=slots,
            rows_each=len(prompts),
            stops=torch.tensor(list(stops), dtype=torch.int64, device=device),
            inputs=inputs,
            due=due,
            cache=DynamicCache(config=model.config),
            alive=np.arange(len(due)),
        )
        if model.config.is_encoder_decoder:
            batch.cache = EncoderDecoderCache(DynamicCache(config=model.config), DynamicCache(config=model.config))
            with batch._serving():
                inputs["encoded"] = model.get_encoder()(input_ids=due, **inputs).last_hidden_state
            start = model.config.decoder_start_token_id
            batch.due = torch.full((len(due), 1), start, dtype=torch.int64, device=device)
        return batch

    def written(self, most_tokens: int) -> list[list[Tokens]]:
        """Return the answers of each slot's rows."""
        tokens: list[list[int]] = [[] for _ in self.alive]
        going = torch.ones(len(self.alive), dtype=torch.bool, device=self.due.device)
        for _ in range(most_tokens):
            following = self._pass()
            going &= ~torch.isin(following, self.stops)
            still = going.cpu().numpy()
            for row, token in zip(self.alive[still], following[going].tolist(), strict=True):
                tokens[row].append(token)
            if not still.any():
                break
            self.due = following.unsqueeze(1)
            if still.mean() <= _STILL_WRITTEN:
                self._keep(going)
                going = going[going]
        rows = [np.asarray(own, dtype=np.int32) for own in tokens]
        return [rows[at : at + self.rows_each] for at in range(0, len(rows), self.rows_each)]

    def _pass(self) -> Tensor:
        """Return the likeliest next token of each row ``(rows,)``, and be ready for the one after."""
        model: Any = self.engine.base.model
        mask = self.inputs["attention_mask"]
        more: dict[str, Any]
        if model.config.is_encoder_decoder:
            from transformers.modeling_outputs import BaseModelOutput

            more = {
                "decoder_input_ids": self.due,
                "encoder_outputs": BaseModelOutput(last_hidden_state=self.inputs["encoded"]),
            }
        else:
            more = {"input_ids": self.due}
            if _takes_places(model.__class__):
                places = (mask.cumsum(dim=1) - 1).clamp_min(0)
                more["position_ids"] = places[:, -self.due.shape[1] :]
        with self._serving():
            model(attention_mask=mask, past_key_values=self.cache, use_cache=True, **more)
            head = tapped(model)
            following: Tensor = head.logits(head.take()[:, -1]).float().argmax(dim=-1)
        if not model.config.is_encoder_decoder:
            self.inputs["attention_mask"] = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        return following

    def _keep(self, going: Tensor) -> None:
        """Let the rows go whose answer has ended."""
        left = going.nonzero().squeeze(1)
        self.cache.batch_select_indices(left)
        self.inputs = {name: tensor[left] for name, tensor in self.inputs.items()}
        self.due = self.due[left]
        self.alive = self.alive[going.cpu().numpy()]

    def _serving(self) -> Any:
        owners = self.alive // self.rows_each
        ends = [int(np.searchsorted(owners, at, side="right")) for at in range(len(self.slots))]
        starts = [0, *ends[:-1]]
        segments = zip(self.slots, starts, ends, strict=True)
        return self.engine.base.pack.serving(
            tuple(Segment(*segment) for segment in segments if segment[1] < segment[2])
        )


@cache
def _takes_places(kind: Any) -> bool:
    """Whether models of a kind are told where in a row a token stands."""
    return "position_ids" in inspect.signature(kind.forward).parameters
