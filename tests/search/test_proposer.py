from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from autolora.engine.costs import CostModel, Kind, key
from autolora.objectives import metric_named
from autolora.pareto import hypervolume
from autolora.records import RungRecord, Score, TrialRecord, TrialState
from autolora.search import proposer as proposing
from autolora.search.proposer import Proposer
from autolora.space import Choice, Float, Space

pytestmark = pytest.mark.unit

LAYERS = {"last_1": 1, "last_2": 2, "last_3": 3, "all": 6}
SPACE = Space(
    name="s",
    parameters={
        "rank": Choice(values=(1, 2, 4, 8, 16, 32)),
        "layers": Choice(values=tuple(LAYERS)),
        "learning_rate": Float(low=1e-4, high=1e-1, log=True),
    },
    fixed={"target_modules": "attention_qv"},
)
COSTS = CostModel(
    kinds={
        key("attention_qv", name): Kind(
            modules=("query", "value"), layers=tuple(range(6 - count, 6)), params_per_rank=1500 * count,
            pass_bytes_per_row=1e6 * count, tokens_per_row=100.0 * count,
        )
        for name, count in LAYERS.items()
    },
    weight_bytes=10**7, base_params=10**6, head_params=700, width=2, num_labels=2, length=100,
)  # fmt: skip
SHARES = (1 / 9, 1 / 3, 1.0)
FLOOR = 0.3


def truth(params, share: float = 1.0) -> float:
    """Return a made-up score: most with a rate near 5e-3, more with rank and layers, less after a part of training."""
    missed = abs(math.log10(params["learning_rate"] / 5e-3))
    size = 0.05 * math.log2(params["rank"]) / 5 + 0.1 * math.log(LAYERS[params["layers"]]) / math.log(6)
    return FLOOR + max(0.0, 0.4 + size - 0.4 * missed) * (1 + 0.3 * math.log(share) / math.log(9))


def proposer(seed: int = 0, *, metric="accuracy", floor=FLOOR, **options) -> Proposer:
    return Proposer(**({"space": SPACE} | options), costs=COSTS, metric=metric_named(metric), floor=floor, seed=seed)


def trial(number: int, params, *, state=TrialState.COMPLETE, rungs: int = 3, value=truth) -> TrialRecord:
    config = COSTS.config(SPACE.fixed | params)
    return TrialRecord(
        number=number,
        state=state,
        params=params,
        config=config,
        metric=value(params, SHARES[rungs - 1]) if rungs else None,
        trainable_params=COSTS.trainable_params(config),
        peak_memory_bytes=COSTS.peak_memory_bytes(config),
        rungs=tuple(
            RungRecord(
                rung=at, share=share, steps=at + 1, score=Score(value=value(params, share), standard_error=0.02),
                train_loss=None, seconds=1.0,
            )
            for at, share in enumerate(SHARES[:rungs])
        ),
    )  # fmt: skip


def searched(seed: int, trials: int) -> list[TrialRecord]:
    ours, seen = proposer(seed), []
    for number in range(trials):
        seen.append(trial(number, ours.propose(seen)))
    return seen


def front(trials) -> float:
    return hypervolume([t.rungs[-1].score.value for t in trials], [t.trainable_params for t in trials], floor=FLOOR)


def test_it_finds_a_larger_front_than_chance_with_twice_as_many_trials() -> None:
    by_chance = []
    for seed in range(5):
        random = np.random.default_rng(seed)
        by_chance.append(front([trial(n, SPACE.sample(random)) for n in range(32)]))

    assert min(front(searched(seed, 16)) for seed in range(5)) > np.mean(by_chance)


def test_scores_at_rungs_teach_as_those_of_whole_trials_do() -> None:
    random = np.random.default_rng(3)
    seen = [trial(n, SPACE.sample(random), state=TrialState.STOPPED, rungs=1) for n in range(20)]
    rates = [proposer(seed).propose(seen)["learning_rate"] for seed in range(5)]

    assert all(1e-3 < rate < 2.5e-2 for rate in rates)


def test_trials_that_run_at_once_are_spread_out() -> None:
    ours, seen = proposer(), searched(0, 12)
    running = []
    for number in range(4):
        running.append(trial(12 + number, ours.propose([*seen, *running]), state=TrialState.RUNNING, rungs=0))

    kinds = {(t.params["rank"], t.params["layers"], round(math.log10(t.params["learning_rate"]), 2)) for t in running}
    assert len(kinds) == 4
    assert len({t.trainable_params for t in running}) >= 3


def test_where_trials_fail_others_are_looked_for() -> None:
    random = np.random.default_rng(1)
    drawn = [SPACE.sample(random) for _ in range(24)]
    seen = [
        trial(n, params, state=TrialState.DIVERGED, rungs=0)
        if params["learning_rate"] > 2e-3
        else trial(n, params, value=lambda params, share: 0.5 + 0.02 * math.log10(params["learning_rate"] / 1e-4))
        for n, params in enumerate(drawn)
    ]

    assert np.median([proposer(seed).propose(seen)["learning_rate"] for seed in range(7)]) < 4e-3


