"""What being right more often is worth, by what was entered alone: before anything is trained."""

from __future__ import annotations

from decimal import Decimal

from autolora.business import Business
from autolora.economics.cases import Span, likely_months, with_value
from autolora.economics.sources import entered_of

_FROM, _TO = Decimal("0.5"), Decimal(1)


def worth_a_month(business: Business) -> Decimal | None:
    """Return what a month is worth more when all answers are right than when none is; None where that cannot be said.

    By the difference between half and all of them, in the likely case after the ramp: below half the work is not given
    to an adapter, and what it would then cost says nothing.
    """
    known, month = entered_of(business), Span(horizon=1, ramp_up=0)
    nets = [likely_months(with_value(known, "accuracy", each), month)[-1].net for each in (_FROM, _TO)]
    worth = (nets[1] - nets[0]) / (_TO - _FROM)
    return worth if worth > 0 else None
