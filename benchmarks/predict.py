"""Rows a second of ``autolora predict``, against a bare transformers loop over the same batches of the same bundle.

    python benchmarks/predict.py BUNDLE ROWS.csv --base-model FOLDER [--text text] [--repeats 5]

Both read the same rows, sorted by length in the same windows and cut into the same batches, in the same precision. The
loop calls the tokenizer and the model with the adapter as PEFT loads it, and takes the likeliest class; ``predict``
also reads the file, makes confidences and writes the rows out again. Once with the adapter merged, as predict does by
itself, and once with the adapter apart on both sides. Rates are medians of turns that alternate.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
import time
from pathlib import Path

import torch
from peft import PeftModel
from provenance import provenance
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from autolora.engine import device as devices
from autolora.predict.opening import Opened, opened
from autolora.predict.predictor import Predictor
from autolora.predict.streaming import WINDOW, pass_through


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("rows", help="CSV")
    parser.add_argument("--base-model", required=True)
    parser.add_argument("--text", default="text")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", default="predict.json")
    args = parser.parse_args()
    it = opened(args.bundle, args.base_model)
    with open(args.rows, newline="", encoding="utf-8") as file:
        texts = [row[args.text] for row in csv.DictReader(file)]
    found = {}
    for name, apart in (("merged", False), ("apart", True)):
        predictor = Predictor(it, explains=apart)
        predictor.explains = False  # one pass a row: what is measured is the answer itself
        loop = Loop(it, merged=not apart)
        ours, theirs = [], []
        for _ in range(args.repeats + 1):  # the first warms up
            theirs.append(loop.rate(texts, args.batch_size))
            with tempfile.TemporaryDirectory() as folder:
                target = Path(folder) / "out.csv"
                passed = pass_through(predictor, args.rows, target, column=args.text, batch_size=args.batch_size)
            ours.append(passed.rate)
        own, other = statistics.median(ours[1:]), statistics.median(theirs[1:])
        found[name] = {"predict_rows_per_second": own, "loop_rows_per_second": other, "ratio": own / other}
        print(f"adapter {name}: predict {own:,.1f} rows/s, bare loop {other:,.1f} rows/s, {own / other:.3f} times")
    Path(args.out).write_text(
        json.dumps({"rows": len(texts), **found, **provenance(devices.in_words(devices.pick()))}, indent=1) + "\n"
    )


class Loop:
    """What an engineer writes: tokenizer, model, argmax."""

    def __init__(self, it: Opened, *, merged: bool) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(it.base.folder)
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        base = AutoModelForSequenceClassification.from_pretrained(
            it.base.folder, num_labels=len(it.says.classes), ignore_mismatched_sizes=True, dtype=torch.float32
        )
        base.config.pad_token_id = self.tokenizer.pad_token_id
        model = PeftModel.from_pretrained(base, str(it.folder))
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = (model.merge_and_unload() if merged else model).to(device).eval()
        self.device, self.limit = device, min(it.says.max_length, int(self.tokenizer.model_max_length))

    def rate(self, texts: list[str], batch_size: int) -> float:
        """Return rows a second over the batches that predict takes."""
        windows = [texts[at : at + WINDOW] for at in range(0, len(texts), WINDOW)]
        lengths = [[len(ids) for ids in self.tokenizer(window, verbose=False)["input_ids"]] for window in windows]
        batches = [
            [window[at] for at in order[start : start + batch_size]]
            for window, own in zip(windows, lengths, strict=True)
            for order in [sorted(range(len(window)), key=own.__getitem__)]
            for start in range(0, len(window), batch_size)
        ]
        begun = time.perf_counter()
        with torch.inference_mode():
            for batch in batches:
                inputs = self.tokenizer(
                    batch, truncation=True, max_length=self.limit, padding=True, return_tensors="pt"
                ).to(self.device)
                self.model(**inputs).logits.argmax(dim=-1).tolist()
        return len(texts) / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
