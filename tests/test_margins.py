"""Whether rows can bear a margin."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.errors import RequestError
from autolora.margins import check_margin, find_margin, planned_margin, rows_for
from autolora.objectives import METRICS
from autolora.records import Dataset, Split
from autolora.request import Limits

pytestmark = pytest.mark.unit

ACCURACY = METRICS["accuracy"]


def dataset(*, validation: int, test: int) -> Dataset:
    def split(rows: int) -> Split:
        return Split(texts=("a",) * rows, labels=(0,) * rows, row_ids=tuple(map(str, range(rows))))

    return Dataset(
        source="a.csv", hash="", text_column="text", label_column="label", classes=("a", "b"),
        train=split(4), validation=split(validation), test=split(test), rows_in_source=0,
    )  # fmt: skip


def refusal(margin: float, data: Dataset) -> RequestError:
    with pytest.raises(RequestError) as caught:
        check_margin(Limits(margin=margin), ACCURACY, data)
    return caught.value


def test_a_margin_finer_than_the_rows_is_one_error_with_split_rows_and_way_out() -> None:
    error = refusal(0.001, dataset(validation=400, test=170))

    assert error.message.startswith("limits.margin is 0.001, but 170 test rows bear none below 0.0177")
    assert error.hint == "give at least 3,000 test rows, or ask for a margin of 0.0177 or more"
    assert "16 validation rows" in refusal(0.01, dataset(validation=16, test=170)).message
    assert refusal(0.5, dataset(validation=2, test=9)).hint == "give at least 6 validation rows"


@pytest.mark.parametrize("margin", [0.01, 0.003, 0.03, 0.3])
def test_just_enough_rows_bear_a_margin_and_one_row_less_does_not(margin: float) -> None:
    rows = rows_for(margin)

    check_margin(Limits(margin=margin), ACCURACY, dataset(validation=rows, test=rows))

    assert rows == round(3 / margin)
    assert f"{rows - 1:,} test rows" in refusal(margin, dataset(validation=rows, test=rows - 1)).message


@given(rows=st.integers(3, 20_000))
def test_the_margin_that_is_named_is_borne(rows: int) -> None:
    data = dataset(validation=rows, test=20_000)
    named = float(re.search(r"margin of ([\d.]+) or", refusal(0.9 * 3 / rows, data).hint)[1])  # type: ignore[index]

    check_margin(Limits(margin=named), ACCURACY, data)

    assert named == pytest.approx(3 / rows, rel=0.01)


@pytest.mark.parametrize("metric", ["mae", "completion_loss", "r2"])
def test_metrics_that_are_no_shares_have_no_such_rule(metric: str) -> None:
    few = dataset(validation=3, test=3)

    check_margin(Limits(margin=0.0001), METRICS[metric], few)

    assert find_margin(Limits(), METRICS[metric], few) == ()


def test_the_usual_margin_is_a_finding_where_nobody_asked_for_one() -> None:
    few, enough = dataset(validation=134, test=168), dataset(validation=300, test=300)

    (finding,) = find_margin(Limits(), ACCURACY, few)

    assert (finding.code, finding.severity) == ("margin", "note")
    assert "The margin is 0.01, but 134 validation rows bear none below 0.0224" in finding.message
    assert "It takes 300 validation rows." in finding.message
    assert find_margin(Limits(), ACCURACY, enough) == find_margin(Limits(margin=0.02), ACCURACY, few) == ()
    check_margin(Limits(), ACCURACY, few)


def test_too_few_rows_in_the_time_there_is_are_a_note_and_no_error() -> None:
    whole = dataset(validation=400, test=1_000)
    limits = Limits(margin=0.01)

    assert planned_margin(limits, ACCURACY, whole, validation=400, test=1_000) == ""
    said = planned_margin(limits, ACCURACY, whole, validation=400, test=200)
    assert said.startswith("The margin is 0.01, but 200 test rows bear none below 0.015")
    assert said.endswith("It takes 300 test rows. There is no time for more.")
    told_already = replace(whole, test=whole.train)
    assert planned_margin(Limits(), ACCURACY, told_already, validation=400, test=2) == ""
