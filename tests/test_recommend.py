"""Which adapter is recommended."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.objectives import METRICS
from autolora.recommend import choose, finalists, front, margin_of
from autolora.records import RungRecord, Score, TrialRecord, TrialState
from autolora.request import Limits
from tests.candidates import (
    BEST,
    CLOSE_BY,
    CONFIG,
    DEFAULT,
    MAJORITY,
    METRIC,
    NO_LIMITS,
    POOR,
    SMALL,
    TFIDF,
    UNSURE,
    candidate,
    with_a_failed_seed,
)
from tests.report import made_up

pytestmark = pytest.mark.unit


def trial(
    number: int, metric: float, params: int, memory: int = 100, *, state: TrialState = TrialState.COMPLETE
) -> TrialRecord:
    rung = RungRecord(
        rung=2,
        share=1.0,
        steps=9,
        score=Score(value=metric, standard_error=0.01),
        train_loss=0.1,
        seconds=1.0,
    )
    return TrialRecord(
        number=number,
        state=state,
        params={},
        config=CONFIG,
        metric=metric,
        trainable_params=params,
        peak_memory_bytes=memory,
        rungs=(rung,),
    )


# ------------------------------------------------------------------------------------------------- front, finalists


def test_the_front_holds_completed_trials_that_none_dominates_smallest_first() -> None:
    good = trial(0, 0.9, 800), trial(1, 0.8, 100), trial(2, 0.85, 400)
    dominated = trial(3, 0.8, 100, 200), trial(4, 0.7, 500)
    unfinished = (
        trial(5, 0.99, 10, state=TrialState.STOPPED),
        trial(6, 0.99, 10, state=TrialState.DIVERGED),
        replace(trial(7, 0.99, 10), metric=None),
    )

    assert [t.number for t in front((*good, *dominated, *unfinished), METRIC)] == [1, 2, 0]


def test_less_memory_alone_keeps_a_trial_on_the_front() -> None:
    assert [t.number for t in front((trial(0, 0.9, 100), trial(1, 0.8, 100, 50)), METRIC)] == [0, 1]


def test_nothing_completed_means_no_front_and_no_finalists() -> None:
    stopped = (trial(0, 0.9, 100, state=TrialState.STOPPED),)

    assert front((), METRIC) == front(stopped, METRIC) == ()
    assert finalists((), METRIC) == finalists(stopped, METRIC) == ()


def test_finalists_are_the_best_the_smallest_near_it_and_the_best_of_the_others_near_it() -> None:
    trials = trial(0, 0.90, 900), trial(1, 0.895, 500), trial(2, 0.89, 300), trial(3, 0.885, 100), trial(4, 0.87, 50)

    assert [t.number for t in finalists(trials, METRIC)] == [0, 3, 1]
    assert [t.number for t in finalists(trials, METRIC, 1)] == [0]
    assert [t.number for t in finalists(trials, METRIC, 9)] == [0, 3, 1, 2], "0.87 is not within two standard errors"


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9), st.integers(1, 4)), max_size=12), st.integers(1, 5))
def test_finalists_are_on_the_front_differ_and_begin_with_the_best_score(
    given_trials: list[tuple[int, int, int]], count: int
) -> None:
    trials = tuple(trial(at, score / 20, params, memory) for at, (score, params, memory) in enumerate(given_trials))

    chosen = finalists(trials, METRIC, count)

    on_front = front(trials, METRIC)
    assert len(chosen) == len({t.number for t in chosen}) <= count
    assert all(t in on_front for t in chosen)
    assert bool(chosen) == bool(trials)
    if trials:
        assert chosen[0].metric == max(t.metric or 0 for t in trials)


# ----------------------------------------------------------------------------------------------------------- choose


@pytest.mark.parametrize(
    ("candidates", "differences", "required", "name"),
    [
        ((BEST, SMALL, POOR), CLOSE_BY, NO_LIMITS, "finalist_2"),
        ((BEST, SMALL), UNSURE, NO_LIMITS, "finalist_1"),
        ((BEST, SMALL), UNSURE, Limits(margin=0.03), "finalist_2"),
        ((BEST, SMALL), {"finalist_2": {"finalist_1": (0.0, -0.01, 0.01)}}, NO_LIMITS, "finalist_2"),
        ((BEST, SMALL), {}, NO_LIMITS, "finalist_1"),
        ((BEST, with_a_failed_seed(SMALL)), CLOSE_BY, NO_LIMITS, "finalist_1"),
        ((BEST, with_a_failed_seed(SMALL, 2)), CLOSE_BY, NO_LIMITS, "finalist_1"),
        ((BEST, SMALL, POOR), CLOSE_BY, Limits(max_params=999), "finalist_3"),
        ((BEST, replace(SMALL, peak_memory_bytes=20_000)), CLOSE_BY, Limits(max_memory=10_000), "finalist_1"),
        ((BEST, SMALL, POOR), CLOSE_BY, Limits(min_metric=0.895), "finalist_1"),
        ((BEST, SMALL, POOR), CLOSE_BY, Limits(min_metric=0.85), "finalist_2"),
        ((BEST, SMALL, POOR), CLOSE_BY, Limits(min_metric=0.99), "finalist_2"),
        (
            (BEST, replace(BEST, name="finalist_9", peak_memory_bytes=9_000)),
            {"finalist_9": {"finalist_1": (0.0, 0.0, 0.0)}},
            NO_LIMITS,
            "finalist_9",
        ),
    ],
    ids=[
        "the smallest that is as good as the best",
        "none is shown to be as good",
        "a wider margin",
        "the margin itself counts as within",
        "not compared",
        "a failed first seed",
        "a failed last seed",
        "too many parameters",
        "too much memory",
        "the small one is not good enough",
        "the small one is good enough",
        "nobody is good enough",
        "equal sizes: less memory",
    ],
)
def test_the_smallest_finalist_that_is_as_good_as_the_best_is_chosen(candidates, differences, required, name) -> None:
    chosen = choose(candidates, differences, METRIC, required)

    assert chosen is not None
    assert chosen.name == name


@pytest.mark.parametrize(
    ("candidates", "required"),
    [
        ((), NO_LIMITS),
        ((DEFAULT, TFIDF, MAJORITY), NO_LIMITS),
        ((with_a_failed_seed(BEST),), NO_LIMITS),
        ((replace(BEST, seeds=()),), NO_LIMITS),
        ((BEST, SMALL), Limits(max_params=999)),
        ((BEST, SMALL), Limits(max_memory=9_990)),
    ],
)
def test_baselines_unfinished_ones_and_those_over_a_limit_are_never_chosen(candidates, required) -> None:
    assert choose(candidates, CLOSE_BY, METRIC, required) is None


several = st.lists(
    st.tuples(st.integers(0, 100), st.integers(1, 30), st.integers(0, 10)).map(
        lambda t: (t[0] / 100, t[1], t[2] / 100)
    ),
    min_size=1,
    max_size=6,
)


def test_of_two_equally_good_finalists_the_smaller_is_the_best_however_little_is_known_of_it() -> None:
    large, small = candidate("finalist_1", 0.9, 2_000), candidate("finalist_2", 0.9, 1_000)
    unsure = {"finalist_2": {"finalist_1": (0.0, -0.04, 0.04)}, "finalist_1": {"finalist_2": (0.0, 0.0, 0.0)}}

    assert choose((large, small), unsure, METRIC, NO_LIMITS) == small


@given(several, st.integers(1, 30), st.floats(0, 1), st.floats(0.001, 0.2), st.randoms(use_true_random=False))
def test_a_choice_keeps_the_rule_and_never_looks_at_test_scores(
    given_candidates, max_params, min_metric, margin, random
) -> None:
    candidates = tuple(
        candidate(f"finalist_{at}", score, params) for at, (score, params, _) in enumerate(given_candidates)
    )
    reach = {f"finalist_{at}": noise for at, (_, _, noise) in enumerate(given_candidates)}
    differences = {
        one.name: {
            other.name: (lead := one.validation - other.validation, lead - reach[one.name], lead + reach[one.name])
            for other in candidates
        }
        for one in candidates
    }
    required = Limits(max_params=max_params, min_metric=min_metric, margin=margin)

    chosen = choose(candidates, differences, METRIC, required)
    other_tests = tuple(replace(c, test=random.random(), test_ci95=(0.0, random.random())) for c in candidates)
    again = choose(other_tests, differences, METRIC, required)

    inside = [c for c in candidates if c.trainable_params <= max_params]
    inside = [c for c in inside if c.validation >= min_metric] or inside
    assert (chosen is None) == (again is None) == (not inside)
    if chosen is None or again is None:
        return
    assert chosen.name == again.name
    top = max(c.validation for c in inside)

    def low(c) -> float:
        return c.validation - top - reach[c.name]

    assert chosen.validation == top or low(chosen) >= -margin - 1e-12
    smaller = [c for c in inside if c.trainable_params < chosen.trainable_params]
    assert all(low(c) < -margin + 1e-12 and c.validation < top for c in smaller)


@pytest.mark.parametrize(
    ("metric", "margin", "expected"),
    [("accuracy", None, 0.01), ("mae", None, 0.4), ("accuracy", 0.02, 0.02), ("mae", 3, 3)],
)
def test_the_margin_is_one_point_of_a_share_and_a_hundredth_of_what_is_none(metric, margin, expected) -> None:
    assert margin_of(METRICS[metric], Limits(margin=margin), 40.0) == pytest.approx(expected)


def test_the_front_is_in_order_of_size() -> None:
    on_front = front(made_up.trials(), METRIC)

    assert len(on_front) > 2
    assert all((a.trainable_params or 0) <= (b.trainable_params or 0) for a, b in pairwise(on_front))


# ------------------------------------------------------------------------------------------------- where less is better

MAE = METRICS["mae"]
CLOSE = candidate("finalist_1", 10.0, 8_000)
ROUGH = candidate("finalist_2", 14.0, 900)


def test_of_errors_the_smallest_is_the_best() -> None:
    trials = trial(0, 40.0, 100), trial(1, 10.0, 800), trial(2, 12.0, 900)

    assert [t.number for t in front(trials, MAE)] == [0, 1]
    assert finalists(trials, MAE)[0].number == 1
    worse = {"finalist_2": {"finalist_1": (4.0, 3.0, 5.0)}}
    assert choose((CLOSE, ROUGH), worse, MAE, NO_LIMITS) == CLOSE
    assert choose((CLOSE, ROUGH), worse, MAE, Limits(min_metric=15.0)) == CLOSE
    assert choose((CLOSE, ROUGH), worse, MAE, Limits(min_metric=12.0)) == CLOSE
    assert choose((CLOSE, ROUGH), worse, MAE, Limits(margin=5.0)) == ROUGH
