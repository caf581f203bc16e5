from __future__ import annotations

import pytest

from autolora.errors import EngineLost
from autolora.records import TrialState
from autolora.search.setbacks import Setbacks

pytestmark = pytest.mark.unit


def test_a_trial_that_hung_among_others_goes_on_alone_and_ends_if_it_hangs_again() -> None:
    setbacks = Setbacks()

    assert setbacks.suffer("a", EngineLost("hung", hanging=("a", "b"))) is None
    assert setbacks.alone
    assert setbacks.suffer("a", EngineLost("an engine has hung for 9 s", hanging=("a",))) == (
        TrialState.TIMED_OUT,
        "an engine has hung for 9 s in a step of this trial",
    )


def test_a_neighbour_of_one_that_hung_goes_on_as_before() -> None:
    setbacks = Setbacks()

    assert setbacks.suffer("c", EngineLost("hung", hanging=("a", "b"))) is None
    assert not setbacks.alone


def test_a_trial_under_which_engines_die_again_and_again_has_failed() -> None:
    setbacks, lost = Setbacks(), EngineLost("an engine process ended")

    assert [setbacks.suffer("a", lost) for _ in range(2)] == [None, None]
    state, cause = setbacks.suffer("a", lost)
    assert state == TrialState.FAILED
    assert cause == "engines or leases were lost 3 times before it reached another rung, its engine last"


def test_a_trial_whose_leases_die_goes_on_but_not_for_ever() -> None:
    setbacks = Setbacks()

    assert [setbacks.lose_lease() for _ in range(2)] == [None, None]
    assert setbacks.lose_lease() == (
        TrialState.FAILED,
        "engines or leases were lost 3 times before it reached another rung, its lease last",
    )
