"""Puts the pages of a batch together, each as one HTML file that asks nothing of any network."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import jinja2
from markupsafe import Markup

from autolora import __version__
from autolora.inline import asset, environment
from autolora.objectives import recorded_metric
from autolora.records.portfolio import PortfolioRecord
from autolora.report import text
from autolora.report.management.numbers import Language
from autolora.report.portfolio.charts import Scored, scores
from autolora.report.portfolio.story import Teller

_PACKAGE = "autolora.report.portfolio"
_STYLE = ("autolora.report.management", "templates", "management.css")
_OWN_STYLE = """
main.wide { max-width: 270mm; }
ol { padding-left: 6mm; margin: 0 0 2mm; }
#tasks small { white-space: nowrap; }
main:not(.wide) #tasks td:nth-child(5) { min-width: 26mm; }
main:not(.wide) #tasks th { min-width: 0; }
main:not(.wide) #tasks tbody th { width: 22mm; }
main:not(.wide) #tasks thead .n { white-space: normal; }
td.missed { color: var(--bad); }
"""
ENDED_BY = {
    "trials": "its trials were tried",
    "promise": "hardly anything more was expected",
    "time": "the time for exploring was over",
    "space": "the space holds no more",
}


def render_management(it: PortfolioRecord, language: Language, *, made: datetime | None = None) -> str:
    """Return the page for managers.

    Args:
        it: The batch.
        language: Of the page.
        made: When; now unless given.
    """
    told = Teller(it, language)
    moment = made or datetime.now(UTC)
    return (
        _environment()
        .get_template("management.html")
        .render(
            it=it,
            told=told,
            say=told.say,
            language=language,
            priced=any(member.currency for member in told.judged),
            chart=_chart(told),
            date=moment.date().isoformat(),
            version=__version__,
            style=_style(),
        )
    )


def render_engineer(it: PortfolioRecord, *, floor: int, enough: float, links: bool = True) -> str:
    """Return the page for engineers.

    Args:
        it: The batch.
        floor: Trials that every task has in any case.
        enough: Share of the hypervolume that one more trial must be expected to add.
        links: Whether each task's own report lies in a folder of its name beside the page.
    """
    told = Teller(it, "en")
    return (
        _environment()
        .get_template("engineer.html")
        .render(
            it=it,
            links=links,
            told=told,
            chart=_chart(told),
            floor=floor,
            enough=enough,
            words=ENDED_BY,
            version=__version__,
            style=_style(),
        )
    )


def _chart(told: Teller) -> Markup:
    """Return the scores of the tasks whose metric is a share, which alone can stand on one axis."""
    shown = [
        Scored(name=it.name, score=it.test, interval=it.test_ci95, rival=it.rival_test, asked=it.required)
        for it in told.judged
        if it.test is not None and recorded_metric(it.metric).unit == "share"
    ]
    if not shown:
        return Markup()
    return scores(shown, own=told.say.chart_own, rival=told.say.chart_rival, asked=told.say.chart_kpi)


def _style() -> Markup:
    return Markup(asset(*_STYLE) + _OWN_STYLE)


@cache
def _environment() -> jinja2.Environment:
    made = environment(_PACKAGE)
    for name in ("duration", "number", "score", "signed", "size"):
        made.filters[name] = getattr(text, name)
    return made
