from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from autolora.engine import state
from autolora.engine.jobs import Job, array_of
from autolora.engine.runner import Runner
from autolora.errors import StaleLease
from autolora.records import TrialState
from tests.engine.test_promise import engine_for, mixed_configs, worst_relative_difference

pytestmark = pytest.mark.tiny

RUNGS = (1 / 9, 1 / 3, 1.0)


@pytest.fixture
def runner(tiny_folder, tiny_dataset):
    made = Runner(lambda: engine_for(tiny_folder(), tiny_dataset))
    yield made
    made.close()


def admit(runner, job):
    runner.admit(job)
    return runner.claim(job.slot)


def wait_for(runner, slot, token, *, allowed_rung):
    for _ in range(400):
        report = runner.poll(slot, token, allowed_rung=allowed_rung, timeout_s=0.1)
        if report.rung is not None or report.failure:
            return report
    raise AssertionError("no report came")


def test_a_job_waits_at_its_rung_until_it_is_allowed_on(runner) -> None:
    config = mixed_configs(runner.engine)["wide"]
    token = admit(runner, Job(slot="a", config=config, seed=0, rungs=RUNGS))
    first = wait_for(runner, "a", token, allowed_rung=0)
    again = wait_for(runner, "a", token, allowed_rung=0)
    second = wait_for(runner, "a", token, allowed_rung=1)
    third = wait_for(runner, "a", token, allowed_rung=2)

    assert (first.rung, second.rung, third.rung) == (0, 1, 2)
    assert (first.steps, second.steps, third.steps) == (8, 24, 72)
    assert again == first, "a report is repeated until a higher rung is allowed"
    assert third.last
    assert len(array_of(first.outputs)) == 48
    assert np.isfinite(third.train_loss)


def test_a_job_reaches_the_rung_it_was_admitted_for_before_a_lease_claims_it_and_waits_there(runner) -> None:
    config = mixed_configs(runner.engine)["wide"]
    runner.admit(Job(slot="a", config=config, seed=0, rungs=RUNGS, allowed_rung=0))
    for _ in range(400):
        if runner.occupied()["a"] == 8:
            break
        time.sleep(0.05)
    time.sleep(0.3)

    assert runner.occupied() == {"a": 8}
    assert wait_for(runner, "a", runner.claim("a"), allowed_rung=0).steps == 8


def test_a_newer_lease_takes_over_and_the_older_one_is_told(runner) -> None:
    config = mixed_configs(runner.engine)["small"]
    job = Job(slot="a", config=config, seed=0, rungs=RUNGS)
    old = admit(runner, job)
    wait_for(runner, "a", old, allowed_rung=0)
    new = runner.claim(job.slot)

    with pytest.raises(StaleLease):
        runner.poll("a", old, allowed_rung=2, timeout_s=0.1)
    assert wait_for(runner, "a", new, allowed_rung=1).steps == 24


def test_a_released_slot_is_free_and_its_lease_stale(runner) -> None:
    config = mixed_configs(runner.engine)["small"]
    token = admit(runner, Job(slot="a", config=config, seed=0, rungs=RUNGS))
    wait_for(runner, "a", token, allowed_rung=0)
    runner.release("a")

    with pytest.raises(StaleLease):
        runner.poll("a", token, allowed_rung=1, timeout_s=0.1)
    assert runner.call(lambda engine: list(engine.slots)) == []
    assert runner.occupied() == {}


def test_a_lease_that_comes_after_its_trial_has_ended_leaves_nothing_behind(runner) -> None:
    config = mixed_configs(runner.engine)["small"]
    admit(runner, Job(slot="a", config=config, seed=0, rungs=RUNGS))
    runner.release("a")

    with pytest.raises(StaleLease, match="no slot 'a'"):
        runner.claim("a")
    assert runner.occupied() == {}


