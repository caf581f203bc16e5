"""Python that uses a finished adapter with plain transformers and peft, for readers to copy.

Values go in as Python literals, so no text from outside becomes code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autolora.records import ProblemType, Prompts

FOUR_BIT = {
    "load_in_4bit": True,
    "bnb_4bit_quant_type": "nf4",
    "bnb_4bit_use_double_quant": True,
    "bnb_4bit_compute_dtype": "bfloat16",
    # Heads are trained, and those that the checkpoint lacks have nothing to be packed. (Patterns since transformers 5.)
    "llm_int8_skip_modules": ["classifier", "pre_classifier", "pooler", ".*pooler", "score"],
}
"""transformers' ``BitsAndBytesConfig`` of a base in 4 bits, as QLoRA has it (arXiv 2305.14314)."""


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
    prompts: Prompts | None = None
    """How prompts are put to a base that writes."""
    closed: Sequence[str] = ()
    """Of which the likeliest is the answer; none lets it be written."""


def loading_code(answers: Answers, *, base_model: str, adapter: str, max_length: int, four_bit: bool = False) -> str:
    """Return a program that prints the answer to a text.

    Args:
        answers: How outputs are to be read.
        base_model: Folder or hub id of the base.
        adapter: Folder of the adapter, from where the program is run.
        max_length: Tokens a text is cut to.
        four_bit: Whether the adapter was trained on the base in 4 bits.
    """
    if answers.prompts is not None:
        return _writing_code(answers, answers.prompts, base_model=base_model, adapter=adapter, four_bit=four_bit)
    names = f"classes = {list(answers.classes)!r}\n" if answers.classes else ""
    num_labels = "len(classes)" if answers.classes else "1"
    classes = ["AutoModelForSequenceClassification", "AutoTokenizer"]
    dtype, packed = "float32", ""
    if four_bit:
        dtype = "bfloat16"  # of weights in another precision, some would be packed as other numbers
        classes.append("BitsAndBytesConfig")
        arguments = ", ".join(f"{name}={value!r}" for name, value in FOUR_BIT.items())
        packed = f"\n    quantization_config=BitsAndBytesConfig({arguments}),"
    return f"""\
import torch
from peft import PeftModel
from transformers import {", ".join(classes)}

base_model = {base_model!r}  # or the folder that holds it
{names}
tokenizer = AutoTokenizer.from_pretrained(base_model)
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
tokenizer.padding_side = "right"
base = AutoModelForSequenceClassification.from_pretrained(
    base_model, num_labels={num_labels}, dtype="{dtype}", ignore_mismatched_sizes=True,{packed}
)
base.config.pad_token_id = tokenizer.pad_token_id
model = PeftModel.from_pretrained(base, {adapter!r}).eval()

texts = ["Put your own text here."]
length = min({max_length}, tokenizer.model_max_length)
batch = tokenizer(texts, truncation=True, max_length=length, padding=True, return_tensors="pt")
with torch.inference_mode():
    outputs = model(**batch).logits
{_printing(answers)}"""


def _writing_code(answers: Answers, prompts: Prompts, *, base_model: str, adapter: str, four_bit: bool) -> str:
    auto = "AutoModelForSeq2SeqLM" if prompts.in_pairs else "AutoModelForCausalLM"
    classes, dtype, packed = [auto, "AutoTokenizer"], "float32", ""
    if not answers.closed:
        classes.append("GenerationConfig")
    if four_bit:
        classes.append("BitsAndBytesConfig")
        arguments = ", ".join(f"{name}={value!r}" for name, value in FOUR_BIT.items())
        dtype, packed = "bfloat16", f", quantization_config=BitsAndBytesConfig({arguments})"
    if prompts.chat_template:
        filled = (
            'tokenizer.apply_chat_template(\n    [{"role": "user", "content": prompt}], tokenize=False,'
            " add_generation_prompt=True\n)"
        )
        special = ", add_special_tokens=False"
    else:
        filled, special = f"{prompts.plain!r}.replace('{{prompt}}', prompt)", ""
    head = f"""\
import torch
from peft import PeftModel
from transformers import {", ".join(sorted(classes))}

base_model = {base_model!r}  # or the folder that holds it
tokenizer = AutoTokenizer.from_pretrained(base_model)
base = {auto}.from_pretrained(base_model, dtype="{dtype}"{packed})
model = PeftModel.from_pretrained(base, {adapter!r}).eval()

prompt = "Put your own prompt here."
text = {filled}
"""
    return head + (_choosing(answers, prompts, special) if answers.closed else _writing(prompts, special))


def _writing(prompts: Prompts, special: str) -> str:
    shown = "out[0]" if prompts.in_pairs else 'out[0, batch["input_ids"].shape[1]:]'
    ended = ""
    if prompts.drops:
        ended = f"\nbatch = {{name: row[:, :-{prompts.drops}] for name, row in batch.items()}}  # the prompt goes on"
    return f"""\
batch = tokenizer(text{special}, return_tensors="pt"){ended}
greedy = GenerationConfig(
    do_sample=False,
    max_new_tokens={prompts.longest_answer},
    eos_token_id={list(prompts.stops)!r},
    pad_token_id=tokenizer.pad_token_id or {prompts.stops[0]},
)
with torch.inference_mode():
    out = model.generate(**batch, generation_config=greedy)
print(tokenizer.decode({shown}, skip_special_tokens=True).strip())"""


def _choosing(answers: Answers, prompts: Prompts, special: str) -> str:
    dropped, cut = (f" - {prompts.drops}", f"[:-{prompts.drops}]") if prompts.drops else ("", "")
    gap = "" if prompts.chat_template or prompts.plain[-1:].isspace() else " "
    if prompts.in_pairs:
        start, scores = (
            'batch = tokenizer(text, return_tensors="pt")',
            """\
        due = torch.tensor(tokenizer(answer)["input_ids"])
        scores = model(**batch, labels=due[None]).logits[0].log_softmax(dim=-1)""",
        )
    else:
        start = f'start = len(tokenizer(text{special})["input_ids"]){dropped}'
        end = prompts.stops[0]
        scores = f"""\
        ids = torch.tensor(tokenizer(text + {gap!r} + answer{special})["input_ids"]{cut} + [{end}])
        due, scores = ids[start:], model(input_ids=ids[None]).logits[0, start - 1 : -1].log_softmax(dim=-1)"""
    return f"""\
answers = {list(answers.closed)!r}
{start}
losses = []
with torch.inference_mode():
    for answer in answers:
{scores}
        losses.append(-float(scores.gather(1, due[:, None]).sum()))
print(answers[losses.index(min(losses))])"""


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
