from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.errors import SpaceError
from autolora.parameters import Choice, Float, Int, Parameter

pytestmark = pytest.mark.unit

PARAMETERS: list[Parameter] = [
    Choice(values=(1, 2, 4, 8)),
    Choice(values=(-3, 0, 2.5)),
    Choice(values=(False, True)),
    Choice(values=("all", ["query", "value"], [0, 1])),
    Float(low=1e-4, high=1e-2, log=True),
    Float(low=-1e308, high=1e308),
    Int(low=1, high=64, log=True),
    Int(low=-3, high=9, step=4),
]
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**300, max_value=10**500),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (Choice, {"values": ()}, "values must be a list of at least one value, but got []"),
        (Choice, {"values": "attention_qv"}, "values must be a list of at least one value, but got 'attention_qv'"),
        (Choice, {"values": (1, 2, 1)}, "values must differ, but got 1 twice in [1, 2, 1]"),
        (Choice, {"values": (1, 1.0)}, "values must differ, but got 1.0 twice"),
        (Choice, {"values": (["q"], ("q",))}, "values must differ"),
        (Choice, {"values": (1, math.nan)}, "but got nan"),
        (Choice, {"values": (math.inf,)}, "but got inf"),
        (Choice, {"values": (None,)}, "but got None"),
        (Choice, {"values": ("",)}, "but got ''"),
        (Choice, {"values": ([],)}, "but got []"),
        (Choice, {"values": (["q", 1],)}, "but got ['q', 1]"),
        (Float, {"low": 1e-2, "high": 1e-4}, "low must be below high, but got low=0.01, high=0.0001"),
        (Float, {"low": 1e-2, "high": 1e-2}, "low must be below high"),
        (Float, {"low": 0.0, "high": 1.0, "log": True}, "low must be positive on a log scale, but got low=0.0"),
        (Float, {"low": math.nan, "high": 1.0}, "low and high must be finite numbers, but got low=nan"),
        (Float, {"low": 0.0, "high": math.inf}, "low and high must be finite numbers, but got low=0.0, high=inf"),
        (Float, {"low": True, "high": 2.0}, "low and high must be finite numbers, but got low=True"),
        (Float, {"low": 0.1, "high": 1.0, "log": 1}, "log must be true or false, but got 1"),
        (Int, {"low": 1.5, "high": 4}, "low and high must be whole numbers, but got low=1.5"),
        (Int, {"low": 4, "high": 1}, "low must be below high, but got low=4, high=1"),
        (Int, {"low": 0, "high": 4, "log": True}, "low must be positive on a log scale"),
        (Int, {"low": 1, "high": 10**30}, "low and high must be whole numbers"),
        (Int, {"low": 1, "high": 4, "step": 0}, "step must be a whole number of at least 1, but got 0"),
        (Int, {"low": 1, "high": 5, "step": 2, "log": True}, "step must be 1 on a log scale, but got 2"),
        (Int, {"low": 1, "high": 4, "step": 2}, "high - low must be a multiple of step, but got low=1, high=4, step=2"),
    ],
)
def test_bounds_are_checked_on_construction(kind: type[Any], given: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceError) as caught:
        kind(**given)

    assert message in caught.value.message


def test_a_number_as_text_gets_the_right_spelling() -> None:
    with pytest.raises(SpaceError) as caught:
        Float(low="1e-4", high=1e-2)  # type: ignore[arg-type]

    assert caught.value.message == "low and high must be finite numbers, but got low='1e-4', high=0.01"
    assert caught.value.hint == "YAML reads 1e-4 as text; write 1.0e-4"


@pytest.mark.parametrize("parameter", PARAMETERS, ids=str)
@given(seed=st.integers(0, 2**32 - 1))
def test_samples_and_the_middle_are_members(parameter: Parameter, seed: int) -> None:
    assert parameter.contains(parameter.sample(np.random.default_rng(seed)))
    assert parameter.contains(parameter.middle)


