"""Jobs that are trained in full on real engines; some are stopped at a rung."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import ray

from autolora.engine.jobs import Job, array_of
from autolora.records import TrialState
from autolora.search.cluster import open_cluster
from autolora.search.engines import open_engines
from tests.search.conftest import TINY_SPACE
from tests.search.test_lost_engines import kill_engine

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def engines(tiny_spec):
    with open_cluster(), open_engines(replace(tiny_spec, threads=1)) as opened:
        yield opened


@pytest.fixture
def jobs(engines, tmp_path) -> list[Job]:
    params = TINY_SPACE.fixed | {"rank": 1, "target_modules": "attention_qv", "layers": "all", "learning_rate": 1e-2}
    config = engines.facts.costs.config(params)
    return [
        Job(
            slot=f"job {seed}",
            config=config,
            seed=seed,
            rungs=(1 / 3, 2 / 3, 1.0),
            keep_adapter=True,
            state_file=str(tmp_path / f"{seed}.state"),
        )
        for seed in range(3)
    ]


def with_a_long_first(jobs: list[Job]) -> list[Job]:
    """The same jobs, but the first one, soon at its first rung, is far from its end when a word about it arrives."""
    first, *others = jobs
    config = replace(first.config, epochs=10 * first.config.epochs)
    return [replace(first, config=config, rungs=(1 / 30, *first.rungs[1:])), *others]


def trained(engines, jobs, on_rung) -> dict:
    done = {}
    engines.train(jobs, slots_per_engine=3, on_done=lambda job, r: done.setdefault(job.slot, r), on_rung=on_rung)
    assert done.keys() == {job.slot for job in jobs}
    wait_for_free_slots(engines)
    return done


def wait_for_free_slots(engines) -> None:
    """Wait until every slot is free: a search waits for no release, since it names no slot twice."""
    for name in engines.ready():
        while ray.get(ray.get_actor(name).occupied.remote()):
            time.sleep(0.05)


def test_every_rung_is_told_once_and_in_order_and_training_goes_on(engines, jobs) -> None:
    told = []

    done = trained(engines, jobs, lambda job, report: told.append((job.slot, report.rung)) or {})

    for job in jobs:
        assert [rung for slot, rung in told if slot == job.slot] == [0, 1]
        assert done[job.slot].rung == 2
        assert done[job.slot].failure is None
        assert done[job.slot].adapter


def test_what_is_stopped_at_a_rung_ends_there_and_costs_the_others_nothing(engines, jobs) -> None:
    jobs = with_a_long_first(jobs)
    undisturbed = trained(engines, [replace(job, state_file="") for job in jobs], lambda job, report: {})

    def stop_first(job, report):
        return {"job 0": "another one is better"} if (job.slot, report.rung) == ("job 1", 1) else {}

    done = trained(engines, jobs, stop_first)

    stopped = done["job 0"]
    assert (stopped.failure, stopped.cause) == (TrialState.STOPPED, "another one is better")
    assert stopped.last
    assert stopped.adapter is None
    assert 0 < stopped.steps < stopped.total_steps
    for slot in ("job 1", "job 2"):
        assert list(array_of(done[slot].outputs)) == list(array_of(undisturbed[slot].outputs))
    (name,) = engines.ready()
    assert ray.get(ray.get_actor(name).occupied.remote()) == {}


def test_a_killed_engine_tells_no_rung_twice_and_what_was_stopped_stays_so(engines, jobs) -> None:
    jobs, told = with_a_long_first(jobs), []

    def kill_once(job, report):
        told.append((job.slot, report.rung))
        if job.slot == "job 2" and report.rung == 1:
            kill_engine()
        return {"job 0": "another one is better"} if report.rung == 1 else {}

    done = trained(engines, jobs, kill_once)

    assert len(told) == len(set(told))
    assert done["job 0"].failure == TrialState.STOPPED
    assert [done[slot].failure for slot in ("job 1", "job 2")] == [None, None]


def test_what_stood_beyond_its_first_rung_goes_on_although_nobody_remembers_that(engines, jobs) -> None:
    def die(job, report):
        if report.rung == 1:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        trained(engines, jobs, die)
    (name,) = engines.ready()
    for job in jobs:
        engines.release(name, job.slot)
    wait_for_free_slots(engines)
    told = []

    done = trained(engines, jobs, lambda job, report: told.append((job.slot, report.rung)) or {})

    assert [report.failure for report in done.values()] == [None] * 3
    assert len(told) == len(set(told))


def test_when_time_is_over_what_has_not_ended_is_given_up_and_its_slot_is_free(engines, jobs) -> None:
    done, endless = {}, replace(jobs[0], config=replace(jobs[0].config, epochs=1e5))

    engines.train(
        [*jobs[1:], endless],
        slots_per_engine=2,
        on_done=lambda job, report: done.setdefault(job.slot, report),
        out_of_time=lambda: len(done) == len(jobs[1:]),
    )

    assert done.keys() == {job.slot for job in jobs[1:]}
    (name,) = engines.ready()
    assert ray.get(ray.get_actor(name).occupied.remote()) == {}
    assert trained(engines, [jobs[0]], lambda job, report: {})["job 0"].failure is None, "the engine goes on"
