"""How often verdicts are right: where there is nothing to find, and where there is a gain of five points.

    python benchmarks/verdicts.py RUN [RUN ...] [--runs 500] [--rows 200 400 800]

Takes what finished searches said of their test rows (``predictions.json``) and judges made-up outcomes with the rule
itself, each on rows drawn anew with replacement:

- *shuffled*: the true labels are shuffled among the rows, so that nothing that is said has to do with them.
- *no gain*: on every row, what the adapter says and what the strongest rival without a search says change places by the
  toss of a coin: on average neither is better.
- *five points*: the adapter has five points more rows right than the strongest rival, and disagrees with it as often as
  in the record: rows that it gains and rows that it loses are drawn among the rival's wrong and right ones.

Prints the share of each that ends in ``adopt``: the first two should be at most 5 %, the last at least 80 %.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
from provenance import provenance

from autolora import results
from autolora.objectives import METRICS
from autolora.records import Candidate
from autolora.request import Limits
from autolora.tasks.metrics import Scorer
from autolora.verdict import judge

_GAIN = 0.05
Predictions = dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="+")
    parser.add_argument("--runs", type=int, default=500, help="of each kind and size")
    parser.add_argument("--rows", type=int, nargs="+", default=[200, 400, 800])
    parser.add_argument("--out", default="verdicts.json")
    args = parser.parse_args()
    found = {path: simulate(Recorded(Path(path)), args.runs, args.rows) for path in args.run}
    Path(args.out).write_text(json.dumps({"runs": found, **provenance("no device")}, indent=1) + "\n")


class Recorded:
    """A finished search of one class a row."""

    def __init__(self, path: Path) -> None:
        record = results.read(path)
        assert record.confirm is not None
        assert record.recommendation is not None
        assert record.predictions is not None
        self.name, self.confirm = record.recommendation.name, record.confirm
        self.metric, self.classes = METRICS[record.recommendation.metric.name], len(record.data.classes)
        self.truth = np.asarray(record.predictions.truth)
        self.said: Predictions = {name: np.asarray(own) for name, own in record.predictions.predicted.items()}
        trial = record.recommendation.trial
        self.chosen = next(c for c in record.confirm.candidates if c.trial == trial and c.kind == "finalist")

    def strongest_rival(self) -> str:
        """Return the baseline that has most rows right."""
        rivals = [c.name for c in self.confirm.candidates if c.kind == "baseline" and c.name in self.said]
        return max(rivals, key=lambda name: float((self.said[name] == self.truth).mean()))

    def verdict(self, truth: np.ndarray, said: Predictions, *, seed: int) -> str:
        """Return the verdict on made-up outcomes."""
        scorer = Scorer.build(self.metric.name, truth, self.classes, seed=seed)
        own = said[self.chosen.name]

        def tested(candidate: Candidate) -> Candidate:
            return replace(candidate, test=scorer.value(said[candidate.name])) if candidate.name in said else candidate

        confirm = replace(
            self.confirm,
            candidates=tuple(map(tested, self.confirm.candidates)),
            paired_test_differences={
                name: scorer.difference95(own, other) for name, other in said.items() if name != self.chosen.name
            },
        )
        return judge(tested(self.chosen), confirm, self.metric, Limits()).verdict


def simulate(it: Recorded, runs: int, sizes: list[int]) -> dict[str, dict[str, float]]:
    """Return the share that is adopted, by kind and rows."""
    random = np.random.default_rng(0)
    strongest = it.strongest_rival()
    shares: dict[str, dict[str, float]] = {}
    print(f"{it.name}: {len(it.truth)} test rows recorded; strongest rival {strongest}")
    for kind, make in (("shuffled", shuffled), ("no gain", no_gain), ("five points", five_points)):
        for rows in sizes:
            verdicts: Counter[str] = Counter()
            for at in range(runs):
                drawn = random.integers(0, len(it.truth), rows)
                truth, said = it.truth[drawn], {name: own[drawn] for name, own in it.said.items()}
                verdicts[it.verdict(*make(it, truth, said, strongest, random), seed=at)] += 1
            shares.setdefault(kind, {})[str(rows)] = verdicts["adopt"] / runs
            told = ", ".join(f"{name} {count / runs:.1%}" for name, count in verdicts.most_common())
            print(f"  {kind}, {rows} rows: {told}")
    return shares


def shuffled(
    it: Recorded, truth: np.ndarray, said: Predictions, strongest: str, random: np.random.Generator
) -> tuple[np.ndarray, Predictions]:
    return random.permutation(truth), said


def no_gain(
    it: Recorded, truth: np.ndarray, said: Predictions, strongest: str, random: np.random.Generator
) -> tuple[np.ndarray, Predictions]:
    swap = random.random(len(truth)) < 0.5
    own, other = said[it.chosen.name], said[strongest]
    return truth, said | {it.chosen.name: np.where(swap, other, own), strongest: np.where(swap, own, other)}


def five_points(
    it: Recorded, truth: np.ndarray, said: Predictions, strongest: str, random: np.random.Generator
) -> tuple[np.ndarray, Predictions]:
    rival = said[strongest]
    right = rival == truth
    recorded = (it.said[it.chosen.name] == it.truth) != (it.said[strongest] == it.truth)
    apart = max(float(recorded.mean()), _GAIN)
    gained, lost = (apart + _GAIN) / 2, (apart - _GAIN) / 2
    draw = random.random(len(truth))
    gains = ~right & (draw < gained / max(1e-9, float((~right).mean())))
    losses = right & (draw < lost / max(1e-9, float(right.mean())))
    wrong = (truth + 1 + random.integers(0, it.classes - 1, len(truth))) % it.classes if it.classes > 1 else truth
    own = np.where(gains, truth, np.where(losses, wrong, rival))
    return truth, said | {it.chosen.name: own}


if __name__ == "__main__":
    main()
