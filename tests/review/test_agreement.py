"""How far reviewers agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.review.agreement import alpha, observed

pytestmark = pytest.mark.unit

TWO = ("0100000010", "1110010000")
"""Krippendorff (2011), part A: two observers, ten units, two values."""
NOMINAL = ("aabbdcccedda", "babbbccceddd")
"""Part B: two observers, twelve units, five values."""
SEVERAL = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
"""Part C: four observers, twelve units, some not judged."""


def units(rows: tuple[str, ...]) -> list[str]:
    return ["".join(column).replace(".", "") for column in zip(*rows, strict=True)]


@pytest.mark.parametrize(("rows", "published"), [(TWO, 0.095), (NOMINAL, 0.692), (SEVERAL, 0.743)])
def test_alpha_is_that_of_the_published_examples(rows: tuple[str, ...], published: float) -> None:
    assert alpha(units(rows)) == pytest.approx(published, abs=5e-4)


def test_alpha_of_full_agreement_is_1_and_of_one_value_is_not_defined() -> None:
    assert alpha(["aa", "bb", "cc"]) == 1
    assert alpha(["aa", "aa"]) is None
    assert alpha(["a", "b"]) is None
    assert alpha([]) is None


def test_alpha_of_steady_disagreement_is_below_0() -> None:
    assert alpha(["ab", "ba", "ab"]) < 0


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=2, max_size=4), min_size=2, max_size=20))
def test_alpha_does_not_depend_on_any_order_and_is_at_most_1(judged: list[list[str]]) -> None:
    found = alpha(judged)

    assert found is None or found <= 1
    assert alpha([one[::-1] for one in reversed(judged)]) == (None if found is None else pytest.approx(found))


def test_observed_agreement_counts_pairs() -> None:
    assert observed(["aa", "ab"]) == 0.5
    assert observed(["aab"]) == pytest.approx(1 / 3)
    assert observed(["a"]) is None
