"""A seed's own split into training and validation rows."""

from __future__ import annotations

from collections import Counter

import pytest

from autolora.data.redrawing import redrawn, rows_of
from autolora.records import Split

pytestmark = pytest.mark.unit


def split(first: int, count: int, *, classes: int = 3, tie: int = 1) -> Split:
    rows = range(first, first + count)
    return Split(
        texts=tuple(f"text {row // tie}" for row in rows),
        labels=tuple(row // tie % classes for row in rows),
        row_ids=tuple(str(row) for row in rows),
        ties=tuple(row // tie for row in rows),
        strata=tuple(str(row // tie % classes) for row in rows),
    )


TRAIN, VALIDATION = split(0, 240), split(240, 60)


def test_no_row_is_lost_or_on_both_sides_and_another_seed_is_another_draw() -> None:
    drawn = [redrawn(TRAIN, VALIDATION, seed=seed) for seed in (1, 2)]

    for each in drawn:
        assert sorted((*each.train, *each.validation)) == list(range(300))
        assert len(each.validation) == 60
    assert drawn[0].validation != drawn[1].validation
    assert redrawn(TRAIN, VALIDATION, seed=1) == drawn[0]
    assert sum(row >= 240 for row in drawn[0].validation) < 30, "drawn from all rows"


def test_classes_keep_their_shares() -> None:
    validation = rows_of(TRAIN, VALIDATION, redrawn(TRAIN, VALIDATION, seed=1).validation)

    assert Counter(validation.labels) == {0: 20, 1: 20, 2: 20}
    assert validation.texts == tuple(f"text {row}" for row in validation.row_ids)


def test_rows_that_are_tied_stay_together() -> None:
    drawn = redrawn(split(0, 240, tie=4), split(240, 60, tie=4), seed=1)

    assert not {row // 4 for row in drawn.train} & {row // 4 for row in drawn.validation}
    assert 40 <= len(drawn.validation) <= 80


def test_rare_classes_are_on_both_sides_where_they_can_be() -> None:
    rare = Split(
        texts=(*TRAIN.texts, "a", "b", "c"),
        labels=(*TRAIN.labels, 7, 7, 8),
        row_ids=(*TRAIN.row_ids, "r1", "r2", "r3"),
        ties=(*TRAIN.ties, 900, 901, 902),
        strata=(*TRAIN.strata, "7", "7", "8"),
    )

    for seed in range(5):
        drawn = redrawn(rare, VALIDATION, seed=seed)
        trained, validated = (rows_of(rare, VALIDATION, rows).labels for rows in (drawn.train, drawn.validation))
        assert trained.count(7) == validated.count(7) == 1
        assert trained.count(8) == 1, "what is there once is learned from"


def test_splits_in_time_stay_as_they_are() -> None:
    early, late = (Split(texts=("a", "b"), labels=(0, 1), row_ids=ids) for ids in (("1", "2"), ("3", "4")))

    drawn = redrawn(early, late, seed=1)

    assert (drawn.train, drawn.validation) == ((0, 1), (2, 3))
    assert rows_of(early, late, drawn.validation).row_ids == ("3", "4")
