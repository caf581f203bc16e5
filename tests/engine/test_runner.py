from __future__ import annotations

import contextlib
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from autolora import failpoints
from autolora.engine import state
from autolora.engine.jobs import Job, array_of
from autolora.engine.runner import Runner
from autolora.errors import StaleLease, TrialOutOfMemory
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


def test_a_job_that_was_trained_in_full_but_not_told_says_so_again(runner, tmp_path) -> None:
    config = mixed_configs(runner.engine)["small"]
    job = Job(slot="first", config=config, seed=0, rungs=RUNGS, state_file=str(tmp_path / "s.safetensors"))
    reached = wait_for(runner, "first", admit(runner, job), allowed_rung=2)
    while not reached.last:
        reached = wait_for(runner, "first", runner.claim("first"), allowed_rung=2)
    runner.release("first")

    token = admit(runner, replace(job, slot="again", allowed_rung=len(RUNGS)))
    again = wait_for(runner, "again", token, allowed_rung=len(RUNGS))

    assert again.last
    assert again.outputs == reached.outputs


class AllowedMeanwhile(int):
    """A rung that a poll allows just after it was looked at: refuses the first comparison and keeps to the others."""

    looked_at = False

    def __ge__(self, other):
        first, self.looked_at = not self.looked_at, True
        return not first and int(self) >= other


def test_a_job_that_is_allowed_on_while_it_stands_at_its_end_is_not_trained_beyond_it(runner, tmp_path) -> None:
    config = mixed_configs(runner.engine)["small"]
    job = Job(slot="first", config=config, seed=0, state_file=str(tmp_path / "s.safetensors"))
    reached = wait_for(runner, "first", admit(runner, job), allowed_rung=0)
    runner.release("first")

    token = admit(runner, replace(job, slot="again", allowed_rung=AllowedMeanwhile(0)))
    again = wait_for(runner, "again", token, allowed_rung=0)

    assert (again.last, again.steps, again.outputs) == (True, reached.steps, reached.outputs)


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


