"""From a run folder's content to its report pages. Loads no model, no engine and no search library."""

from __future__ import annotations

from autolora.report import SearchReport, render_engineer
from autolora.results import SearchRecord


def engineer_page(it: SearchRecord) -> str:
    """Return the report for engineers as one HTML page."""
    return render_engineer(
        SearchReport(
            request=it.request,
            data=it.data,
            trials=it.trials,
            confirm=it.confirm,
            recommendation=it.recommendation,
            events=it.events,
            answers=it.answers,
            reopened_test=sum(event.get("event") == "test_opened" for event in it.events) > 1,
        )
    )
