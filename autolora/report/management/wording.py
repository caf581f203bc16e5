"""Every phrase of the page in one language; braces are filled in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What the page says. Sentences of the four answers hold numbers only through their braces."""

    title: str
    made: str
    # The four answers.
    recommendation: dict[str, str]
    """By verdict."""
    cost: str
    cost_unpriced: str
    cost_people: str
    failed_trials: str
    energy: dict[str, str]
    """By where the kilowatt hours come from."""
    carbon: str
    payback: str
    payback_never: str
    payback_spread: str
    payback_of_adapter: str
    """Where something simpler is recommended."""
    later: str
    payback_unknown: str
    confidence: str
    confidence_money: str
    reopened: str
    # Headings.
    headings: dict[str, str]
    # Key figures.
    kpi_quality: str
    kpi_hours: str
    kpi_payback: str
    target: str
    no_target: str
    met: str
    missed: str
    not_within: str
    unknown: str
    apart: str
    # Charts.
    chart_cash: str
    chart_cash_band: str
    chart_ends: str
    chart_month: str
    chart_swings: str
    break_even: str
    chart_front: str
    front_line: str
    # Risks.
    risk_never: str
    risk_slices: str
    risk_noise: str
    risk_wide: str
    risk_overconfident: str
    risk_errors: str
    risk_no_review: str
    risk_missing: str
    risk_drift: str
    # Review, decision and gates.
    review_none: str
    review_read: str
    decision: dict[str, str]
    gates: tuple[tuple[str, str], ...]
    """Stage, and the criterion that opens the next."""
    # Tables.
    columns: dict[str, str]
    kinds: dict[str, str]
    names: dict[str, str]
    """Of assumptions."""
    candidates: dict[str, str]
    noises: dict[str, str]
    """Kinds of untidy text, by their record's name."""
    consequences: dict[str, str]
    """By the key that was not entered."""
    do_nothing: str
    machines: str
    not_priced: str
    glossary: tuple[tuple[str, str], ...]