@pytest.mark.parametrize("damage", ["cut", "a bit", "another trial's"])
def test_a_job_whose_state_is_damaged_begins_anew_and_says_so(damage, runner, tmp_path) -> None:
    configs = mixed_configs(runner.engine)
    job = Job(slot="first", config=configs["small"], seed=0, rungs=RUNGS, state_file=str(tmp_path / "s.safetensors"))
    reached = wait_for(runner, "first", admit(runner, job), allowed_rung=0)
    runner.release("first")
    path = tmp_path / "s.safetensors"
    raw = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(raw[: len(raw) // 2])
    elif damage == "a bit":
        raw[-7] ^= 1
        path.write_bytes(raw)
    else:
        job = replace(job, config=configs["wide"])

    again = wait_for(runner, "again", admit(runner, replace(job, slot="again")), allowed_rung=0)

    assert (again.failure, again.steps) == (None, reached.steps)
    assert again.note.startswith("it begins anew: the ")
    if damage != "another trial's":
        assert (again.outputs, again.train_loss) == (reached.outputs, reached.train_loss)


def test_a_state_that_cannot_be_kept_costs_no_trial_and_is_said(runner, tmp_path) -> None:
    config = mixed_configs(runner.engine)["small"]
    job = Job(slot="a", config=config, seed=0, rungs=RUNGS, state_file=str(tmp_path / "absent" / "s.safetensors"))
    token = admit(runner, job)

    first, last = wait_for(runner, "a", token, allowed_rung=0), wait_for(runner, "a", token, allowed_rung=1)

    assert (first.failure, last.failure, last.rung) == (None, None, 1)
    assert first.note.startswith("where it stands could not be kept: s.safetensors cannot be written in ")
    assert "No such file or directory" in first.note


def test_a_full_disk_leaves_the_state_of_the_rung_before(runner, tmp_path, monkeypatch) -> None:
    config = mixed_configs(runner.engine)["small"]
    path = tmp_path / "s.safetensors"
    token = admit(runner, Job(slot="a", config=config, seed=0, rungs=RUNGS, state_file=str(path)))
    wait_for(runner, "a", token, allowed_rung=0)
    monkeypatch.setenv(failpoints.VARIABLE, "slot.replace=full")

    reached = wait_for(runner, "a", token, allowed_rung=1)

    assert "No space left on device" in reached.note
    assert state.read(path).step == 8
    assert [p.name for p in tmp_path.iterdir()] == ["s.safetensors"]
    assert runner.drain() == 0


def _asking_for_the_moon(engine, slot):
    """Have every pass with this slot in it ask for more memory than there is."""

    def ask(module, inputs, output):
        if any(segment.slot == slot for segment in engine.base.pack.segments):
            torch.empty(1 << 50)
        return output

    return engine.base.model.register_forward_hook(ask)


@pytest.mark.parametrize("when", ["training", "scoring"])
def test_a_job_that_runs_out_of_memory_says_so_and_others_go_on(when, runner) -> None:
    configs = mixed_configs(runner.engine)
    small = Job(slot="small", config=configs["small"], seed=0, rungs=RUNGS)
    tokens = {name: admit(runner, replace(small, slot=name)) for name in ("small", "big")}
    if when == "scoring":
        for name, token in tokens.items():
            wait_for(runner, name, token, allowed_rung=0)

    def install(engine):
        hook = _asking_for_the_moon(engine, "big")
        if when == "scoring":
            with contextlib.suppress(TrialOutOfMemory):
                engine.outputs("big", "validation")
                raise AssertionError("scoring had memory enough")
        return hook

    hook = runner.call(install)
    failed = wait_for(runner, "big", tokens["big"], allowed_rung=1)
    fine = wait_for(runner, "small", tokens["small"], allowed_rung=1)
    hook.remove()

    assert failed.failure == TrialState.OUT_OF_MEMORY
    assert failed.last
    assert fine.failure is None
    assert fine.rung == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("where", ["loss", "gradient", "scores"])
def test_numbers_that_are_not_finite_end_their_job_as_diverged_and_no_other(where, bad, runner) -> None:
    config = mixed_configs(runner.engine)["small"]
    wild, calm = (admit(runner, Job(slot=name, config=config, seed=0, rungs=RUNGS)) for name in ("wild", "calm"))
    for name, token in (("wild", wild), ("calm", calm)):
        wait_for(runner, name, token, allowed_rung=0)

    def poison(engine):
        if where == "gradient":
            head = next(iter(engine.slots["wild"].weights.full.values()))
            head.register_hook(lambda gradient: gradient * bad)
            return

        def spoil(module, inputs, output):
            training = torch.is_grad_enabled()
            for segment in engine.base.pack.segments:
                if segment.slot == "wild" and training == (where == "loss"):
                    output.logits = output.logits.clone()
                    output.logits[segment.start, 0] = bad
            return output

        engine.base.model.register_forward_hook(spoil)

    runner.call(poison)
    failed = wait_for(runner, "wild", wild, allowed_rung=1)
    fine = wait_for(runner, "calm", calm, allowed_rung=2)

    assert failed.failure == TrialState.DIVERGED
    assert failed.last
    assert "not a finite number" in failed.cause or "not finite numbers" in failed.cause
    assert (failed.rung, failed.outputs) == (None, b"")
    assert fine.failure is None


def test_a_state_can_be_kept_under_any_name(runner, tmp_path) -> None:
    config = mixed_configs(runner.engine)["small"]
    path = tmp_path / "0001.safetensors"
    token = admit(runner, Job(slot="a", config=config, seed=0, state_file=str(path)))
    wait_for(runner, "a", token, allowed_rung=0)

    assert state.read(path).step == 72
    assert [p.name for p in tmp_path.iterdir()] == ["0001.safetensors"]
