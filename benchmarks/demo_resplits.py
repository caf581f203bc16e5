"""Does an adapter beat TF-IDF on the demo's English enquiries, whichever rows it is tested on?

For each seed the rows are split anew; one fixed configuration (rank 8 on all linear modules of the last half of the
layers, rate 3e-3, four epochs of batches of 8) is trained on the training rows and scored on the test rows, beside
TF-IDF with logistic regression. Nothing is chosen on test rows.

    python benchmarks/demo_resplits.py --seeds 5
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from autolora import demo
from autolora.data import prepare
from autolora.data_request import DataRequest
from autolora.engine import baselines
from autolora.engine.start import EngineSpec, start
from autolora.tasks.metrics import Scorer
from autolora.tasks.problems import problem_of
from autolora.tasks.task import load_tokenizer

CHOICE = ("all_linear", "last_half")
PARAMS = {
    "rank": 8, "alpha_over_rank": 2, "use_rslora": False, "target_modules": CHOICE[0], "layers": CHOICE[1],
    "learning_rate": 3e-3, "dropout": 0.0, "warmup_share": 0.0, "weight_decay": 0.0, "epochs": 4, "batch_size": 8,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--length", type=int, default=64)
    args = parser.parse_args()
    print("| seed | TF-IDF macro-F1, test | adapter macro-F1, test | rows | training (s) |\n|---|---|---|---|---|")
    wins = 0
    for seed in range(args.seeds):
        source = DataRequest(path=str(demo.data_file()), hub=None, text="text", label="label", test=None)
        data = prepare(source, seed=seed)
        engine, facts = start(
            EngineSpec(
                folder=str(demo.base_folder()),
                base_id=demo.BASE_ID,
                problem=problem_of(data),
                max_length=args.length,
                train=data.train,
                validation=data.validation,
                precision="auto",
                choices=(CHOICE,),
            )
        )
        engine.splits["test"] = engine.task.encode(load_tokenizer(demo.base_folder()), data.test)
        scorer = Scorer.build("macro_f1", np.asarray(data.test.labels), len(data.classes))
        slot = engine.admit("adapter", facts.costs.config(PARAMS), seed=seed + 1)
        begun = time.perf_counter()
        for _ in range(slot.total_steps):
            engine.step([slot.id])
        seconds = time.perf_counter() - begun
        adapter = scorer.value(engine.outputs(slot.id, "test"))
        words = scorer.value(baselines.tfidf(problem_of(data), "macro_f1", data.train, data.validation, data.test).test)
        wins += adapter > words
        print(f"| {seed} | {words:.3f} | {adapter:.3f} | {len(data.test)} | {seconds:.1f} |", flush=True)
    print(f"the adapter was better on {wins} of {args.seeds} splits")


if __name__ == "__main__":
    main()
