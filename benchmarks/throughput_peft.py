"""Plain PEFT's part of ``throughput.py``, in a process that shares nothing with ours: a request comes in on stdin."""

from __future__ import annotations

import json
import statistics
import sys
import time

import torch
import transformers
from peft import LoraConfig, get_peft_model


def main() -> None:
    request = json.load(sys.stdin)
    args = request["args"]
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(request["threads"])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    base = transformers.AutoModelForSequenceClassification.from_pretrained(
        args["model"], num_labels=8, attn_implementation=request["attention"]
    )
    base.config.pad_token_id = base.config.pad_token_id or 0
    lora = LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=request["targets"])
    model = get_peft_model(base, lora).to(device).train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=1e-4)
    words = base.get_input_embeddings().num_embeddings
    ids = torch.randint(min(1000, words // 2), words, (args["batch"], args["length"]), device=device)
    labels = torch.randint(0, 8, (args["batch"],), device=device)
    mask = torch.ones_like(ids)

    def step() -> None:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=request["bf16"]):
            loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad()

    step()
    figures = []
    for _ in range(args["repeats"]):
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < args["seconds"]:
            step()
            count += 1
        if device.type == "cuda":
            torch.cuda.synchronize()
        figures.append(args["batch"] * count / (time.perf_counter() - start))
    print(statistics.median(figures))


if __name__ == "__main__":
    main()
