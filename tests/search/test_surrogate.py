from __future__ import annotations

import numpy as np
import pytest

from autolora.search import surrogate

pytestmark = pytest.mark.unit


def bowl(points):
    """Return a value that turns on the first of two axes only, with its top at 0.6."""
    return 0.8 - (points[:, 0] - 0.6) ** 2


@pytest.fixture(scope="module")
def fitted():
    random = np.random.default_rng(0)
    points = random.random((40, 2))
    return surrogate.fit(points, bowl(points) + random.normal(0, 0.01, size=40))


def test_it_guesses_between_points_within_its_own_doubt(fitted) -> None:
    elsewhere = np.random.default_rng(1).random((200, 2))
    mean, spread = fitted.predict(elsewhere)

    assert np.abs(mean - bowl(elsewhere)).mean() < 0.01
    assert (np.abs(mean - bowl(elsewhere)) < 3 * spread).mean() > 0.95


def test_it_doubts_more_where_nothing_was_seen(fitted) -> None:
    _, spread = fitted.predict(np.array([[0.5, 0.5], [4.0, 0.5]]))

    assert spread[1] > 5 * spread[0]


def test_what_it_takes_for_measured_it_no_longer_doubts_and_its_guesses_stay(fitted) -> None:
    there = np.array([[2.0, 0.5]])
    before, doubt = fitted.predict(there)
    after, left = fitted.believing(there).predict(there)

    assert left[0] < 0.5 * doubt[0]
    assert after == pytest.approx(before, abs=0.02)


def test_equal_values_are_no_fault() -> None:
    model = surrogate.fit(np.random.default_rng(0).random((5, 2)), np.full(5, 0.4))

    assert model.predict(np.array([[0.5, 0.5]]))[0] == pytest.approx([0.4])


def test_a_shape_may_be_taken_over_as_it_is(fitted) -> None:
    points = np.random.default_rng(2).random((12, 2))
    kept = surrogate.fit(points, bowl(points), shape=fitted.shape, refit=False)

    assert kept.shape == pytest.approx(fitted.shape)
    assert surrogate.fit(points, bowl(points), shape=fitted.shape).shape != pytest.approx(fitted.shape)
