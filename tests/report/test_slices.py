"""Where an adapter falls behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autolora.report import render_engineer
from autolora.report.slices import slices
from tests.report import made_up

pytestmark = pytest.mark.unit


def judged(truth, said, lengths, classes=("negative", "positive")):
    report = made_up.report()
    record = replace(
        made_up.predictions(),
        row_ids=tuple(map(str, range(len(truth)))),
        truth=tuple(truth),
        predicted={f"finalist_{made_up.CHOSEN}": tuple(said)},
        lengths=tuple(lengths),
    )
    return replace(report, predictions=record, data=replace(report.data, classes=classes))


def test_a_class_and_a_length_that_fall_behind_beyond_chance_are_flagged() -> None:
    truth = [0] * 100 + [1] * 100
    said = [0] * 95 + [1] * 5 + [1] * 60 + [0] * 40
    lengths = [20] * 50 + [40] * 50 + [60] * 50 + [400] * 50

    found = slices(judged(truth, said, lengths))

    assert [(each.kind, each.name, each.rows, each.right, each.behind) for each in found] == [
        ("class", "positive", 100, 0.6, True),
        ("class", "negative", 100, 0.95, False),
        ("length", "20 to 20 characters", 50, 1.0, False),
        ("length", "40 to 40 characters", 50, 0.9, False),
        ("length", "60 to 60 characters", 50, 1.0, False),
        ("length", "400 to 400 characters", 50, pytest.approx(0.2), True),
    ]


def test_a_few_rows_flag_nothing() -> None:
    found = slices(judged([0] * 100 + [1] * 3, [0] * 90 + [1] * 10 + [1, 1, 0], [9] * 103))

    assert not any(each.behind for each in found)
    assert [each.name for each in found if each.kind == "length"] == ["9 to 9 characters"]


def test_a_row_of_several_classes_counts_for_each() -> None:
    report = judged([(0, 1), (1,)], [(0, 1), ()], [4, 5])

    found = {each.name: (each.rows, each.right) for each in slices(report) if each.kind == "class"}

    assert found == {"negative": (1, 1.0), "positive": (2, 0.5)}


def test_the_page_shows_them_where_rows_are_labelled() -> None:
    assert "Where it falls behind" in render_engineer(judged([0] * 9 + [1], [0] * 10, range(10)))
    assert "Where it falls behind" not in render_engineer(made_up.writing())
    assert slices(replace(made_up.report(), data=replace(made_up.data(), problem="regression"))) == ()
