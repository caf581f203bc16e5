from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autolora.pareto import hypervolume
from autolora.records.past import PastScore
from autolora.search.elsewhere import Elsewhere
from autolora.search.encoding import Encoder
from tests.search.test_proposer import FLOOR, SHARES, SPACE, proposer, trial, truth
from tests.search.test_transfer import searched
from tests.test_past import LIKE, past

pytestmark = pytest.mark.unit


def along_shares(source):
    """Return the same search with a score at every rung."""

    def scores(params):
        return tuple(PastScore(share=share, quality=truth(params, share) - FLOOR) for share in SHARES)

    return replace(source, trials=tuple(replace(one, scores=scores(one.params)) for one in source.trials))


def points(count: int, share: float = 1.0, *, seed: int = 9):
    random, encoder = np.random.default_rng(seed), Encoder(SPACE)
    settings = [SPACE.sample(random) for _ in range(count)]
    at = {1.0: 1.0, 1 / 9: 0.0}[share]
    return settings, np.array([(*encoder.point(params), at) for params in settings])


def test_nothing_is_known_where_nothing_was_gained_or_hardly_anything_was_scored() -> None:
    assert Elsewhere.of(SPACE, LIKE, []) is None
    assert Elsewhere.of(SPACE, LIKE, [searched("useless", quality=lambda params: 0.0)]) is None
    assert Elsewhere.of(SPACE, LIKE, [past("one")]) is None


def test_what_is_expected_follows_what_was_found_at_every_share_of_training() -> None:
    known = Elsewhere.of(SPACE, LIKE, [along_shares(searched("mails"))])

    for share in (1.0, 1 / 9):
        settings, there = points(60, share)
        real = np.array([truth(params, share) - FLOOR for params in settings])
        assert np.corrcoef(known.expected(there), real)[0, 1] > 0.9


def test_near_tasks_count_more() -> None:
    good, bad = searched("good", quality=lambda params: 0.8), searched("bad", quality=lambda params: 0.2, rows=10**5)
    _, there = points(5)

    near_good = Elsewhere.of(SPACE, LIKE, [good, bad]).expected(there)
    near_bad = Elsewhere.of(SPACE, replace(LIKE, rows=10**5), [good, bad]).expected(there)
    assert (near_good > 0.6).all()
    assert (near_bad < 0.4).all()


def front_after(trials: int, seed: int, **options) -> float:
    it, seen = proposer(seed, **options), []
    for number in range(trials):
        seen.append(trial(number, it.propose(seen)))
    return hypervolume([t.metric for t in seen], [t.trainable_params for t in seen], floor=FLOOR)


def test_a_search_that_knows_a_like_task_is_further_after_as_many_trials() -> None:
    cold = [front_after(6, seed) for seed in range(6)]
    known = [Elsewhere.of(SPACE, LIKE, [along_shares(searched("mails", seed=seed))]) for seed in range(6)]
    warm = [front_after(6, seed, elsewhere=known[seed]) for seed in range(6)]

    assert np.mean(warm) > 1.1 * np.mean(cold)


def test_a_search_that_was_told_the_contrary_still_finds_its_front() -> None:
    wrong = searched("wrong", quality=lambda params: 0.6 if params["learning_rate"] > 3e-2 else 0.05)
    misled = [front_after(24, seed, elsewhere=Elsewhere.of(SPACE, LIKE, [wrong])) for seed in range(4)]
    cold = [front_after(24, seed) for seed in range(4)]

    assert np.mean(misled) > 0.9 * np.mean(cold)
