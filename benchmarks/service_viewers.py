"""A running search with many viewers: how long pages take, and how much the search is slowed.

    python benchmarks/service_viewers.py reviews.csv --viewers 100 --trials 8 --turns 3

A service and one search run in processes of their own. The same search (seed, first suggestions, no baselines) is run
again and again, in turns without viewers and with them; its pace is the time from its first trial's begin to the end of
its last. A viewer keeps one event stream open, and does what the page does: its live part every three seconds, the
whole page every minute. Viewers run in a process of their own on the same machine, so that what they take themselves
counts against the search.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from provenance import provenance

from autolora.service.client import Client
from autolora.service.guard import COOKIE, Sessions
from autolora.service.journal import read

LIVE_SECONDS, PAGE_SECONDS = 3.0, 60.0


def start(data: Path) -> tuple[subprocess.Popen[str], str]:
    """Start the service; return it and its address."""
    command = [sys.executable, "-m", "autolora.cli", "serve", "--port", "0", "--data-dir", str(data)]
    log = data.parent / "service.log"
    with open(log, "w") as file:
        process = subprocess.Popen(command, stderr=file, text=True)
    while not (found := re.search(r"Serving on (\S+);", log.read_text())):
        time.sleep(0.2)
    return process, found[1]


def watch(address: str, token: str, id: str, viewers: int, over: Path, out: Path) -> None:
    """Be the viewers, and write how long everything took."""
    asyncio.run(_watch(address, token, id, viewers, over, out))


async def _watch(address: str, token: str, id: str, viewers: int, over: Path, out: Path) -> None:
    taken, faults = {"page": [], "live": [], "event": []}, []
    limits = httpx.Limits(max_connections=2 * viewers + 10, max_keepalive_connections=2 * viewers)
    cookies = {COOKIE: Sessions(token=token).new()}

    async def asked(client: httpx.AsyncClient, kind: str, path: str) -> None:
        begun = time.monotonic()
        answer = await client.get(path)
        taken[kind].append(time.monotonic() - begun)
        faults.extend([answer.text[:200]] if answer.is_error else [])

    async def viewer(client: httpx.AsyncClient, at: int) -> None:
        await asyncio.sleep(at * LIVE_SECONDS / viewers)
        page_due = time.monotonic() + PAGE_SECONDS * at / viewers
        while not over.exists():
            begun = time.monotonic()
            await asked(client, "live", f"/searches/{id}/live")
            if begun >= page_due:
                page_due += PAGE_SECONDS
                await asked(client, "page", f"/searches/{id}")
            await asyncio.sleep(max(0.0, LIVE_SECONDS - (time.monotonic() - begun)))

    async def listener(client: httpx.AsyncClient) -> None:
        begun = time.monotonic()
        headers = {"Accept": "text/event-stream"}
        async with client.stream("GET", f"/v1/searches/{id}/events", headers=headers) as stream:
            async for _ in stream.aiter_lines():
                if begun:
                    taken["event"].append(time.monotonic() - begun)
                    begun = 0.0
                if over.exists():
                    return

    async with httpx.AsyncClient(base_url=address, cookies=cookies, limits=limits, timeout=60) as client:
        listeners = [asyncio.create_task(listener(client)) for _ in range(viewers)]
        await asyncio.gather(*(viewer(client, at) for at in range(viewers)))
        for task in listeners:
            task.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
    out.write_text(json.dumps({"taken": taken, "faults": faults}))


def exploring_seconds(journal: Path) -> float:
    """Return the time from the begin of a search's first trial to the end of its last."""
    told = [datetime.fromisoformat(line["at"]) for line in read(journal)[0] if line["event"] == "trial"]
    return (told[-1] - told[0]).total_seconds()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", default="service_viewers.json")
    args = parser.parse_args()
    took: dict[str, list[float]] = {"alone": [], "watched": []}
    taken: dict[str, list[float]] = {"page": [], "live": [], "event": []}
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        process, address = start(data)
        token = (data / "token").read_text().strip()
        with Client(address, token) as client:
            table = client.upload(args.table)
            (base,) = client.models()
            task = {"dataset": table.id, "base_model": base, "budget": {"trials": args.trials}, "baselines": "none"}
            for turn in range(2 * args.turns):
                kind = "watched" if turn % 2 else "alone"
                search = client.start_search(**task)
                journal = data / "jobs" / search.id / "progress.jsonl"
                client.wait(search, until=("running",))
                viewers, out, over = None, Path(folder) / "watched.json", Path(folder) / f"over-{turn}"
                if kind == "watched":
                    given = (address, token, search.id, args.viewers, over, out)
                    viewers = multiprocessing.get_context("spawn").Process(target=watch, args=given)
                    viewers.start()
                while client.again(search).progress.trials_done < args.trials:
                    time.sleep(2)
                over.touch()
                if viewers is not None:
                    viewers.join()
                    seen: dict[str, Any] = json.loads(out.read_text())
                    faults += seen["faults"]
                    for name, values in seen["taken"].items():
                        taken[name] += values
                took[kind].append(exploring_seconds(journal))
                print(f"{kind}: {took[kind][-1]:.0f} s", flush=True)
                client.ask(search, "cancel")
                client.wait(search, seconds=180, until=("cancelled", "succeeded"))
        process.terminate()
        process.wait()
        locked = "database is locked" in (data.parent / "service.log").read_text()
    for kind, values in taken.items():
        p50, p95 = np.percentile(values, [50, 95])
        print(f"{kind}: {len(values)} answers, median {1000 * p50:.0f} ms, p95 {1000 * p95:.0f} ms")
    slowed = statistics.median(took["watched"]) / statistics.median(took["alone"])
    print(f"with {args.viewers} viewers the search takes {slowed:.3f} times as long")
    print(f"errors: {len(faults)}; database locked: {locked}")
    found = {"took": took, "taken": taken, "faults": faults, "locked": locked}
    Path(args.out).write_text(json.dumps({**provenance("CPU"), **found}, indent=1))


if __name__ == "__main__":
    main()
