"""How far `autolora plan` is off, and whether a budget holds: plans a search, runs it, and compares.

    python benchmarks/forecasts.py reviews.csv --text text --label label --base-model DIR --budget 10m
    python benchmarks/forecasts.py --run runs/reviews reviews.csv ...      # a search that has run already

Prints a line a part, and whether the whole lies inside the range that was told. "close" is everything from the opening
of the test rows on, so what is trained after that (full fine-tuning, the learning curve) counts under "confirm" in the
plan and under "close" in the actual: the line that is promised is "all".
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="Run folder of the same search, if it has run already.")
    known, flags = parser.parse_known_args()
    autolora = [sys.executable, "-m", "autolora.cli"]
    planned = json.loads(
        subprocess.run([*autolora, "plan", *flags, "-f", "json"], check=True, capture_output=True).stdout
    )
    with tempfile.TemporaryDirectory() as folder:
        run, wall = known.run, None
        if run is None:
            run, begun = Path(folder) / "run", time.monotonic()
            subprocess.run(
                [*autolora, "search", *flags, "--plain", "--out", str(run)], check=True, stdout=subprocess.DEVNULL
            )
            wall = time.monotonic() - begun
        events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    spent = {event["event"]: event["spent"] for event in reversed(events) if "spent" in event}  # the first of each
    actual = {
        "start": spent["explore"],
        "explore": spent["confirm"] - spent["explore"],
        "confirm": spent["test_opened"] - spent["confirm"],
        "close": spent["done"] - spent["test_opened"],
        "all": spent["done"],
    }
    print(f"{planned['name']}: timed in {planned['calibration_seconds']:.0f} s")
    for part in planned["parts"]:
        print(f"{part['name']:8} about {part['seconds']:5.0f} s, actual {actual[part['name']]:5.0f}")
    low, likely, high = planned["seconds"]
    inside = "inside" if low <= actual["all"] <= high else "outside"
    print(f"all      {low:.0f} to {high:.0f} s, likely {likely:.0f}; actual {actual['all']:.0f}: {inside}")
    if planned["budget_seconds"] is not None:
        budget = planned["budget_seconds"]
        of_process = "" if wall is None else f", {wall:.0f} s with the process's start and end"
        print(f"budget   {budget:.0f} s; used {spent['done']:.0f} s, {spent['done'] / budget - 1:+.1%}{of_process}")


if __name__ == "__main__":
    main()
