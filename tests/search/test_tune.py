"""Ray's part is real: Tune's decisions change which steps run, and slots follow their leases."""

from __future__ import annotations

import contextlib
import math
import threading
import time

import psutil
import pytest
import ray

from autolora.engine.jobs import Job
from autolora.errors import BaseModelError, StaleLease
from autolora.records import TrialState
from autolora.request import Limits
from autolora.search.board import RUNGS
from autolora.search.cluster import open_cluster
from autolora.search.engines import open_engines
from tests.search.conftest import TINY_SPACE
from tests.search.searches import run_search

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def cluster():
    with open_cluster() as scratch:
        yield scratch


@pytest.fixture(scope="module")
def engines(cluster, tiny_spec):
    with open_engines(tiny_spec) as opened:
        yield opened


def engine_of(engines):
    (name,) = engines.ready()
    return ray.get_actor(name)


def occupied(engines):
    for _ in range(50):  # release is not waited for by the search
        slots = ray.get(engine_of(engines).occupied.remote())
        if not slots:
            return slots
        time.sleep(0.1)
    return slots


def test_a_stop_decision_of_tune_changes_which_steps_run(engines, cluster, tiny_dataset, tmp_path) -> None:
    with_stops, _ = run_search(engines, tiny_dataset, tmp_path / "stops", cluster, trials=6)
    without, _ = run_search(engines, tiny_dataset, tmp_path / "none", cluster, trials=2, early_stopping=False)

    stopped = [t for t in with_stops if t.state == TrialState.STOPPED]
    assert stopped, "over so wide a range of rates some trials are dominated"
    (full,) = {t.rungs[-1].steps for t in without}
    for trial in stopped:
        assert trial.rungs[-1].steps < full
        assert "dominated by trial" in trial.cause or "the same answer" in trial.cause
    assert all(t.state == TrialState.COMPLETE for t in without)
    assert all(t.rungs[-1].steps == full for t in with_stops if t.state == TrialState.COMPLETE)
    assert occupied(engines) == {}


def test_every_trial_is_accounted_for_and_its_rungs_are_in_order(engines, cluster, tiny_dataset, tmp_path) -> None:
    trials, heard = run_search(engines, tiny_dataset, tmp_path / "run", cluster, trials=4)

    assert [t.number for t in trials] == list(range(4))
    assert {t.state for t in trials} <= {TrialState.COMPLETE, TrialState.STOPPED}
    for trial in trials:
        assert [r.rung for r in trial.rungs] == list(range(len(trial.rungs)))
        assert trial.rungs[0].share == RUNGS[0]
        assert trial.seconds > 0
    assert sum(event == "started" for event, _ in heard) == sum(event == "ended" for event, _ in heard) == 4
    assert list((tmp_path / "run" / "slots").iterdir()) == []


def test_limits_keep_configurations_from_being_trained(engines, cluster, tiny_dataset, tmp_path) -> None:
    limit = 600
    trials, _ = run_search(engines, tiny_dataset, tmp_path / "run", cluster, trials=3, limits=Limits(max_params=limit))

    trained = [t for t in trials if t.state != TrialState.REFUSED]
    assert len(trained) == 3
    assert all(t.trainable_params <= limit for t in trained)
    assert all(
        "over max_params 600" in t.cause for t in trials if t.state == TrialState.REFUSED and "same" not in t.cause
    )


def test_when_time_is_up_what_runs_is_stopped_and_nothing_starts(engines, cluster, tiny_dataset, tmp_path) -> None:
    end = time.monotonic() - 1
    started = []

    def deadline() -> float:
        return end if len(started) >= 2 else math.inf

    trials, _ = run_search(
        engines, tiny_dataset, tmp_path / "run", cluster, trials=500, deadline=deadline, early_stopping=False,
        on_start=started.append,
    )  # fmt: skip

    assert len(trials) == 2
    assert sorted(t.state for t in trials) == [TrialState.COMPLETE, TrialState.STOPPED], (
        "one goes on: none was complete"
    )
    assert {t.cause for t in trials} == {"", "the time for exploring was spent"}
    assert occupied(engines) == {}


def test_when_the_whole_budget_is_spent_the_last_one_is_stopped_too(engines, cluster, tiny_dataset, tmp_path) -> None:
    end = time.monotonic() - 1
    started = []

    def deadline() -> float:
        return end if len(started) >= 2 else math.inf

    trials, _ = run_search(
        engines, tiny_dataset, tmp_path / "run", cluster, trials=500, deadline=deadline, last_moment=lambda: end,
        early_stopping=False, on_start=started.append,
    )  # fmt: skip

    assert [t.state for t in trials] == [TrialState.STOPPED] * 2
    assert occupied(engines) == {}


def command_of(process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def test_a_killed_lease_frees_its_slot_and_its_trial_goes_on(engines, cluster, tiny_dataset, tmp_path) -> None:
    killed = []

    def kill_a_lease() -> None:
        for _ in range(400):
            leases = [p for p in psutil.Process().children(recursive=True) if "Lease" in command_of(p)]
            if leases and any(steps > 0 for steps in ray.get(engine_of(engines).occupied.remote()).values()):
                killed.append(leases[0].pid)
                leases[0].kill()
                return
            time.sleep(0.02)

    killer = threading.Thread(target=kill_a_lease)
    killer.start()
    trials, _ = run_search(engines, tiny_dataset, tmp_path / "run", cluster, trials=4, early_stopping=False)
    killer.join()

    assert len(killed) == 1
    assert [t.state for t in trials] == [TrialState.COMPLETE] * 4
    assert occupied(engines) == {}


def test_leases_that_die_idle_or_all_at_once_end_no_trial(engines, cluster, tiny_dataset, tmp_path) -> None:
    killed = []

    def kill_all_leases(trial) -> None:
        # That of the trial which has just ended is about to be kept for the next one.
        for process in () if trial.number > 2 else psutil.Process().children(recursive=True):
            if command_of(process).startswith(("ray::Lease", "ray::ResourceTrainable")):
                killed.append(process.pid)
                process.kill()

    trials, _ = run_search(
        engines, tiny_dataset, tmp_path / "run", cluster, trials=5, early_stopping=False, on_end=kill_all_leases
    )

    assert killed
    assert [t.state for t in trials] == [TrialState.COMPLETE] * 5
    assert [len(t.rungs) for t in trials] == [3] * 5
    assert occupied(engines) == {}


def test_a_lease_that_lost_its_slot_can_not_touch_it_any_more(engines, tiny_spec) -> None:
    engine = engine_of(engines)
    params = TINY_SPACE.fixed | {"rank": 1, "target_modules": "attention_qv", "layers": "all", "learning_rate": 1e-3}
    job = Job(slot="contested", config=engines.facts.costs.config(params), seed=0, rungs=RUNGS)
    ray.get(engine.admit.remote(job))
    old = ray.get(engine.claim.remote("contested"))
    new = ray.get(engine.claim.remote("contested"))

    with pytest.raises(StaleLease):
        ray.get(engine.poll.remote("contested", old, allowed_rung=2, timeout_s=0.1))
    assert ray.get(engine.poll.remote("contested", new, allowed_rung=-1, timeout_s=0.1)).steps == 0
    ray.get(engine.release.remote("contested"))


def test_an_engine_that_cannot_start_says_why_in_our_own_words(cluster, tiny_spec) -> None:
    from dataclasses import replace

    with (
        pytest.raises(BaseModelError, match="no linear module 'q_proj'"),
        open_engines(replace(tiny_spec, choices=((["q_proj"], "all"),))),
    ):
        pass
