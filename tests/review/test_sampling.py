"""Which rows are judged, and in which order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.review.records import Item, Material, ReviewKey
from autolora.review.sampling import draw
from tests.review import made

pytestmark = pytest.mark.unit


def drawn(key: ReviewKey) -> Counter[str]:
    return Counter(item.stratum for item in key.items)


@pytest.mark.parametrize(
    ("apart", "alike", "rows", "differ", "agree"),
    [
        (200, 200, 60, 40, 20),
        (200, 5, 60, 55, 5),
        (200, 0, 60, 60, 0),
        (10, 200, 60, 10, 50),
        (5, 3, 60, 5, 3),
        (9, 9, 2, 1, 1),
    ],
)
def test_two_thirds_are_of_rows_that_differ_unless_too_few_of_a_kind_are_there(
    apart, alike, rows, differ, agree
) -> None:
    key = draw(made.material(apart, alike), rows=rows, seed=0)

    assert (drawn(key)["differ"], drawn(key)["agree"]) == (differ, agree)
    assert key.strata == {"differ": apart, "agree": alike}


@given(apart=st.integers(0, 40), alike=st.integers(0, 40), rows=st.integers(2, 60), seed=st.integers(0, 5))
def test_as_many_rows_are_drawn_as_there_are_and_each_kind_is_among_them(apart, alike, rows, seed) -> None:
    key = draw(made.material(apart, alike), rows=rows, seed=seed)

    assert len(key.items) == min(rows, apart + alike)
    assert len({item.row_id for item in key.items}) == len(key.items)
    assert (drawn(key)["differ"] > 0, drawn(key)["agree"] > 0) == (apart > 0, alike > 0)


def test_a_draw_is_the_same_again_and_another_with_another_seed() -> None:
    material = made.material(100, 100)

    assert draw(material, rows=30, seed=1) == draw(material, rows=30, seed=1)
    assert {i.row_id for i in draw(material, rows=30, seed=1).items} != {
        i.row_id for i in draw(material, rows=30, seed=2).items
    }
    assert draw(material, rows=30, seed=1).id != draw(material, rows=30, seed=2).id


def test_a_smaller_sample_is_inside_a_larger_one_with_the_same_seed() -> None:
    material = made.material(100, 100)
    small, large = ({i.row_id for i in draw(material, rows=n, seed=3).items} for n in (12, 60))

    assert small < large


def test_no_candidate_stands_in_one_place_and_no_kind_of_row_comes_first() -> None:
    key = draw(made.material(90, 90), rows=120, seed=0)
    places = Counter((a.candidates, at) for i in key.items for at, a in enumerate(i.answers) if len(i.answers) == 3)
    first = Counter(item.stratum for item in key.items[:60])

    assert len(places) == 9
    assert all(15 <= count <= 40 for count in places.values())
    assert 25 <= first["differ"] <= 55


def test_equal_answers_are_one_and_count_for_all_who_gave_them() -> None:
    item = Item(row_id="7", answers={"finalist_1": "late", "default_lora": "paid", "zero_shot": "late"})
    only = Material(run="r", chosen="finalist_1", kind="text", classes=(), items=(item,))
    key = draw(only, rows=2, seed=0)

    assert {(a.text, a.candidates) for a in key.items[0].answers} == {
        ("late", ("finalist_1", "zero_shot")),
        ("paid", ("default_lora",)),
    }
    assert key.candidates == ("finalist_1", "default_lora", "zero_shot")


def test_ids_tell_the_place_alone() -> None:
    key = made.key()

    assert [item.id for item in key.items] == [f"{at:03}" for at in range(1, 10)]
    assert all(a.id == item.id + "abc"[at] for item in key.items for at, a in enumerate(item.answers))


def test_one_row_is_too_few() -> None:
    with pytest.raises(ValueError, match="at least 2 rows"):
        draw(made.material(3, 3), rows=1, seed=0)
