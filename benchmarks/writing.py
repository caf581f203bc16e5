"""Tokens a second that several adapters write together, against PEFT's own mixed batches and one adapter at a time.

    python benchmarks/writing.py --model FOLDER [--adapters 8] [--rows 4] [--tokens 64]

Every way writes as many tokens to as many prompts: ``--rows`` for each adapter, greedily, and none ends early. PEFT
gets one batch with ``adapter_names``, on the same base in the same precision; that, and ours together, have
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from provenance import provenance
from transformers import AutoModelForCausalLM, GenerationConfig

from autolora.engine import attention, together, writing
from autolora.engine import device as devices
from autolora.engine.base import load_base
from autolora.engine.checkpoint import find
from autolora.engine.engine import Engine
from autolora.records import AdapterConfig
from autolora.tasks.kinds import task_of
from autolora.tasks.problems import Generation
from autolora.tasks.task import Encoded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of a decoder")
    parser.add_argument("--adapters", type=int, default=8)
    parser.add_argument("--rows", type=int, default=4, help="of each adapter")
    parser.add_argument("--prompt", type=int, default=48, help="tokens of a prompt")
    parser.add_argument("--tokens", type=int, default=64, help="that are written to each")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--out", default="writing.json")
    args = parser.parse_args()
    device = devices.pick()
    precision, _ = devices.pick_precision(device, args.precision)
    checkpoint = find(args.model)
    task = task_of(Generation(), max_length=args.prompt + args.tokens, folder=checkpoint.folder)
    base = load_base(checkpoint, task, precision=precision, device=device)
    engine = Engine(base, task, {"train": prompts(args, base), "test": prompts(args, base)})
    config = AdapterConfig(
        rank=args.rank,
        alpha=2 * args.rank,
        target_modules=base.architecture.modules("all_linear"),
        layers=base.architecture.layer_range("all"),
        learning_rate=1e-4,
        batch_size=args.rows,
    )
    chosen = {"attention": attention.choose(engine), "together": together.choose(engine)}
    names = [f"adapter {at}" for at in range(args.adapters)]
    for at, name in enumerate(names):
        engine.admit(name, config, seed=at)
    peft = plain(args, config, base, chosen["attention"])
    ids = torch.from_numpy(np.stack(engine.splits["test"].tokens)[:, : args.prompt].astype(np.int64)).to(device)

    def ours() -> None:
        writing.answers(engine, names, "test", most_tokens=args.tokens)

    def one_by_one() -> None:
        for name in names:
            writing.answers(engine, [name], "test", most_tokens=args.tokens)

    def mixed() -> None:
        every = ids.repeat(args.adapters, 1)
        owners = [name.replace(" ", "_") for name in names for _ in range(args.rows)]
        write(peft, every, args.tokens, adapter_names=owners)

    ways: dict[str, Callable[[], None]] = {
        "ours, together": ours,
        "ours, one adapter at a time": one_by_one,
        "PEFT, mixed batch": mixed,
    }
    written = args.adapters * args.rows * args.tokens
    rates = measured(ways, written, args.repeats, device)
    result = {**provenance(devices.in_words(device)), "precision": precision, **chosen, **rates, "args": vars(args)}
    print(f"{result['device']}, {precision}; {Path(args.model).name}; {args.adapters} adapters, {args.rows} rows each")
    print("\n| way | tokens/s | together over it |\n|---|---|---|")
    for way, rate in rates.items():
        print(f"| {way} | {rate:,.0f} | {rates['ours, together'] / rate:.2f} |")
    Path(args.out).write_text(json.dumps(result, indent=1))


def prompts(args: argparse.Namespace, base: Any) -> Encoded:
    """Return made-up prompts, with an answer of one token each that is not looked at."""
    words = base.model.get_input_embeddings().num_embeddings
    random = np.random.default_rng(0)
    rows = tuple(random.integers(words // 4, words, args.prompt + 1).astype(np.int32) for _ in range(args.rows))
    lengths = np.full(len(rows), args.prompt)
    return Encoded(tokens=rows, targets=lengths, full_lengths=lengths + 1, unknown_share=0.0)


def plain(args: argparse.Namespace, config: AdapterConfig, base: Any, way: str) -> Any:
    """Return the base with as many adapters in plain PEFT."""
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=base.dtype, attn_implementation=way).to(base.device)
    lora = LoraConfig(
        task_type="CAUSAL_LM",
        r=config.rank,
        lora_alpha=config.alpha,
        target_modules=list(base.architecture.full_names(config.layers, config.target_modules)),
        init_lora_weights=False,
    )
    peft: PeftModel = get_peft_model(model, lora, adapter_name="adapter_0")
    for at in range(1, args.adapters):
        peft.add_adapter(f"adapter_{at}", lora)
    return peft.to(dtype=base.dtype).eval()


@torch.no_grad()
def write(model: Any, ids: torch.Tensor, tokens: int, **options: Any) -> None:
    greedy = GenerationConfig(do_sample=False, min_new_tokens=tokens, max_new_tokens=tokens, pad_token_id=0)
    model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=greedy, **options)


def measured(ways: dict[str, Callable[[], None]], written: int, repeats: int, device: torch.device) -> dict[str, float]:
    """Return each way's tokens a second, the median of some goes in turn."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for go in range(repeats + 1):  # the first warms up
        for way, work in ways.items():
            start = time.perf_counter()
            work()
            devices.synchronise(device)
            if go:
                seconds[way].append(time.perf_counter() - start)
    return {way: written / statistics.median(took) for way, took in seconds.items()}


if __name__ == "__main__":
    main()
