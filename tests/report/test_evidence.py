from __future__ import annotations

import pytest

from autolora.report.evidence import evidence
from tests.report import made_up

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("confirm.candidates.tfidf.test", "0.795"),
        ("confirm.paired_test_differences.rate_grid", "0.006, −0.021, 0.034"),
        ("recommendation.trainable_params", "13,058"),
        ("baselines.rate_grid.trainable_params", "74,498"),
        ("trials.17.metric", "0.849"),
        ("trials", "24 entries"),
        ("request.limits", "max_params 1,000,000, max_memory 850,000,000"),
        ("data.source", "reviews.csv"),
        ("reopened_test", "no"),
    ],
)
def test_a_path_leads_to_what_the_record_holds(path: str, value: str) -> None:
    assert evidence(made_up.report(), path).value == value


@pytest.mark.parametrize("path", ["confirm.candidates.nobody.test", "nowhere", "", "data.source.deeper"])
def test_a_path_that_leads_nowhere_has_no_value(path: str) -> None:
    assert evidence(made_up.report(), path).value == ""


def test_methods_are_no_evidence() -> None:
    assert evidence(made_up.report(), "rows_in").value == ""
