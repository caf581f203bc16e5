"""Runs as a script of its own: a bundle in plain transformers and peft, as any user would load it. Imports no autolora.

Usage: python bundle_check.py ADAPTER_FOLDER BASE_FOLDER LOGITS.npy < {"texts": [...], "max_length": N, "num_labels": N,
"quantization": null, or the arguments of a BitsAndBytesConfig}
Writes the logits (rows, num_labels) in float32, and prints the seconds.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def logits_of(adapter: str, base: str, request: dict[str, Any], batch_size: int = 32) -> Any:
    """Return the logits of each text ``(rows, num_labels)``."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, BitsAndBytesConfig

    tokenizer = AutoTokenizer.from_pretrained(base)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    options: dict[str, Any] = {"dtype": torch.float32}
    if request["quantization"]:  # of weights in another precision, some would be packed as other numbers
        packing = BitsAndBytesConfig(**request["quantization"])
        options = {"dtype": torch.bfloat16, "quantization_config": packing}
    model = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=request["num_labels"], ignore_mismatched_sizes=True, **options
    )
    model.config.pad_token_id = tokenizer.pad_token_id
    model = PeftModel.from_pretrained(model, adapter).eval()
    texts = request["texts"]
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))  # texts of like length share little padding
    logits = torch.zeros(len(texts), request["num_labels"])
    with torch.no_grad():
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            limit = min(request["max_length"], int(tokenizer.model_max_length))
            batch = tokenizer(
                [texts[at] for at in rows], truncation=True, max_length=limit, padding=True, return_tensors="pt"
            )
            logits[rows] = model(**batch).logits.float()
    return logits.numpy()


def main() -> None:
    """Read the request, predict, print."""
    import warnings

    import numpy as np

    warnings.simplefilter("ignore")
    start = time.perf_counter()
    np.save(sys.argv[3], logits_of(sys.argv[1], sys.argv[2], json.load(sys.stdin)))
    print(time.perf_counter() - start)


if __name__ == "__main__":
    # As a script this file's folder comes first on the path; nothing in it may shadow a library.
    sys.path.pop(0)
    main()
