"""Engines that are killed or hang: the same search ends by itself, and nothing that was acknowledged is repeated."""

from __future__ import annotations

import math
import os
import signal
import time
from dataclasses import replace

import psutil
import pytest
import ray

from autolora.engine.jobs import Job, array_of
from autolora.failpoints import VARIABLE
from autolora.records import TrialState
from autolora.search.cluster import open_cluster
from autolora.search.engines import open_engines
from tests.search.conftest import TINY_SPACE
from tests.search.searches import run_search

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def cluster():
    with open_cluster() as scratch:
        yield scratch


@pytest.fixture
def engines(cluster, tiny_spec):
    with open_engines(replace(tiny_spec, threads=1)) as opened:
        yield opened


def kill_engine() -> None:
    for process in psutil.Process().children(recursive=True):
        if "ray::EngineActor" in " ".join(process.cmdline()):
            process.send_signal(signal.SIGKILL)


def results(trials):
    """Return what must not depend on where a trial ran."""
    return [(t.number, t.config, t.state, [(r.rung, r.steps, r.score.value) for r in t.rungs]) for t in trials]


def test_a_killed_engine_is_replaced_and_its_trials_go_on_from_their_last_rung(
    engines, cluster, tiny_dataset, tmp_path
) -> None:
    told, first = [], engines.ready()
    engines.on_loss(told.append)

    def kill_after(trial):
        if not told and len(trial.rungs) == 2:
            kill_engine()

    quiet = {"trials": 2, "early_stopping": False}
    trials, heard = run_search(engines, tiny_dataset, tmp_path / "run", cluster, on_rung=kill_after, **quiet)

    assert told == ["an engine process ended unexpectedly: its worker process has died"]
    assert [t.state for t in trials] == [TrialState.COMPLETE] * 2
    rungs = [(trial.number, trial.rungs[-1].rung) for event, trial in heard if event == "rung"]
    assert sorted(rungs) == [(number, rung) for number in (0, 1) for rung in (0, 1, 2)], "no rung counts twice"
    assert sum(event == "started" for event, _ in heard) > 2, "they were opened again"
    (second,) = engines.ready()
    assert second not in first
    assert ray.get(ray.get_actor(second).occupied.remote()) == {}
    assert list((tmp_path / "run" / "slots").iterdir()) == []

    undisturbed, _ = run_search(engines, tiny_dataset, tmp_path / "undisturbed", cluster, **quiet)
    assert results(trials) == results(undisturbed)


def test_a_killed_engine_costs_confirming_nothing_but_time(engines, tiny_dataset) -> None:
    params = TINY_SPACE.fixed | {"rank": 1, "target_modules": "attention_qv", "layers": "all", "learning_rate": 1e-2}
    config = engines.facts.costs.config(params)
    jobs = [Job(slot=f"job {seed}", config=config, seed=seed, keep_adapter=True) for seed in range(4)]
    told, done = [], {}
    engines.on_loss(told.append)

    def on_done(job, report):
        if not done:
            kill_engine()
        assert job.slot not in done
        done[job.slot] = report

    engines.train(jobs, slots_per_engine=2, on_done=on_done)
    kill_engine()
    engines.add_split("test", tiny_dataset.test)
    predicted = engines.outputs([(config, done[job.slot].adapter) for job in jobs], "validation")
    kill_engine()
    on_test = engines.outputs([(config, done["job 0"].adapter)], "test")

    assert len(told) == 3
    assert [report.failure for report in done.values()] == [None] * 4
    for job, classes in zip(jobs, predicted, strict=True):
        assert list(classes) == list(array_of(done[job.slot].outputs))
    assert len(on_test[0]) == len(tiny_dataset.test)


def hang_from_now_on(engines) -> None:
    """Make every further step of the engine that lives now hang; those that follow it are as they should be."""
    (name,) = engines.ready()
    act = ray.get_actor(name).__ray_call__
    ray.get(act.remote(lambda _: os.environ.__setitem__(VARIABLE, "engine.step=hang")))


@pytest.fixture
def watched(cluster, tiny_spec):
    with open_engines(replace(tiny_spec, threads=1, patience_s=6.0)) as opened:
        yield opened


def test_a_trial_that_hangs_is_timed_out_and_its_neighbour_completes(watched, cluster, tiny_dataset, tmp_path) -> None:
    told = []
    watched.on_loss(told.append)

    def hang(trial):
        if not told and len(trial.rungs) == 2:
            hang_from_now_on(watched)

    trials, _ = run_search(
        watched, tiny_dataset, tmp_path / "run", cluster, on_rung=hang, trials=3, early_stopping=False
    )

    assert len(told) == 1
    assert "has hung for" in told[0]
    (timed_out,) = [t for t in trials if t.state == TrialState.TIMED_OUT]
    assert "in a step of this trial" in timed_out.cause
    assert [t.state for t in trials if t != timed_out] == [TrialState.COMPLETE] * 2


def pack_and_hang(actor) -> None:
    """Have all slots take their steps together, and hang in such a step once both have trained a while."""
    engine = actor.runner.engine
    engine.chunk_tokens, engine.most_padding, step = 1 << 12, math.inf, engine.step

    def hang(slots):
        if len(slots) > 1 and all(engine.slots[slot].step > 5 for slot in slots):
            time.sleep(600)
        time.sleep(0.05)  # so that both are at it at the same time
        return step(slots)

    engine.step = hang


def test_where_a_pack_hangs_each_of_its_trials_gets_another_go_alone(watched, cluster, tiny_dataset, tmp_path) -> None:
    told = []
    watched.on_loss(told.append)
    (first,) = watched.ready()
    ray.get(ray.get_actor(first).__ray_call__.remote(pack_and_hang))

    trials, _ = run_search(watched, tiny_dataset, tmp_path / "run", cluster, trials=2, early_stopping=False)

    assert len(told) == 1
    assert [t.state for t in trials] == [TrialState.COMPLETE] * 2
