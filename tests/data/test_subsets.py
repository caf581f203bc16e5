from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from autolora.data.subsets import LEAST_OF_A_CLASS, subset
from autolora.records import Split

pytestmark = pytest.mark.unit

SHARES = {0: 700, 1: 250, 2: 45, 3: 5}


def made(seed: int = 0) -> Split:
    labels = tuple(label for label, count in SHARES.items() for _ in range(count))
    return Split(
        texts=tuple(f"text {at}" for at in range(len(labels))),
        labels=labels,
        row_ids=tuple(str(at + 1) for at in range(len(labels))),
    )


def test_a_part_has_the_asked_rows_in_the_order_of_the_split() -> None:
    part = subset(made(), 100, seed=0)

    places = [int(row) for row in part.row_ids]
    assert len(part) == 100
    assert places == sorted(places)
    assert [part.texts[at] == f"text {place - 1}" for at, place in enumerate(places)] == [True] * 100


@pytest.mark.parametrize("rows", [40, 100, 333, 900])
def test_every_class_keeps_its_share_and_none_is_lost(rows: int) -> None:
    counts = Counter(subset(made(), rows, seed=1).labels)

    for label, count in SHARES.items():
        share = count * rows / 1000
        assert max(LEAST_OF_A_CLASS, share - 6) <= counts[label] <= share + 6, label


def test_smaller_parts_lie_inside_larger_ones() -> None:
    parts = [set(subset(made(), rows, seed=4).row_ids) for rows in (8, 20, 100, 101, 500, 999)]

    for smaller, larger in pairwise(parts):
        assert smaller < larger


def test_a_part_depends_on_the_seed_and_on_nothing_else() -> None:
    assert subset(made(), 100, seed=0) == subset(made(), 100, seed=0)
    assert subset(made(), 100, seed=0) != subset(made(), 100, seed=1)


def test_where_nothing_is_to_be_left_out_the_split_is_returned_itself() -> None:
    split = made()

    assert subset(split, 1000, seed=0) is split
    assert subset(split, 5000, seed=0) is split


def test_rows_that_say_the_same_are_drawn_one_by_one() -> None:
    same = Split(texts=("same",) * 50, labels=(0, 1) * 25, row_ids=tuple(map(str, range(50))))

    assert len(set(subset(same, 20, seed=0).row_ids)) == 20
