from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autolora.records.past import PastScore, PastSearch, PastTrial
from autolora.search.elsewhere import Elsewhere
from autolora.search.transfer import MOST_SUGGESTIONS
from autolora.search.transfer import suggestions as suggestions_of
from tests.search.test_proposer import COSTS, FLOOR, LAYERS, SPACE, truth
from tests.test_past import LIKE, past

pytestmark = pytest.mark.unit


def searched(
    name: str, *, seed: int = 0, trials: int = 40, quality=lambda params: truth(params) - FLOOR, **like
) -> PastSearch:
    """Return a search of settings by chance."""
    random = np.random.default_rng(seed)
    found = []
    for params in (SPACE.sample(random) for _ in range(trials)):
        config = COSTS.config(SPACE.fixed | params)
        found.append(
            PastTrial(
                params=params,
                scores=(PastScore(share=1.0, quality=quality(params)),),
                complete=True,
                trainable_params=COSTS.trainable_params(config),
                peak_memory_bytes=COSTS.peak_memory_bytes(config),
                steps=90,
            )
        )
    return replace(past(name, **like), trials=tuple(found))


def suggestions(likeness, searches, **options):
    return suggestions_of(SPACE, COSTS, Elsewhere.of(SPACE, likeness, searches), **options)


def test_nothing_is_suggested_where_nothing_is_known() -> None:
    assert suggestions(LIKE, []) == ()
    assert suggestions(LIKE, [past("empty", trials=0)]) == ()
    useless = searched("useless", quality=lambda params: 0.0)
    assert suggestions(LIKE, [useless]) == ()


def test_what_covers_most_comes_first_and_each_adds_something() -> None:
    source = searched("mails")

    found = suggestions(LIKE, [source])

    assert 2 <= len(found) <= MOST_SUGGESTIONS
    assert {each.source for each in found} == {"mails"}
    sizes = [COSTS.trainable_params(COSTS.config(SPACE.fixed | each.params)) for each in found]
    assert len(set(sizes)) == len(sizes), "no two are alike"
    median = np.median([trial.quality for trial in source.trials])
    assert truth(found[0].params) - FLOOR > median, "it is a good one, for all its size"
    assert sizes[0] < np.median([trial.trainable_params for trial in source.trials]), "and a small one"


def test_only_what_stood_on_a_front_is_suggested() -> None:
    source = searched("mails")
    suggested = [each.params for each in suggestions(LIKE, [source])]

    for params in suggested:
        own = next(trial for trial in source.trials if SPACE.snap(trial.params) == params)
        assert not [
            other for other in source.trials
            if other.quality > own.quality and other.trainable_params <= own.trainable_params
            and other.peak_memory_bytes <= own.peak_memory_bytes
        ]  # fmt: skip


def test_a_nearer_task_counts_more() -> None:
    near = searched("near", quality=lambda params: 0.8 * (params["learning_rate"] > 3e-3))
    far = searched("far", quality=lambda params: 0.8 * (params["learning_rate"] < 3e-3), rows=10**7)

    (first, *_) = suggestions(LIKE, [far, near], most=1)
    assert first.params["learning_rate"] > 3e-3
    (first, *_) = suggestions(replace(LIKE, rows=10**7), [far, near], most=1)
    assert first.params["learning_rate"] < 3e-3


def test_what_a_limit_forbids_is_not_suggested() -> None:
    least = min(COSTS.trainable_params(COSTS.config(SPACE.fixed | t.params)) for t in searched("mails").trials)

    found = suggestions(LIKE, [searched("mails")], admits=lambda config: COSTS.trainable_params(config) <= 4 * least)
    assert found
    assert all(COSTS.trainable_params(COSTS.config(SPACE.fixed | each.params)) <= 4 * least for each in found)


def test_settings_from_another_space_become_its_nearest_members() -> None:
    settings = ({"rank": 3, "dropout": 0.1}, {"rank": 3, "dropout": 0.2})
    odd = replace(past("odd"), trials=tuple(replace(past("odd").trials[0], params=params) for params in settings))

    (only,) = suggestions(LIKE, [odd])
    assert set(only.params) == set(SPACE.parameters)
    assert only.params["rank"] in (2, 4)
    assert only.params["layers"] in LAYERS
