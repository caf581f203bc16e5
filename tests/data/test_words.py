from __future__ import annotations

import pytest

from autolora.data.words import counted, listing, rows_phrase

pytestmark = pytest.mark.unit


def test_a_long_listing_says_how_many_it_leaves_out() -> None:
    assert listing(["a", "b", "c"], limit=2) == "'a', 'b' and 1 more"
    assert listing(["a", "b"], limit=2) == "'a', 'b'"


@pytest.mark.parametrize(
    ("numbers", "phrase"), [([3], "row 3"), ([3, 5], "rows 3, 5"), ([1, 2, 3, 4, 5, 6], "rows 1, 2, 3, 4, 5, ...")]
)
def test_rows_are_named_in_words(numbers: list[int], phrase: str) -> None:
    assert rows_phrase(numbers) == phrase


def test_counts_agree_with_their_noun() -> None:
    assert counted(1, "row") == "1 row"
    assert counted(1200, "row") == "1,200 rows"
    assert counted(2, "class", "classes") == "2 classes"
