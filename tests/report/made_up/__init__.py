"""A made-up search for tests of reports: 24 trials of a MiniLM on reviews. Same values at every call."""

from tests.report.made_up.beside import answers, predictions, review, robustness
from tests.report.made_up.reports import HOSTILE, all_failed, hostile, many, report, unconfirmed, writing
from tests.report.made_up.search import CHOSEN, ENDS, MODULES, SHARES, config_of, confirm, data, recommendation, trials

__all__ = [
    "CHOSEN",
    "ENDS",
    "HOSTILE",
    "MODULES",
    "SHARES",
    "all_failed",
    "answers",
    "config_of",
    "confirm",
    "data",
    "hostile",
    "many",
    "predictions",
    "recommendation",
    "report",
    "review",
    "robustness",
    "trials",
    "unconfirmed",
    "writing",
]
