"""The reference: one adapter trained alone with plain transformers, PEFT and AdamW, on the rows of the engine."""

from __future__ import annotations

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch import nn

from autolora.engine import state
from autolora.engine.engine import Engine
from autolora.engine.order import epoch_batches
from autolora.records import AdapterConfig


class PlainPeft:
    """A loop that any engineer would write; it shares no code with the engine but the order of rows and the start."""

    def __init__(self, engine: Engine, config: AdapterConfig, *, seed: int, start=None) -> None:
        from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

        if start is None:
            engine.admit("probe", config, seed=seed)
            start = state.adapter_tensors(engine.slots["probe"])
            engine.release("probe")
        self.engine, self.config, self.seed = engine, config, seed
        dtype = engine.base.dtype
        kind, auto, labels = {
            "SEQ_CLS": ("SEQ_CLS", AutoModelForSequenceClassification, {"num_labels": engine.task.problem.num_labels}),
            "CAUSAL_LM": ("CAUSAL_LM", AutoModelForCausalLM, {}),
            "SEQ_2_SEQ_LM": ("SEQ_2_SEQ_LM", AutoModelForSeq2SeqLM, {}),
        }[engine.base.peft_task_type]
        base = auto.from_pretrained(engine.base.checkpoint.folder, dtype=dtype, attn_implementation="eager", **labels)
        arch = engine.base.architecture
        lora = LoraConfig(
            task_type=kind,
            r=config.rank,
            lora_alpha=config.alpha,
            use_rslora=config.use_rslora,
            target_modules=list(arch.full_names(config.layers, config.target_modules)),
            modules_to_save=list(engine.base.modules_to_save),
            fan_in_fan_out=engine.base.model.config.model_type == "gpt2",
        )
        self.model = get_peft_model(base, lora).eval()  # eval: the frozen base has dropout of its own
        self.model.to(dtype)
        loaded = set_peft_model_state_dict(self.model, start)
        assert not loaded.unexpected_keys
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]

    def tensors(self) -> dict[str, torch.Tensor]:
        return {k: v.detach().clone() for k, v in get_peft_model_state_dict(self.model).items()}

    def gradients(self) -> dict[str, torch.Tensor]:
        self._loss(0).backward()
        named = {
            name.replace(".default", "").replace("modules_to_save.", ""): p.grad
            for name, p in self.model.named_parameters()
            if p.requires_grad
        }
        return named

    def train(self, steps: int) -> None:
        c = self.config
        optimiser = torch.optim.AdamW(self.parameters, lr=c.learning_rate, weight_decay=c.weight_decay)
        rows = len(self.engine.splits["train"])
        total = max(1, round(c.epochs * -(-rows // c.batch_size)))
        warmup = -(-int(c.warmup_share * total * 1000) // 1000)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser,
            lambda step: step / warmup if step < warmup else max(0.0, (total - step) / max(1, total - warmup)),
        )
        for step in range(steps):
            self._loss(step).backward()
            nn.utils.clip_grad_norm_(self.parameters, 1.0)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()

    def _loss(self, step: int) -> torch.Tensor:
        data = self.engine.splits["train"]
        per_epoch = -(-len(data) // self.config.batch_size)
        epoch, batch = divmod(step, per_epoch)
        rows = epoch_batches(data.kept_lengths, self.config.batch_size, seed=self.seed, epoch=epoch)[batch]
        if self.engine.task.problem.name == "generation":
            return self._loss_of_answers(rows)
        length = max(len(data.tokens[row]) for row in rows)
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for at, row in enumerate(rows):
            ids[at, : len(data.tokens[row])] = torch.from_numpy(data.tokens[row].astype("int64"))
            mask[at, : len(data.tokens[row])] = 1
        logits = self.model(input_ids=ids, attention_mask=mask).logits
        targets, problem = torch.from_numpy(data.targets[rows]), self.engine.task.problem
        if problem.name == "multi_label":
            return nn.functional.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
        if problem.name == "regression":
            return nn.functional.mse_loss(logits[:, 0] * problem.scale + problem.center, targets) / problem.scale**2
        return nn.functional.cross_entropy(logits, targets)

    def _loss_of_answers(self, rows) -> torch.Tensor:
        """As transformers' Trainer has it: labels of -100 where nothing is learned, the mean over all others."""
        data = self.engine.splits["train"]
        tokens, starts = [torch.from_numpy(data.tokens[row].astype("int64")) for row in rows], data.targets[rows]
        if self.model.config.is_encoder_decoder:
            read = [own[:start] for own, start in zip(tokens, starts, strict=True)]
            written = [own[start:] for own, start in zip(tokens, starts, strict=True)]
            ids = nn.utils.rnn.pad_sequence(read, batch_first=True)
            labels = nn.utils.rnn.pad_sequence(written, batch_first=True, padding_value=-100)
        else:
            ids = nn.utils.rnn.pad_sequence(tokens, batch_first=True)
            labels = nn.utils.rnn.pad_sequence(tokens, batch_first=True, padding_value=-100)
            for at, start in enumerate(starts):
                labels[at, :start] = -100
        lengths = torch.tensor([len(own) for own in (read if self.model.config.is_encoder_decoder else tokens)])
        mask = (torch.arange(ids.shape[1])[None, :] < lengths[:, None]).long()
        logits = self.model(input_ids=ids, attention_mask=mask, labels=labels).logits
        if not self.model.config.is_encoder_decoder:
            logits, labels = logits[:, :-1], labels[:, 1:]
        return nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
