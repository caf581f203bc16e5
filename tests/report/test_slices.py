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

    assert [(each.kind, each.name, each.rows, each.score, each.behind) for each in found] == [
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

    found = {each.name: (each.rows, each.score) for each in slices(report) if each.kind == "class"}

    assert found == {"negative": (1, 1.0), "positive": (2, 0.5)}


def test_the_page_shows_them_where_rows_are_labelled() -> None:
    assert "Where it falls behind" in render_engineer(judged([0] * 9 + [1], [0] * 10, range(10)))
    assert "Where it falls behind" not in render_engineer(made_up.unconfirmed())


def sliced(**columns):
    """Return 100 rows, of which every tenth is wrong and, from the 60th on, every other."""
    said = [0 if at % (10 if at < 60 else 2) else 1 for at in range(100)]
    report = judged([0] * 100, said, [9] * 100)
    return replace(report, predictions=replace(report.predictions, slices=columns))


def of_column(report, column):
    return [(each.name, each.rows, each.behind) for each in slices(report) if each.kind == column]


def test_a_value_of_a_column_that_falls_behind_comes_first_and_small_ones_are_told_together() -> None:
    branch = ["Osaka"] * 60 + ["Kyoto"] * 25 + ["Nara", "", "Kobe"] * 5

    assert of_column(sliced(branch=tuple(branch)), "branch") == [
        ("Kyoto", 25, True),
        ("Osaka", 60, False),
        ("other (3 values)", 15, False),
    ]


def test_blank_cells_are_a_value_and_one_small_value_keeps_its_name() -> None:
    assert {name for name, _, _ in of_column(sliced(shop=("",) * 95 + ("A",) * 5), "shop")} == {"(blank)", "A"}


def test_of_many_values_only_the_largest_twelve_are_shown() -> None:
    truth = [0] * 300
    report = judged(truth, truth, [9] * 300)
    values = tuple(f"v{at % 15}" for at in range(300))
    found = of_column(replace(report, predictions=replace(report.predictions, slices={"v": values})), "v")

    assert (len(found), found[-1]) == (13, ("other (3 values)", 60, False))


def test_months_stand_in_the_order_of_time() -> None:
    months = ("2026-02",) * 20 + ("2025-12",) * 40 + ("2026-01",) * 40

    assert [name for name, _, _ in of_column(sliced(opened=months), "opened")] == ["2025-12", "2026-01", "2026-02"]


def test_numbers_are_told_by_their_mean_error_of_which_less_is_better() -> None:
    truth = [float(at) for at in range(100)]
    said = [value + (4.0 + value % 2 if value >= 80 else value % 2) for value in truth]
    report = judged(truth, said, [9] * 100, classes=())
    report = replace(
        report,
        data=replace(report.data, problem="regression"),
        predictions=replace(report.predictions, slices={"branch": ("A",) * 80 + ("B",) * 20}),
    )

    found = [each for each in slices(report) if each.kind == "branch"]

    assert [(each.name, each.score, each.behind) for each in found] == [("B", 4.5, True), ("A", 0.5, False)]
    assert "Mean absolute error</th>" in render_engineer(report)


def test_written_answers_are_told_by_their_mean_chrf() -> None:
    report = made_up.writing()
    answers = report.answers
    report = replace(report, answers=replace(answers, slices={"branch": ("A", "B") * (len(answers.rows) // 2)}))

    found = [(each.kind, each.name, each.score, each.behind) for each in slices(report)]

    assert found == [
        ("length", "10 to 10 characters", pytest.approx(0.55), False),
        ("branch", "other (2 values)", pytest.approx(0.55), False),
    ]
    assert "Mean chrF</th>" in render_engineer(report)


def test_a_columns_cells_cannot_run_on_the_page() -> None:
    page = render_engineer(sliced(**{made_up.HOSTILE: (made_up.HOSTILE,) * 100}))

    assert made_up.HOSTILE not in page
