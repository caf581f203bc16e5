"""Python that uses a finished adapter with plain transformers and peft, for readers to copy.

Values go in as Python literals, so no text from outside becomes code.
"""

from __future__ import annotations

from collections.abc import Sequence


def loading_code(*, base_model: str, adapter: str, classes: Sequence[str], max_length: int) -> str:
    """Return a program that prints the class of a text.

    Args:
        base_model: Folder or hub id of the base.
        adapter: Folder of the adapter, from where the program is run.
        classes: In the order of the model's outputs.
        max_length: Tokens a text is cut to.
    """
    return f"""\
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

base_model = {base_model!r}  # or the folder that holds it
classes = {list(classes)!r}

tokenizer = AutoTokenizer.from_pretrained(base_model)
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
tokenizer.padding_side = "right"
base = AutoModelForSequenceClassification.from_pretrained(
    base_model, num_labels=len(classes), dtype="float32", ignore_mismatched_sizes=True
)
base.config.pad_token_id = tokenizer.pad_token_id
model = PeftModel.from_pretrained(base, {adapter!r}).eval()

texts = ["Put your own text here."]
length = min({max_length}, tokenizer.model_max_length)
batch = tokenizer(texts, truncation=True, max_length=length, padding=True, return_tensors="pt")
with torch.inference_mode():
    probabilities = model(**batch).logits.softmax(dim=-1)
for text, row in zip(texts, probabilities):
    print(classes[int(row.argmax())], round(float(row.max()), 3), text)"""
