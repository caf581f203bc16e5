"""Runs as a script of its own: a bundle that writes, in plain transformers and peft. Imports no autolora.

Usage: python bundle_check_writing.py ADAPTER_FOLDER BASE_FOLDER FOUND.json < {"prompts": ..., "rows": ..., ...}

- ``prompts``: of each row, a list of messages where the tokenizer's chat template is used, else the prompt as text
- ``rows``: of each row, its tokens, and how many of them are the prompt; the others are scored
- ``closed``: tokens of the answers to choose from by likelihood; none has answers written
- ``in_pairs``, ``stops``, ``longest_answer``: whether an encoder reads the prompt; how answers end
- ``quantization``: null, or the arguments of a BitsAndBytesConfig

Writes ``{"answers": [texts, or places in closed], "losses": [[summed loss, tokens], ...]}``, and prints the seconds.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

_ROWS = 16
_LOGIT_BYTES = 256 * 2**20


def load(adapter: str, base: str, request: dict[str, Any]) -> tuple[Any, Any]:
    """Return the tokenizer, and the base with its adapter."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer, BitsAndBytesConfig

    tokenizer = AutoTokenizer.from_pretrained(base, padding_side="right" if request["in_pairs"] else "left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    options: dict[str, Any] = {"dtype": torch.float32}
    if request["quantization"]:  # of weights in another precision, some would be packed as other numbers
        packing = BitsAndBytesConfig(**request["quantization"])
        options = {"dtype": torch.bfloat16, "quantization_config": packing}
    auto = AutoModelForSeq2SeqLM if request["in_pairs"] else AutoModelForCausalLM
    return tokenizer, PeftModel.from_pretrained(auto.from_pretrained(base, **options), adapter).eval()


def written(tokenizer: Any, model: Any, request: dict[str, Any]) -> list[str]:
    """Return what is written to each prompt."""
    from transformers import GenerationConfig

    if not request["longest_answer"]:  # only losses are compared
        return []
    greedy = GenerationConfig(
        do_sample=False,
        max_new_tokens=request["longest_answer"],
        eos_token_id=request["stops"],
        pad_token_id=tokenizer.pad_token_id,
    )
    rows = [_ids(tokenizer, prompt, request["in_pairs"]) for prompt in request["prompts"]]
    order = sorted(range(len(rows)), key=lambda at: len(rows[at]))
    answers = [""] * len(rows)
    for start in range(0, len(order), _ROWS):
        own = order[start : start + _ROWS]
        batch = tokenizer.pad({"input_ids": [rows[at] for at in own]}, return_tensors="pt")
        out = model.generate(**batch, generation_config=greedy)
        new = out if request["in_pairs"] else out[:, batch["input_ids"].shape[1] :]
        for at, text in zip(own, tokenizer.batch_decode(new, skip_special_tokens=True), strict=True):
            answers[at] = text.strip()
    return answers


def losses_of(model: Any, rows: list[tuple[list[int], int]], *, in_pairs: bool) -> list[list[float]]:
    """Return the summed loss and the number of each row's answer's tokens."""
    vocabulary = model.get_input_embeddings().num_embeddings
    order = sorted(range(len(rows)), key=lambda at: len(rows[at][0]))
    found: list[list[float]] = [[] for _ in rows]
    while order:
        # As many as have room for their logits; the longest is the last.
        count = max(1, min(_ROWS, _LOGIT_BYTES // (4 * vocabulary * len(rows[order[min(_ROWS, len(order)) - 1]][0]))))
        own, order = order[:count], order[count:]
        for at, losses in zip(own, _losses(model, [rows[at] for at in own], in_pairs=in_pairs), strict=True):
            found[at] = losses
    return found


def _losses(model: Any, rows: list[tuple[list[int], int]], *, in_pairs: bool) -> list[list[float]]:
    import torch
    from torch.nn.functional import cross_entropy
    from torch.nn.utils.rnn import pad_sequence

    read = [torch.tensor(tokens[:start] if in_pairs else tokens, device=model.device) for tokens, start in rows]
    ids = pad_sequence(read, batch_first=True)
    mask = pad_sequence([torch.ones_like(own) for own in read], batch_first=True)
    labels = {}
    if in_pairs:
        due = [torch.tensor(tokens[start:], device=model.device) for tokens, start in rows]
        labels = {"labels": pad_sequence(due, batch_first=True, padding_value=-100)}
    logits = model(input_ids=ids, attention_mask=mask, **labels).logits.float()
    found = []
    for own, (tokens, start) in zip(logits, rows, strict=True):
        answer = torch.tensor(tokens[start:], device=model.device)
        first = 0 if in_pairs else start - 1
        loss = cross_entropy(own[first : first + len(answer)], answer, reduction="sum")
        found.append([float(loss), len(answer)])
    return found


def _ids(tokenizer: Any, prompt: Any, in_pairs: bool) -> list[int]:
    if isinstance(prompt, list):
        text = tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])
    ids = list(tokenizer(prompt)["input_ids"])
    ends = ids[-1:] == [tokenizer.eos_token_id] and tokenizer.eos_token_id != tokenizer.bos_token_id
    return ids[:-1] if ends and not in_pairs else ids  # some tokenizers end every text; a prompt goes on


def main() -> None:
    """Read the request, answer, write what was found."""
    import warnings

    import torch

    warnings.simplefilter("ignore")
    start = time.perf_counter()
    request = json.load(sys.stdin)
    with torch.no_grad():
        tokenizer, model = load(sys.argv[1], sys.argv[2], request)
        rows = [(tokens, length) for tokens, length in request["rows"]]
        answers: list[Any]
        if request["closed"]:
            answers = []
            for tokens, length in rows:
                every = [(tokens[:length] + list(answer), length) for answer in request["closed"]]
                summed = [loss for loss, _ in losses_of(model, every, in_pairs=request["in_pairs"])]
                answers.append(summed.index(min(summed)))
        else:
            answers = list(written(tokenizer, model, request))
        found = {"answers": answers, "losses": losses_of(model, rows, in_pairs=request["in_pairs"])}
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        json.dump(found, file)
    print(time.perf_counter() - start)


if __name__ == "__main__":
    # As a script this file's folder comes first on the path; nothing in it may shadow a library.
    sys.path.pop(0)
    main()
