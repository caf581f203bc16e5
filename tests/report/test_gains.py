"""What an adapter changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autolora.report import gains, render_engineer
from tests.report import made_up

pytestmark = pytest.mark.unit


def test_rows_won_and_lost_are_counted_beside_every_other_candidate_the_plainest_first() -> None:
    rows = gains.gains(made_up.report())

    assert [row.name for row in rows] == ["TF-IDF + linear model", "Default LoRA"]
    # The adapter has row 5 wrong only; TF-IDF has 1, 2, 5 and 10 wrong, the default 4, 9 and 10.
    assert [(row.gained, row.lost, row.both, row.neither) for row in rows] == [(3, 0, 6, 1), (3, 1, 6, 0)]


def test_a_class_that_is_taken_for_another_is_named_with_its_share() -> None:
    found = gains.confusions(made_up.report())

    assert found.counts == ((4, 1), (0, 5))
    assert [(pair.true, pair.said, pair.rows, pair.share) for pair in found.worst] == [("negative", "positive", 1, 0.2)]


def test_of_very_many_classes_only_the_worst_pairs_are_shown() -> None:
    report = made_up.report()
    many = replace(report, data=replace(report.data, classes=tuple(f"class {at}" for at in range(30))))

    found = gains.confusions(many)

    assert found.counts == ()
    assert found.worst[0].said == "class 1"


def test_updates_stand_layer_by_layer() -> None:
    first, second = gains.updates(made_up.report())

    assert (first.layer, first.norms) == ("10", {"attention.self.query": 0.5, "attention.self.value": 0.25})
    assert (second.layer, second.norms) == ("11", {"attention.self.query": 1.5})


def test_numbers_are_neither_right_nor_wrong_and_several_classes_are_in_no_table() -> None:
    report = made_up.report()
    numbers = replace(report, data=replace(report.data, problem="regression"))
    several = replace(report, data=replace(report.data, problem="multi_label"))

    assert gains.gains(numbers) == ()
    assert gains.confusions(several) is None
    assert gains.gains(several)


@pytest.mark.parametrize("report", [made_up.writing(), made_up.unconfirmed()])
def test_where_nothing_was_labelled_nothing_is_shown(report) -> None:
    assert (gains.gains(report), gains.confusions(report), gains.updates(report)) == ((), None, ())
    assert "What the adapter changed" not in render_engineer(report)


def test_the_page_says_from_which_confidence_on_it_may_act_alone() -> None:
    page = render_engineer(made_up.report())

    assert "a temperature of 1.40" in page
    assert '80 %</td><td class="n">20 %' in page
    assert "How sure it is" not in render_engineer(made_up.writing())


def test_the_page_shows_it() -> None:
    page = render_engineer(made_up.report())

    assert "What the adapter changed" in page
    assert "is taken for" in page
