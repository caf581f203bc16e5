"""What the page says, as sentences with their numbers filled in. Knows records and one language; draws nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from autolora.recommend import CONSTANTS
from autolora.records import Candidate, Recommendation
from autolora.records.economics import Assessment
from autolora.report.management.english import ENGLISH
from autolora.report.management.japanese import JAPANESE
from autolora.report.management.numbers import Language, Numbers, value_in
from autolora.report.management.wording import Wording
from autolora.report.slices import slices
from autolora.report.source import SearchReport
from autolora.report.text import metric_name
from autolora.verdict import SIMPLE, standing_of

WORDINGS: dict[Language, Wording] = {"en": ENGLISH, "ja": JAPANESE}
SWINGS = 6
"""Numbers on which most hangs that are told one by one."""
_WIDE = 0.1
"""Width of a score's interval above which it is a risk."""
_APART = 0.05
"""Calibration error above which it is one."""
_RARE = 0.1
"""Share of courses that never pay back above which it is one."""

State = Literal["met", "missed", "none"]
Shape = Callable[[Decimal | float], str]


@dataclass(frozen=True, kw_only=True)
class KeyFigure:
    """One of the three."""

    name: str
    value: str
    target: str
    state: State


@dataclass(frozen=True, kw_only=True)
class Story:
    """Everything that is said in sentences."""

    title: str
    recommendation: str
    cost: str
    payback: str
    confidence: str
    key_figures: tuple[KeyFigure, ...]
    apart: str
    ends: str
    """What the balance is where every number is at its bad end, and at its good one."""
    break_even: str
    """Where it is nothing, of the numbers on which most hangs; empty where it is nowhere."""
    front: tuple[str, ...]
    risks: tuple[str, ...]
    review: str
    decision: str
    gates: tuple[tuple[str, str], ...]


