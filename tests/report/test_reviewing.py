from __future__ import annotations

from dataclasses import replace

import pytest

from autolora.records import Verdict
from autolora.records.review import CitedReason, Edit
from autolora.report import render_engineer, words
from autolora.report.reviewing import shown
from tests.report import made_up

pytestmark = pytest.mark.unit


def test_candidates_are_called_as_everywhere_on_the_page_and_the_chosen_one_is_compared_with_the_others() -> None:
    section = shown(made_up.report())

    assert section is not None
    assert [(row.name, row.chosen) for row in section.rows] == [
        ("Trial 17", True),
        ("Default LoRA", False),
        ("TF-IDF + linear model", False),
    ]
    assert [row.difference for row in section.rows] == [None, (0.11, 0.02, 0.2), (0.21, 0.1, 0.31)]
    assert section.edits[0][1] == "TF-IDF + linear model, Default LoRA"


def test_without_a_review_there_is_no_section() -> None:
    plain = replace(made_up.report(), review=None)

    assert shown(plain) is None
    assert "Practitioner review" not in render_engineer(plain)


def test_of_many_reasons_and_edits_the_first_are_shown_and_the_page_says_where_the_others_are() -> None:
    reasons = tuple(
        CitedReason(text=f"reason {at}", judgement="reject", times=50 - at, candidates=("tfidf",)) for at in range(30)
    )
    edits = tuple(Edit(row_id=str(at), candidates=("tfidf",), written="a", edited=f"b {at}") for at in range(30))
    page = render_engineer(replace(made_up.report(), review=replace(made_up.review(), reasons=reasons, edits=edits)))

    assert "reason 11<" in page
    assert "reason 12<" not in page
    assert "12 of 30; all are in <code>review.json</code>" in page


def test_one_reviewer_agrees_with_nobody() -> None:
    alone = replace(made_up.review(), reviewers=("Adelheid",), alpha=None, agreement=None)
    page = render_engineer(replace(made_up.report(), review=alone))

    assert "1 person judged 40 test rows" in page
    assert "Krippendorff" not in page
    assert "Adelheid" not in page, "who they are stands in review.json alone"


@pytest.mark.parametrize("verdict", ["keep_default", "use_simpler", "not_ready"])
def test_a_verdict_that_a_review_changed_says_so_and_one_that_it_left_does_not(verdict: Verdict) -> None:
    good = made_up.report()
    assert good.recommendation is not None
    held = replace(good.recommendation, verdict=verdict, verdict_before_review="adopt")
    left = replace(held, verdict_before_review=verdict)

    assert "eviewers" in words.verdict_sentence(replace(good, recommendation=held))
    assert "eviewers" not in words.verdict_sentence(replace(good, recommendation=left))
    sentence = words.verdict_sentence(replace(good, recommendation=held))
    assert sentence.startswith(words.verdict_word(replace(good, recommendation=held)))