def test_what_is_better_when_smaller_is_looked_for_at_the_other_end() -> None:
    random = np.random.default_rng(2)

    def error(params, share):
        return 2.0 - truth(params, share)

    seen = [trial(n, SPACE.sample(random), value=error) for n in range(20)]
    ours = proposer(metric="mae", floor=error({"rank": 1, "layers": "last_1", "learning_rate": 1e-4}, 1.0))

    assert 1e-3 < ours.propose(seen)["learning_rate"] < 2.5e-2


def test_scores_that_are_no_numbers_or_worse_than_nothing_are_worth_nothing() -> None:
    random = np.random.default_rng(0)
    seen = [trial(n, SPACE.sample(random)) for n in range(8)]
    odd = [
        trial(8, SPACE.sample(random), value=lambda *_: math.nan),
        trial(9, SPACE.sample(random), value=lambda *_: -1e9),
    ]

    points, values = proposer()._observed([*seen, *odd])

    assert points.shape == (30, 4)
    assert values.min() == FLOOR


def test_nothing_is_proposed_twice_or_against_the_limits() -> None:
    rest = {"layers": "all", "learning_rate": 5e-3}
    small = Space(name="s", parameters={"rank": Choice(values=(1, 2, 4, 8))}, fixed=SPACE.fixed | rest)
    ours = Proposer(
        space=small, costs=COSTS, metric=metric_named("accuracy"), floor=FLOOR, seed=0, admits=lambda c: c.rank < 8
    )
    seen = []
    for number in range(3):
        params = ours.propose(seen) | rest
        seen.append(trial(number, params, state=TrialState.REFUSED if number == 1 else TrialState.COMPLETE))

    assert sorted(t.params["rank"] for t in seen) == [1, 2, 4]
    assert small.contains(ours.propose(seen)), "when nothing is left, the ledger refuses what it gets"


def test_one_seed_proposes_the_same_again() -> None:
    assert [t.params for t in searched(4, 8)] == [t.params for t in searched(4, 8)]


def test_the_first_trials_depend_on_nothing_that_came_before_them() -> None:
    ours, ended = proposer(5), searched(5, 3)
    running = [trial(t.number, t.params, state=TrialState.RUNNING, rungs=0) for t in ended]

    assert ours.propose(ended) == ours.propose(running) == proposer(5).propose(running)


def test_of_many_scores_the_furthest_and_newest_are_learned_from(monkeypatch) -> None:
    monkeypatch.setattr(proposing, "_MOST_POINTS", 5)
    settings = [{"rank": 1, "layers": "all", "learning_rate": 1e-3 * (n + 1)} for n in range(8)]
    seen = [trial(n, params, rungs=3 if n < 4 else 1) for n, params in enumerate(settings)]

    points, _ = proposer()._observed(seen)

    assert [round(float(along), 3) for *_, along in points] == [1.0, 1.0, 1.0, 1.0, 0.5]
    rate_of = [1e-4 * 1000 ** float(at) for at in points[:, 2]]
    assert rate_of == pytest.approx([4e-3, 3e-3, 2e-3, 1e-3, 4e-3])


def test_a_promise_is_unknown_at_first_and_falls_as_the_front_is_found() -> None:
    it, seen = proposer(), []
    promises = []
    for number in range(30):
        promises.append(it.promise(seen))
        seen.append(trial(number, it.propose(seen)))

    assert promises[:4] == [math.inf] * 4
    assert all(0 <= promise <= 1 for promise in promises[4:])
    assert np.mean(promises[4:8]) > 3 * np.mean(promises[-4:])


def test_what_a_model_hopes_for_counts_little_once_its_last_trials_added_nothing() -> None:
    stale, fresh = proposer(), proposer()
    poor = [trial(n, SPACE.sample(np.random.default_rng(n)), state=TrialState.STOPPED, rungs=1) for n in range(1, 9)]
    best = trial(0, {"rank": 1, "layers": "all", "learning_rate": 5e-3})
    hoped = fresh._best([best, *poor])[1]

    assert stale.promise([best, *poor]) == pytest.approx(hoped / 9)
    late = [*poor, replace(best, number=9)]
    assert 9 * fresh.promise(late) > fresh._best(late)[1] + 0.05, "the last one added all that there is"


def test_a_promise_and_the_proposal_that_keeps_it_come_from_the_same_draws() -> None:
    first, second = proposer(), proposer()
    seen = [trial(at, params) for at, params in enumerate(SPACE.sample(np.random.default_rng(1)) for _ in range(6))]
    first.promise(seen)

    assert first.propose(seen) == second.propose(seen)


def test_where_everything_was_tried_nothing_is_promised() -> None:
    few = Space(name="few", parameters={"rank": Choice(values=(1, 2))}, fixed={
        "layers": "all", "target_modules": "attention_qv", "learning_rate": 5e-3,
    })  # fmt: skip
    it = proposer(space=few)
    seen = [trial(at, {"rank": rank, "layers": "all", "learning_rate": 5e-3}) for at, rank in enumerate((1, 2))]

    assert it.promise(seen) == 0