class Teller:
    """One report in one language."""

    def __init__(self, report: SearchReport, found: Recommendation, money: Assessment, language: Language) -> None:
        self.report, self.found, self.money = report, found, money
        self.say, self.n = WORDINGS[language], Numbers(language=language, currency=money.currency)
        self.known = {each.name: each for each in money.assumptions}
        self.test = (found.metric.test or 0.0, *(found.metric.test_ci95 or (0.0, 0.0))) if found.metric else (0.0,) * 3

    def story(self) -> Story:
        """Return all sentences."""
        return Story(
            title=self.say.title.format(name=self.report.name),
            recommendation=self.recommendation(),
            cost=self._cost(),
            payback=self._payback(),
            confidence=self._confidence(),
            key_figures=tuple(self._key_figures()),
            apart=self._apart(),
            ends=self.say.chart_ends.format(
                low=self.n.money(self.money.low.present_value),
                high=self.n.money(self.money.high.present_value),
                horizon=self.money.horizon_months,
            ),
            break_even=self._break_even(),
            front=tuple(self._front()),
            risks=tuple(self._risks()),
            review=self._review(),
            decision=self._decision(),
            gates=tuple((stage, self._filled(opens)) for stage, opens in self.say.gates),
        )

    # ------------------------------------------------------------------------------------------------- the four answers

    def recommendation(self) -> str:
        """Return what is recommended: the first of the four answers."""
        score, low, high = map(self.n.score, self.test)
        return self.say.recommendation[self.found.verdict].format(
            rows=self.n.whole(self._test_rows()), metric=metric_name(self.report.metric_key), score=score, low=low,
            high=high, simpler=self._simpler(),
        )  # fmt: skip

    def _cost(self) -> str:
        spent, search = self.money.spent, self.found.search
        failed = self.say.failed_trials.format(failed=search.failed, trials=search.trials) if search.failed else ""
        hours = self.n.duration(spent.machine_hours)
        if spent.machine is None or spent.total is None:
            return self.say.cost_unpriced.format(hours=hours, failed=failed) + self._energy()
        people = ""
        if spent.staff is not None and spent.staff_hours is not None:
            people = self.say.cost_people.format(
                staff=self.n.money(spent.staff), staff_hours=self.n.duration(spent.staff_hours)
            )
        return (
            self.say.cost.format(
                total=self.n.money(spent.total),
                machine=self.n.money(spent.machine),
                hours=hours,
                people=people,
                failed=failed,
            )
            + self._energy()
        )

    def _energy(self) -> str:
        spent = self.money.spent
        if spent.kilowatt_hours is None:
            return ""
        kilograms = spent.carbon_kilograms
        carbon = "" if kilograms is None else self.say.carbon.format(kilograms=self.n.number(kilograms))
        return self.say.energy[spent.energy_by].format(kwh=self.n.number(spent.kilowatt_hours), carbon=carbon)

    def _payback(self) -> str:
        lacking = self._lacking()
        if lacking:
            return self.say.payback_unknown.format(missing=", ".join(self._name(key) for key in lacking))
        likely, drawn, horizon = self.money.likely, self.money.simulation, self.money.horizon_months
        told = self.say.payback if likely.payback_months is not None else self.say.payback_never
        spread = self.say.payback_spread.format(
            draws=self.n.whole(drawn.draws), never=self.n.share(drawn.never), horizon=horizon,
            **dict(zip(("p10", "p50", "p90"), map(self._month, drawn.payback_months), strict=True)),
        )  # fmt: skip
        value = self.n.money(likely.present_value)
        whose = self.say.payback_of_adapter if self.found.verdict == "use_simpler" else ""
        return told.format(months=likely.payback_months, value=value, horizon=horizon) + spread + whose

    def _confidence(self) -> str:
        _, low, high = map(self.n.score, self.test)
        told = self.say.confidence.format(rows=self.n.whole(self._test_rows()), low=low, high=high)
        if self.report.reopened_test:
            told += self.say.reopened
        kinds = [each.kind for each in self.money.assumptions]
        most = [self._name(swing.name) for swing in self.money.swings[:2]]
        if not most:
            return told
        return told + self.say.confidence_money.format(
            all=len(kinds), measured=kinds.count("measured"), estimated=kinds.count("estimated"),
            entered=kinds.count("entered"), most=self._both(most),
        )  # fmt: skip

    # ----------------------------------------------------------------------------------------------------- key figures

    def _key_figures(self) -> Iterator[KeyFigure]:
        targets = {name: float(value) for name, value in self.money.targets.items()}
        accuracy, errors = self.known.get("accuracy"), targets.get("error_rate")
        right = None if accuracy is None else float(accuracy.likely)
        yield self._figure(self.say.kpi_quality, right, None if errors is None else 1 - errors, self.n.share, more=True)
        hours = float(self.money.full_use.hours_freed)
        yield self._figure(self.say.kpi_hours, hours or None, targets.get("hours_per_month"), self.n.number, more=True)
        months, wanted = self.money.likely.payback_months, targets.get("payback_months")
        if self._lacking():
            yield self._figure(self.say.kpi_payback, None, wanted, self.n.number, more=False)
        elif months is None:
            never = self.say.not_within.format(horizon=self.money.horizon_months)
            state: State = "none" if wanted is None else "missed"
            yield KeyFigure(
                name=self.say.kpi_payback, value=never, target=self._target(wanted, self.n.whole), state=state
            )
        else:
            yield self._figure(self.say.kpi_payback, float(months), wanted, self.n.whole, more=False)

    def _figure(self, name: str, value: float | None, wanted: float | None, shape: Shape, *, more: bool) -> KeyFigure:
        state: State = "none"
        if value is not None and wanted is not None:
            state = "met" if (value >= wanted if more else value <= wanted) else "missed"
        told = self.say.unknown if value is None else shape(value)
        return KeyFigure(name=name, value=told, target=self._target(wanted, shape), state=state)

    def _target(self, wanted: float | None, shape: Shape) -> str:
        return self.say.no_target if wanted is None else self.say.target.format(value=shape(wanted))

    def _apart(self) -> str:
        month = self.money.full_use
        if month.hours_freed <= 0 or "hourly_cost" not in self.known:
            return ""
        return self.say.apart.format(
            hours=self.n.number(month.hours_freed), cash=self.n.money(month.saved_hours),
            other=self.n.money(month.time_for_other_work),
        )  # fmt: skip

    def _break_even(self) -> str:
        found = [
            f"{self._name(swing.name)} {self.value(swing.name, swing.break_even)}"
            for swing in self.money.swings[:SWINGS]
            if swing.break_even is not None
        ]
        between = "、" if self.n.language == "ja" else ", "
        return self.say.break_even.format(values=between.join(found)) if found else ""

    # ---------------------------------------------------------------------------------------------------- plain words

    def _front(self) -> Iterator[str]:
        """Yield a line each on the recommended adapter, the best of the others, and the smallest of them."""
        if self.report.confirm is None:
            return
        ways = {option.name: option for option in self.money.options}
        scored = [each for each in self.report.confirm.candidates if each.test is not None]
        own = [each for each in scored if self.is_recommended(each)]
        others = [each for each in scored if each not in own and each.name not in CONSTANTS]
        best = sorted(others, key=lambda each: self.report.metric.loss(each.test or 0.0))[:1]
        smallest = sorted(others, key=lambda each: each.trainable_params)[:1]
        for candidate in dict.fromkeys([*own, *best, *smallest]):
            way = ways[candidate.name]
            thousand = self.say.not_priced if way.cost_a_thousand is None else self.n.money(way.cost_a_thousand)
            yield self.say.front_line.format(
                name=self.candidate(candidate), metric=metric_name(self.report.metric_key),
                score=self.n.score(candidate.test or 0.0), params=self.n.whole(candidate.trainable_params),
                hours=self.n.duration(way.training_hours), thousand=thousand,
            )  # fmt: skip

    def _risks(self) -> Iterator[str]:
        drawn = self.money.simulation
        if not self._lacking() and drawn.never > _RARE:
            yield self.say.risk_never.format(never=self.n.share(drawn.never), horizon=self.money.horizon_months)
        if self.money.full_use.errors_avoided < 0:
            yield self.say.risk_errors.format(errors=self.n.number(-self.money.full_use.errors_avoided))
        behind = [each for each in slices(self.report) if each.behind]
        if behind:
            worst = min(behind, key=lambda each: each.score)
            yield self.say.risk_slices.format(
                count=len(behind), kind=worst.kind, name=worst.name, score=self.n.score(worst.score)
            )
        yield from self._untidy()
        _, low, high = self.test
        if high - low > _WIDE:
            yield self.say.risk_wide.format(low=self.n.score(low), high=self.n.score(high))
        calibration = self.found.calibration
        if calibration is not None and calibration.error > _APART:
            yield self.say.risk_overconfident.format(points=self.n.number(100 * calibration.error))
        if self.report.review is None:
            yield self.say.risk_no_review
        if self.money.missing:
            yield self.say.risk_missing.format(count=len(self.money.missing))
        yield self.say.risk_drift

    def _untidy(self) -> Iterator[str]:
        """Yield the kind of untidy text that costs most, where that is more than the margin and no chance."""
        noise, chosen = self.report.robustness, self.report.chosen_candidate
        if noise is None or chosen is None or chosen.name not in noise.scores or self.report.confirm is None:
            return
        loss, clean = self.report.metric.loss, noise.scores[chosen.name]
        costly = [
            each
            for each in noise.noises
            if min(loss(each.differences[chosen.name][1]), loss(each.differences[chosen.name][2]))
            > self.report.confirm.margin
        ]
        if costly:
            worst = max(costly, key=lambda each: loss(each.scores[chosen.name]))
            yield self.say.risk_noise.format(
                noise=self.say.noises.get(worst.name, worst.name), clean=self.n.score(clean),
                noisy=self.n.score(worst.scores[chosen.name]),
            )  # fmt: skip

    def _review(self) -> str:
        review = self.report.review
        if review is None:
            return self.say.review_none
        own = next((each for each in review.candidates if each.name == review.chosen), None)
        share = 0.0 if own is None else own.accepted
        return self.say.review_read.format(
            reviewers=len(review.reviewers), rows=self.n.whole(review.items), share=self.n.share(share)
        )

    def _decision(self) -> str:
        return self._filled(self.say.decision[self.found.verdict])

    # ---------------------------------------------------------------------------------------------------------- pieces

    def is_recommended(self, candidate: Candidate) -> bool:
        """Return whether a candidate is the recommended adapter: the default's, where that is kept."""
        return self.found.uses(candidate)

    def candidate(self, candidate: Candidate) -> str:
        """Return a candidate's name in plain words."""
        if self.is_recommended(candidate):
            return self.say.candidates["recommended"]
        known = self.say.candidates.get(candidate.name)
        return known or self.say.candidates["finalist"].format(trial=candidate.trial)

    def _simpler(self) -> str:
        """Return the simple rival that is not beaten and trains least; where all are beaten, the strongest."""
        confirm, metric = self.report.confirm, self.report.metric
        if confirm is None:
            return self.say.unknown
        simple = [each for each in confirm.candidates if each.name in SIMPLE and each.test is not None]
        if not simple:
            return self.say.unknown
        less = confirm.paired_test_differences
        level = [c for c in simple if c.name in less and standing_of(less[c.name], metric, confirm.margin) != "better"]
        if level:
            return self.candidate(min(level, key=lambda each: each.trainable_params))
        return self.candidate(min(simple, key=lambda each: metric.loss(each.test or 0.0)))

    def _filled(self, template: str) -> str:
        known = {name: each.likely for name, each in self.known.items()}
        return template.format(
            volume=self._or_unknown(known.get("volume_per_month"), self.n.whole),
            review=self._or_unknown(known.get("review_share"), self.n.share),
            errors=self._or_unknown(self.money.targets.get("error_rate", known.get("error_rate")), self.n.share),
            hours=self.n.number(self.money.targets.get("hours_per_month", self.money.full_use.hours_freed)),
            simpler=self._simpler(),
        )

    def value(self, name: str, value: Decimal | float) -> str:
        """Return an assumption's number as its kind is written."""
        return value_in(self.n, name, value)

    def _or_unknown(self, value: Decimal | None, shape: Shape) -> str:
        return self.say.unknown if value is None else shape(value)

    def _lacking(self) -> list[str]:
        """Return what payback cannot be told without."""
        missing = {each.key.removeprefix("business.") for each in self.money.missing}
        needed = ["horizon_months", "volume_per_month", "adoption", "machine"]
        if "error_rate" in missing or "cost_per_error" in missing:
            needed += ["minutes_per_item", "hourly_cost", "cash_share"]
        return [key for key in needed if key in missing]

    def _name(self, key: str) -> str:
        return self.say.names.get(key, key)

    def _both(self, names: list[str]) -> str:
        return "、".join(names) if self.n.language == "ja" else " and ".join(names)

    def _month(self, month: float | None) -> str:
        return self.say.later.format(horizon=self.money.horizon_months) if month is None else self.n.whole(month)

    def _test_rows(self) -> int:
        return self.found.data.used.get("test") or self.found.data.splits.get("test", 0)
