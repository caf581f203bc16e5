"""Puts the management report together as one HTML file that asks nothing of any network and prints on two A4 pages."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, partial

import jinja2
from markupsafe import Markup

from autolora import __version__
from autolora.inline import asset, environment
from autolora.records import Recommendation
from autolora.records.economics import Assessment
from autolora.report.management import charts
from autolora.report.management.numbers import Language, Numbers, value_in
from autolora.report.management.story import SWINGS, WORDINGS, Teller
from autolora.report.source import SearchReport
from autolora.report.text import metric_name

_PACKAGE = "autolora.report.management"


def render_management(
    report: SearchReport, found: Recommendation, money: Assessment, language: Language, *, made: datetime | None = None
) -> str:
    """Return the report as the text of one HTML file.

    Args:
        report: One search, judged.
        found: What it came to.
        money: What that is worth.
        language: Of the page.
        made: When; now unless given.
    """
    teller = Teller(report, found, money, language)
    told = teller.story()
    say, numbers = WORDINGS[language], Numbers(language=language, currency=money.currency)
    moment = made or datetime.now(UTC)
    return (
        environment_of()
        .get_template("management.html")
        .render(
            language=language,
            say=say,
            n=numbers,
            told=told,
            report=report,
            found=found,
            money=money,
            value=partial(value_in, numbers),
            candidate=teller.candidate,
            is_recommended=teller.is_recommended,
            candidates={each.name: each for each in report.confirm.candidates} if report.confirm else {},
            cash=_cash(money, say.chart_month, say.chart_cash_band, numbers),
            swings=_swings(money, say.names, numbers),
            front=_front(report, teller),
            metric=metric_name(report.metric_key),
            date=moment.date().isoformat(),
            version=__version__,
            style=Markup(asset(_PACKAGE, "templates", "management.css")),
        )
    )


def _cash(money: Assessment, month: str, band_name: str, numbers: Numbers) -> Markup:
    if all(each == 0 for each in money.likely.cumulative):
        return Markup()
    return charts.cash(
        [float(each) for each in money.likely.cumulative],
        money.simulation.band,
        month=month,
        band_name=band_name,
        shape=numbers.money,
    )


def _swings(money: Assessment, names: dict[str, str], numbers: Numbers) -> Markup:
    if not money.swings:
        return Markup()
    bars = [
        charts.Bar(
            name=names.get(each.name, each.name),
            low=each.at_low,
            high=each.at_high,
            low_label=value_in(numbers, each.name, each.low),
            high_label=value_in(numbers, each.name, each.high),
        )
        for each in money.swings[:SWINGS]
    ]
    return charts.swings(bars, likely=float(money.likely.present_value), shape=numbers.money)


def _front(report: SearchReport, teller: Teller) -> Markup:
    if report.confirm is None:
        return Markup()
    points = [
        charts.Point(
            name=teller.candidate(each),
            size=float(each.trainable_params),
            score=each.test,
            recommended=teller.is_recommended(each),
        )
        for each in report.confirm.candidates
        # Other finalists, and the default where its best rate stands beside it, would crowd the picture.
        if each.test is not None
        and each.trainable_params > 0
        and (teller.is_recommended(each) or (each.kind == "baseline" and each.name != "default_lora"))
    ]
    size = teller.say.columns["trained"]
    return charts.front(points, size=size, score=metric_name(report.metric_key)) if points else Markup()


@cache
def environment_of() -> jinja2.Environment:
    """Return what renders the templates of these pages."""
    return environment(_PACKAGE)
