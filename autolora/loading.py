"""Python that uses a finished adapter with plain transformers and peft, for readers to copy.

Values go in as Python literals, so no text from outside becomes code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autolora.records import ProblemType


@dataclass(frozen=True, kw_only=True)
class Answers:
    """How the outputs of an adapter's model are to be read."""

    problem: ProblemType = "single_label"
    classes: Sequence[str] = ()
    """In the order of the model's outputs."""
    threshold: float | None = None
    """Probability from which a class is given, where a text may have several."""
    center: float = 0.0
    scale: float = 1.0
    """A number is output * scale + center."""


def loading_code(answers: Answers, *, base_model: str, adapter: str, max_length: int) -> str:
    """Return a program that prints the answer to a text.

    Args:
        answers: How outputs are to be read.
        base_model: Folder or hub id of the base.
        adapter: Folder of the adapter, from where the program is run.
        max_length: Tokens a text is cut to.
    """
    names = f"classes = {list(answers.classes)!r}\n" if answers.classes else ""
    num_labels = "len(classes)" if answers.classes else "1"
    return f"""\
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

base_model = {base_model!r}  # or the folder that holds it
{names}
tokenizer = AutoTokenizer.from_pretrained(base_model)
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
tokenizer.padding_side = "right"
base = AutoModelForSequenceClassification.from_pretrained(
    base_model, num_labels={num_labels}, dtype="float32", ignore_mismatched_sizes=True
)
base.config.pad_token_id = tokenizer.pad_token_id
model = PeftModel.from_pretrained(base, {adapter!r}).eval()

texts = ["Put your own text here."]
length = min({max_length}, tokenizer.model_max_length)
batch = tokenizer(texts, truncation=True, max_length=length, padding=True, return_tensors="pt")
with torch.inference_mode():
    outputs = model(**batch).logits
{_printing(answers)}"""


def _printing(answers: Answers) -> str:
    """Return the lines that print what the outputs say."""
    if answers.problem == "regression":
        return f"""\
for text, number in zip(texts, outputs[:, 0] * {answers.scale!r} + {answers.center!r}):
    print(round(float(number), 6), text)"""
    if answers.problem == "multi_label":
        threshold = 0.5 if answers.threshold is None else answers.threshold
        return f"""\
for text, row in zip(texts, outputs.sigmoid()):
    print([name for name, probability in zip(classes, row) if probability >= {threshold!r}], text)"""
    return """\
for text, row in zip(texts, outputs.softmax(dim=-1)):
    print(classes[int(row.argmax())], round(float(row.max()), 3), text)"""