def test_a_diverging_job_reports_its_failure_and_others_go_on(runner) -> None:
    configs = mixed_configs(runner.engine)
    wild = admit(runner, Job(slot="wild", config=configs["wide"], seed=0))
    calm = admit(runner, Job(slot="calm", config=configs["small"], seed=0))
    runner.poll("wild", wild, allowed_rung=-1, timeout_s=0.3)

    def poison(engine):
        with torch.no_grad():
            next(iter(engine.slots["wild"].parameters.values())).fill_(float("inf"))

    runner.call(poison)
    failed = wait_for(runner, "wild", wild, allowed_rung=0)
    fine = wait_for(runner, "calm", calm, allowed_rung=0)

    assert failed.failure == TrialState.DIVERGED
    assert failed.last
    assert "not a finite number" in failed.cause
    assert fine.failure is None


def test_a_job_goes_on_from_its_state_file_and_ends_with_the_same_weights(runner, tmp_path) -> None:
    config = replace(mixed_configs(runner.engine)["wide"], dropout=0.1)
    whole = admit(runner, Job(slot="whole", config=config, seed=0, rungs=(1.0,), keep_adapter=True))
    job = Job(
        slot="first", config=config, seed=0, rungs=RUNGS, state_file=str(tmp_path / "s.safetensors"), keep_adapter=True
    )
    token = admit(runner, job)
    reached = wait_for(runner, "first", token, allowed_rung=1)
    runner.release("first")

    again = admit(runner, replace(job, slot="again"))
    repeated = wait_for(runner, "again", again, allowed_rung=1)
    final = wait_for(runner, "again", again, allowed_rung=2)

    assert (repeated.rung, repeated.steps, repeated.outputs) == (1, 24, reached.outputs)
    expected = wait_for(runner, "whole", whole, allowed_rung=0)
    ours, theirs = ({k: torch.from_numpy(v) for k, v in r.adapter.items()} for r in (final, expected))
    assert worst_relative_difference(ours, theirs) < 1e-9


def test_a_drained_job_goes_on_in_another_engine_and_ends_with_the_same_weights(
    runner, tiny_folder, tiny_dataset, tmp_path
) -> None:
    config = replace(mixed_configs(runner.engine)["wide"], dropout=0.1)
    whole = admit(runner, Job(slot="whole", config=config, seed=0, rungs=(1.0,), keep_adapter=True))
    expected = wait_for(runner, "whole", whole, allowed_rung=0)
    job = Job(
        slot="a", config=config, seed=0, rungs=RUNGS, state_file=str(tmp_path / "s.safetensors"), keep_adapter=True
    )
    token = admit(runner, job)
    runner.poll("a", token, allowed_rung=2, timeout_s=0.0)
    while runner.occupied()["a"] < 10:  # past the first rung
        time.sleep(0.01)

    assert runner.drain() == 1
    kept = state.read(tmp_path / "s.safetensors").step
    time.sleep(0.3)
    assert runner.occupied()["a"] == kept > 8, "a drained engine trains no more"
    other = Runner(lambda: engine_for(tiny_folder(), tiny_dataset))
    final = wait_for(other, "a", admit(other, job), allowed_rung=2)
    while not final.last:
        final = wait_for(other, "a", other.claim("a"), allowed_rung=2)
    other.close()

    ours, theirs = ({k: torch.from_numpy(v) for k, v in r.adapter.items()} for r in (final, expected))
    assert worst_relative_difference(ours, theirs) < 1e-9


def test_a_damaged_state_file_fails_its_own_job_only(runner, tmp_path) -> None:
    (tmp_path / "s.safetensors").write_bytes(b"half")
    config = mixed_configs(runner.engine)["small"]
    bad = admit(runner, Job(slot="bad", config=config, seed=0, state_file=str(tmp_path / "s.safetensors")))
    good = admit(runner, Job(slot="good", config=config, seed=0))

    assert wait_for(runner, "bad", bad, allowed_rung=0).failure == TrialState.FAILED
    assert wait_for(runner, "good", good, allowed_rung=0).last


def test_a_state_can_be_kept_under_any_name(runner, tmp_path) -> None:
    config = mixed_configs(runner.engine)["small"]
    path = tmp_path / "0001.safetensors"
    token = admit(runner, Job(slot="a", config=config, seed=0, state_file=str(path)))
    wait_for(runner, "a", token, allowed_rung=0)

    assert state.read(path).step == 72
    assert [p.name for p in tmp_path.iterdir()] == ["0001.safetensors"]
