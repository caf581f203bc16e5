"""The proposal of a pilot as one HTML file: what a team takes to those who decide before anything was trained."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from markupsafe import Markup

from autolora import __version__
from autolora.inline import asset
from autolora.records.forecast import Forecast
from autolora.records.proposal import Amounts, Proposal
from autolora.report.management.numbers import Language, Numbers, value_in
from autolora.report.management.page import environment_of
from autolora.report.management.proposal_words import PROPOSALS
from autolora.report.management.story import WORDINGS
from autolora.report.text import size

_PACKAGE = "autolora.report.management"
_USUAL = Decimal("0.9")
"""The scenario whose hours are the criterion of a stage where no target was entered."""


def render_proposal(expected: Forecast, money: Proposal, language: Language, *, made: datetime | None = None) -> str:
    """Return the proposal as the text of one HTML file.

    Args:
        expected: What a search would take.
        money: What that would cost, and what it would have to reach.
        language: Of the page.
        made: When; now unless given.
    """
    numbers = Numbers(language=language, currency=money.currency)
    moment = made or datetime.now(UTC)
    return (
        environment_of()
        .get_template("proposal.html")
        .render(
            language=language,
            say=WORDINGS[language],
            own=PROPOSALS[language],
            n=numbers,
            told=_told(expected, money, numbers),
            gates=_gates(money, numbers),
            expected=expected,
            money=money,
            value=partial(value_in, numbers),
            span=" – ".join(numbers.duration(expected.seconds[at] / 3600) for at in (0, 2)),
            size=size,
            spread=numbers.share(expected.spread),
            date=moment.date().isoformat(),
            version=__version__,
            style=Markup(asset(_PACKAGE, "templates", "management.css")),
        )
    )


def _told(expected: Forecast, money: Proposal, n: Numbers) -> dict[str, str]:
    """Return the four answers and the decision as sentences."""
    say, rows = PROPOSALS[n.language], expected.rows
    hours_low, likely, hours_high = (n.duration(Decimal(str(each)) / 3600) for each in expected.seconds)
    recommendation = say.recommendation.format(
        likely=likely,
        trials=expected.trials,
        rows=n.whole(sum(rows.values()) - rows["test"]),
        test=n.whole(rows["test"]),
    )
    if not expected.enough and expected.budget_seconds is not None:
        needed = sum(part.seconds for part in expected.parts)
        recommendation += say.too_short.format(
            budget=n.duration(expected.budget_seconds / 3600), needed=n.duration(needed / 3600)
        )
    people = ""
    if money.staff_cost is not None and money.staff_hours is not None:
        people = say.cost_people.format(staff=n.money(money.staff_cost[1]), hours=n.duration(money.staff_hours[1]))
    limit = say.no_limit if expected.budget_seconds is None else ""
    return {
        "title": say.title.format(name=expected.name),
        "recommendation": recommendation,
        "cost": _cost(money.machine_cost, hours_low, hours_high, people, n) + _energy(money, n),
        "payback": say.payback[money.pays_back].format(
            horizon=money.horizon_months, level=n.share(money.break_even or 0.0)
        ),
        "confidence": say.confidence.format(
            calibration=n.duration(expected.calibration_seconds / 3600), spread=n.share(expected.spread), limit=limit
        ),
        "decision": say.decision.format(
            hours_high=hours_high, money="" if money.machine_cost is None else f" ({n.money(money.machine_cost[2])})"
        ),
    }


def _cost(machine: Amounts | None, hours_low: str, hours_high: str, people: str, n: Numbers) -> str:
    say = PROPOSALS[n.language]
    if machine is None:
        return say.cost_unpriced.format(hours_low=hours_low, hours_high=hours_high, people=people)
    low, likely, high = map(n.money, machine)
    return say.cost.format(
        machine=likely, low=low, high=high, hours_low=hours_low, hours_high=hours_high, people=people
    )


def _energy(money: Proposal, n: Numbers) -> str:
    if money.kilowatt_hours is None:
        return ""
    kilograms, say = money.carbon_kilograms, PROPOSALS[n.language]
    carbon = "" if kilograms is None else WORDINGS[n.language].carbon.format(kilograms=n.number(kilograms))
    return say.energy.format(kwh=n.number(money.kilowatt_hours[1]), carbon=carbon)


def _gates(money: Proposal, n: Numbers) -> tuple[tuple[str, str], ...]:
    """Return the stages and what opens the next."""
    say = WORDINGS[n.language]
    known = {each.name: each.likely for each in money.assumptions}
    rate = money.targets.get("error_rate", known.get("error_rate"))
    usual = next(each for each in money.scenarios if each.accuracy == _USUAL)
    errors = say.unknown if rate is None else n.share(rate)
    hours = n.number(money.targets.get("hours_per_month", usual.hours_freed))
    return tuple((stage, opens.format(errors=errors, hours=hours)) for stage, opens in say.gates)
