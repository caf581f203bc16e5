from __future__ import annotations

from dataclasses import replace

import pytest

from autolora.report import answers, render_engineer
from tests.report import made_up

pytestmark = pytest.mark.unit


def test_the_metric_that_decides_stands_first() -> None:
    assert answers.metrics(made_up.writing())[:2] == ("chrf", "rouge_l")
    asked = made_up.writing()
    other = replace(
        asked,
        recommendation=replace(asked.recommendation, metric=replace(asked.recommendation.metric, name="token_f1")),
    )
    assert answers.metrics(other)[:2] == ("token_f1", "chrf")
    assert answers.metrics(other)[-2:] == ("completion_loss", "perplexity")


def test_the_chosen_candidate_stands_first_and_every_other_has_its_name() -> None:
    rows = answers.rows(made_up.writing())

    assert [(row.name, row.chosen) for row in rows] == [
        (f"Trial {made_up.CHOSEN}", True),
        ("Base without an adapter", False),
        ("Base with examples in the prompt", False),
        ("Default LoRA", False),
    ]
    assert rows[0].seconds == 0.25


def test_rows_that_gained_most_come_first_then_those_that_lost_most() -> None:
    changed = answers.changed(made_up.writing())

    # Gains: 0.8, -0.6, 0, 0.4, -0.1, 0.5.
    assert [row.row_id for row in changed] == ["1", "6", "4", "3", "2", "5"]
    assert changed[0].written[0] == (f"Trial {made_up.CHOSEN}", f"the van is late by finalist_{made_up.CHOSEN}", 0.9)


def test_a_search_without_answers_shows_none() -> None:
    assert answers.rows(made_up.report()) == answers.changed(made_up.report()) == ()
    assert 'id="answers"' not in render_engineer(made_up.report())


def test_the_page_says_what_trials_were_compared_by_and_what_decides() -> None:
    page = render_engineer(made_up.writing())

    assert 'id="answers"' in page
    assert "chrF, validation" in page
    assert "answer loss (less is better) against trainable parameters" in page
    assert "down is better, left is cheaper" in page
    assert "a general text the van is late" in page
    assert "&lt;|user|&gt;" in page, "escaped"
    assert "at most 40 tokens" in page


def test_a_report_without_texts_keeps_the_scores_and_none_of_the_rows() -> None:
    shared = made_up.writing()
    shared = replace(shared, holds_texts=False, answers=replace(shared.answers, rows=(), row_scores={}))

    page = render_engineer(shared)

    assert "Prompts and answers were left out of this report." in page
    assert "question 1" not in page
    assert "the van is late by" not in page
    assert "chrF" in page