@pytest.mark.parametrize("parameter", PARAMETERS, ids=str)
@given(value=ANYTHING)
def test_the_nearest_to_anything_is_a_member_or_nothing(parameter: Parameter, value: object) -> None:
    member = parameter.nearest(value)

    assert member is None or parameter.contains(member)
    if parameter.contains(value):
        assert member is not None


@pytest.mark.parametrize("value", [math.inf, 10**400, 1e300])
def test_what_is_too_large_is_nearest_to_the_largest(value: float) -> None:
    assert [p.nearest(value) for p in PARAMETERS] == [8, 2.5, None, None, 1e-2, min(value, 1e308), 64, 9]


@pytest.mark.parametrize(
    ("parameter", "value", "nearest"),
    [
        (Choice(values=(1, 2, 4, 8)), 6, 8),  # 6 : 8 is a smaller step than 4 : 6
        (Choice(values=(0, 4, 8)), 5.9, 4),
        (Choice(values=(1, 2, 4, 8)), -math.inf, 1),
        (Choice(values=(8, 2)), math.nan, None),
        (Choice(values=(1, 2)), True, None),
        (Choice(values=("all", ("query", "value"))), ["query", "value"], ("query", "value")),
        (Float(low=1.0, high=2.0), 3, 2.0),
        (Int(low=1, high=9, step=4), 4, 5),
        (Int(low=1, high=9, step=4), np.int64(8), 9),
    ],
)
def test_the_nearest_member_is_told_by_size(parameter: Parameter, value: object, nearest: object) -> None:
    assert parameter.nearest(value) == nearest


def test_members_are_compared_by_value_but_truth_is_no_number() -> None:
    assert Choice(values=(1, 2)).contains(1.0)
    assert Choice(values=(1, 2)).contains(np.int64(2))
    assert not Choice(values=(0, 1)).contains(True)
    assert not Choice(values=(False, True)).contains(1)
    assert not Int(low=1, high=4).contains(1.5)
    assert not Int(low=1, high=4).contains(True)
    assert not Float(low=0.0, high=1.0).contains("0.5")
    assert not Float(low=0.0, high=1.0).contains(math.nan)


def test_a_log_scale_draws_every_doubling_about_as_often() -> None:
    random = np.random.default_rng(0)
    rates = Counter(math.floor(math.log10(Float(low=1e-4, high=1e-2, log=True).sample(random))) for _ in range(2000))
    ranks = Counter(Int(low=1, high=64, log=True).sample(random).bit_length() for _ in range(2000))

    assert rates[-4] == pytest.approx(1000, abs=150)
    assert ranks[3] == pytest.approx(ranks[6], rel=0.4)


def test_every_member_of_a_whole_range_is_drawn() -> None:
    random = np.random.default_rng(0)

    assert {Int(low=1, high=9, step=4).sample(random) for _ in range(100)} == {1, 5, 9}
    assert {Int(low=1, high=3, log=True).sample(random) for _ in range(100)} == {1, 2, 3}


@pytest.mark.parametrize(
    ("parameter", "value", "by", "expected"),
    [
        (Float(low=1e-4, high=1e-2, log=True), 1e-3, 0.25, 10**-2.5),
        (Float(low=1e-4, high=1e-2, log=True), 1e-3, 3.0, 1e-2),
        (Float(low=0.0, high=0.2), 0.1, -0.25, 0.05),
        (Int(low=1, high=64, log=True), 8, 1 / 6, 16),
        (Int(low=2, high=10, step=2), 4, 0.3, 6),
        (Choice(values=(1, 2, 4)), 2, 0.9, 2),
    ],
)
def test_a_member_is_moved_by_a_share_of_its_range_and_stays_inside(parameter, value, by, expected) -> None:
    moved = parameter.moved(value, by)

    assert moved == pytest.approx(expected)
    assert parameter.contains(moved)
