"""How much of a search's time is neither training nor scoring? The demo's English enquiries and base model, 48 trials.

The run folder says when exploring and confirming began and ended, and every trial how long the engine worked on it.
What is left of the wall time is orchestration: Ray, Tune, the sampler, the study, the files. Run it on an idle machine.

    python benchmarks/orchestration.py --trials 48 --out runs/orchestration
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from autolora import demo, flow
from autolora.progress import PlainProgress
from autolora.records import from_json
from autolora.results import SearchRecord, read
from autolora.trainings import Trained


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=48)
    parser.add_argument("--rows", type=int, default=None, help="a sample of the enquiries, for a quicker look")
    parser.add_argument("--out", type=Path, default=Path("runs/orchestration"))
    args = parser.parse_args()
    if not (args.out / "DONE").exists():
        wanted = demo.request("en", trials=args.trials, minutes=None)
        wanted = replace(wanted, data=replace(wanted.data, rows=args.rows))
        flow.search(wanted, args.out, progress=PlainProgress())
    show(read(args.out))


def show(search: SearchRecord) -> None:
    """Print the shares of a finished search's time."""
    began = {event["event"]: event["spent"] for event in search.events if "spent" in event}
    # Not the candidates: of the default's rates only the best becomes one.
    trained = [from_json(path.read_bytes(), Trained) for path in (search.path / "confirm").glob("*.json")]
    parts = {
        "exploring": (began["confirm"] - began["explore"], sum(trial.seconds for trial in search.trials)),
        "confirming": (began["test_opened"] - began["confirm"], sum(training.seconds for training in trained)),
    }
    parts["both"] = (sum(wall for wall, _ in parts.values()), sum(busy for _, busy in parts.values()))
    print("| part | wall (s) | training and scoring (s) | orchestration |\n|---|---|---|---|")
    for name, (wall, busy) in parts.items():
        print(f"| {name} | {wall:.1f} | {busy:.1f} | {1 - busy / wall:.1%} |")
    print(f"\nbefore exploring {began['explore']:.1f} s; after confirming {began['done'] - began['test_opened']:.1f} s")


if __name__ == "__main__":
    main()
