"""What a reader may copy: the task file, the commands that repeat the search, and code that loads the adapter.

Values go in as YAML, as a quoted shell word or as a Python literal, so no text from outside becomes a command.
"""

from __future__ import annotations

import shlex

import yaml

from autolora.report.source import SearchReport

BUNDLE = "adapter"
"""Folder of the bundle inside the run folder."""


def task_file(report: SearchReport) -> str:
    """Return the request as the text of ``task.yaml``."""
    return yaml.safe_dump(report.shareable_request, sort_keys=False, allow_unicode=True, width=100).strip()


def commands(report: SearchReport) -> str:
    """Return the commands that repeat the search from its task file, print its verdict and write this report again."""
    folder = shlex.quote(f"runs/{_folder_name(report.name)}")
    return f"autolora search task.yaml --out {folder}\nautolora recommend {folder}\nautolora report {folder}"


def _folder_name(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name).strip("-.") or "search"


def loading_code(report: SearchReport) -> str:
    """Return Python that classifies a text with plain transformers and peft, from inside the run folder."""
    classes = list(report.data.classes)
    return f"""\
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

base_model = {report.base_model!r}  # or the folder that holds it
classes = {classes!r}

tokenizer = AutoTokenizer.from_pretrained(base_model)
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
base = AutoModelForSequenceClassification.from_pretrained(base_model, num_labels=len(classes), dtype="float32")
base.config.pad_token_id = tokenizer.pad_token_id
model = PeftModel.from_pretrained(base, {BUNDLE!r}).eval()

texts = ["Put your own text here."]
batch = tokenizer(texts, truncation=True, max_length={report.data.max_length}, padding=True, return_tensors="pt")
with torch.inference_mode():
    probabilities = model(**batch).logits.softmax(dim=-1)
for text, row in zip(texts, probabilities):
    print(classes[int(row.argmax())], round(float(row.max()), 3), text)"""
