"""From a run folder's content to its report pages. Loads no model, no engine and no search library."""

from __future__ import annotations

from dataclasses import replace

from autolora.report import SearchReport, render_engineer
from autolora.results import SearchRecord


def engineer_page(it: SearchRecord, *, texts: bool = True) -> str:
    """Return the report for engineers as one HTML page.

    Args:
        it: The search.
        texts: Whether prompts and answers from the data may stand in it, where answers are written, and what reviewers
            wrote.
    """
    return render_engineer(
        SearchReport(
            request=it.request,
            data=it.data,
            trials=it.trials,
            confirm=it.confirm,
            recommendation=it.recommendation,
            events=it.events,
            answers=it.answers if texts or it.answers is None else replace(it.answers, rows=(), row_scores={}),
            predictions=it.predictions,
            robustness=it.robustness,
            review=it.review if texts or it.review is None else replace(it.review, reasons=(), edits=()),
            holds_texts=texts,
            reopened_test=sum(event.get("event") == "test_opened" for event in it.events) > 1,
        )
    )
