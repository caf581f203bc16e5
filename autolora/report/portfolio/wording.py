"""Every phrase of the managers' page of a batch in one language; braces are filled in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What the page says. Sentences hold numbers only through their braces."""

    title: str
    made: str
    unfinished: str
    verdicts: dict[str, str]
    """In the table, by verdict."""
    states: dict[str, str]
    """By state of a task that has no verdict."""
    headings: dict[str, str]
    columns: dict[str, str]
    # The four answers.
    recommendation: str
    recommended: dict[str, str]
    """Verdict → how many tasks end so."""
    none_done: str
    not_done: str
    cost: str
    cost_money: str
    cost_unpriced: str
    value: str
    value_unknown: str
    value_some: str
    confidence: str
    confidence_wide: str
    # Beside the table.
    reached: str
    missed: str
    no_kpi: str
    payback: str
    payback_never: str
    chart: str
    chart_own: str
    chart_rival: str
    chart_kpi: str
    order: dict[str, str]
    """By why a task stands where it does."""
    storage: str
    storage_none: str
    share: str
    share_none: str
    share_unknown: str
    time: str
    time_moved: str
    ended_by: dict[str, str]
    learned: str
    decision: str
    decision_none: str
    glossary: tuple[tuple[str, str], ...]
