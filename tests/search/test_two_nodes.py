"""A joined cluster of two nodes on this machine, an engine on each; then one node is gone in the middle of a rung."""

from __future__ import annotations

import re
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import ray
import torch
from ray.cluster_utils import Cluster
from ray.exceptions import RayActorError

from autolora.engine import state as states
from autolora.errors import EngineError
from autolora.records import TrialState
from autolora.search import pool as pool_module
from autolora.search.cluster import node_here, open_cluster, read_token_anew
from autolora.search.engines import open_engines
from autolora.search.pool import Pool
from tests.search.searches import run_search

pytestmark = pytest.mark.ray

QUICK_TO_NOTICE = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
}


TRIALS = 4


@pytest.fixture(scope="module")
def nodes():
    """Return a cluster that asks for a token, and whose second node may be removed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", "1" * 64)
        read_token_anew()
        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 2, "include_dashboard": False, "_system_config": QUICK_TO_NOTICE},
        )
        cluster.add_node(num_cpus=1)
        yield cluster
        cluster.shutdown()


@pytest.fixture(scope="module")
def scratch(nodes):
    with open_cluster(nodes.address) as folder:
        yield folder


def node_of(engine: str) -> str:
    return ray.get(ray.get_actor(engine).__ray_call__.remote(lambda _: ray.get_runtime_context().get_node_id()))


def results(trials):
    """Return what must not depend on where a trial ran."""
    return [(t.number, t.config, t.state, [(r.rung, r.steps, r.score.value) for r in t.rungs]) for t in trials]


def test_a_node_with_another_version_is_named_before_anything_is_loaded(scratch, tiny_spec, monkeypatch) -> None:
    ours = pool_module.versions() | {"torch": "1.0"}
    monkeypatch.setattr(pool_module, "versions", lambda: ours)

    with (
        pytest.raises(EngineError, match="torch's version is 1.0 on this machine, but " + re.escape(torch.__version__)),
        open_engines(tiny_spec),
    ):
        pass


def test_a_search_over_two_nodes_goes_on_when_one_is_gone(
    nodes, scratch, tiny_spec, tiny_dataset, tmp_path, monkeypatch
) -> None:
    look, run, quiet = Pool._look, tmp_path / "run", {"trials": TRIALS, "early_stopping": False}

    def look_without_shared_folders(self, engine):
        look(self, engine)
        self._can_read &= {self._here}  # on one machine every node can read everything

    monkeypatch.setattr(Pool, "_look", look_without_shared_folders)
    told, kept, ran_on = [], {}, {}
    with open_engines(replace(tiny_spec, threads=1)) as engines:
        assert engines._pool._shipment is not None
        assert not list(Path(tempfile.gettempdir()).glob("alr-base-*")), "the base is loaded, and its copy is gone"
        engines.on_loss(told.append)
        names = {node_of(name): name for name in engines.ready()}
        assert len(names) == 2
        near = names.pop(node_here())
        (far,) = names.values()

        def note(trial):
            for name in engines.ready():
                with suppress(RayActorError, ValueError):  # gone, which the search has not noticed yet
                    held = ray.get(ray.get_actor(name).occupied.remote())
                    ran_on.update(dict.fromkeys([n for n in map(number_of, held) if n == trial.number], name))

        def lose_the_far_node(trial):
            if nodes.worker_nodes and ran_on[trial.number] == far and len(trial.rungs) == 2:
                kept[trial.number] = states.read(run / "slots" / f"{trial.number:05d}.safetensors").step
                ray.kill(ray.get_actor(far))  # at once: the node's end alone lets it finish the trial in the meantime
                nodes.remove_node(next(iter(nodes.worker_nodes)), allow_graceful=False)

        trials, heard = run_search(
            engines, tiny_dataset, run, scratch, on_start=note, on_rung=lose_the_far_node, **quiet
        )
        assert engines.ready() == [near]
        assert len(told) == 1

        assert [t.state for t in trials] == [TrialState.COMPLETE] * TRIALS
        reached = [(trial.number, trial.rungs[-1].rung) for event, trial in heard if event == "rung"]
        assert sorted(reached) == [(n, rung) for n in range(TRIALS) for rung in range(3)], "no rung counts twice"
        ((number, step),) = kept.items()
        assert step == trials[number].rungs[1].steps, "its state was here before its rung counted"
        assert ran_on[number] == near, "it went on there"
        assert list((run / "slots").iterdir()) == []

        undisturbed, _ = run_search(engines, tiny_dataset, tmp_path / "undisturbed", scratch, **quiet)
        assert results(trials) == results(undisturbed)


def number_of(slot: str) -> int:
    return int(slot.split("-")[0])
