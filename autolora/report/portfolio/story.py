"""What the managers' page of a batch says, with its numbers filled in. Knows the record and one language."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from autolora.business import NO_CURRENCY
from autolora.objectives import recorded_metric
from autolora.records.portfolio import ADAPTERS, MemberOutcome, PortfolioRecord
from autolora.report.management.numbers import Language, Numbers
from autolora.report.management.story import WORDINGS as CANDIDATES
from autolora.report.portfolio.english import ENGLISH
from autolora.report.portfolio.japanese import JAPANESE
from autolora.report.portfolio.wording import Wording
from autolora.report.text import metric_name, size

WORDINGS: dict[Language, Wording] = {"en": ENGLISH, "ja": JAPANESE}
_LISTED: dict[Language, str] = {"en": ", ", "ja": "、"}
_ROLLS_OUT = ("money", "gain", "simpler")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One task in the table; every cell as it is shown."""

    name: str
    verdict: str
    score: str
    interval: str
    kpi: str
    kpi_state: str
    rival: str
    size: str
    cost: str
    net: str
    payback: str


class Teller:
    """Tells one record in one language."""

    def __init__(self, it: PortfolioRecord, language: Language) -> None:
        self.it, self.language, self.say = it, language, WORDINGS[language]
        self._names = CANDIDATES[language].candidates
        self.judged = [member for member in it.members if member.verdict is not None]
        self.priced = [member for member in self.judged if member.net_a_month is not None]
        currencies = {member.currency for member in self.judged if member.currency}
        self.currency = currencies.pop() if len(currencies) == 1 else ""
        self.numbers = Numbers(language=language, currency=self.currency or NO_CURRENCY)

    def title(self) -> str:
        """Return the page's title."""
        return self.say.title.format(name=self.it.name, count=len(self.it.members))

    def recommendation(self) -> str:
        """Return how many tasks end how."""
        counted = Counter(str(member.verdict) for member in self.judged)
        parts = [
            text.format(count=counted[verdict]) for verdict, text in self.say.recommended.items() if counted[verdict]
        ]
        if not parts:
            return self.say.none_done
        rest = len(self.it.members) - len(self.judged)
        said = self.say.recommendation.format(count=len(self.it.members), parts=_LISTED[self.language].join(parts))
        return said + (self.say.not_done.format(count=rest) if rest else "")

    def cost(self) -> str:
        """Return what was spent."""
        hours = self.numbers.duration(self.it.seconds / 3600)
        said = self.say.cost.format(hours=hours, done=len(self.judged), count=len(self.it.members))
        spent = [member.spent for member in self.judged if member.spent is not None]
        if not spent or not self.currency:
            return said + self.say.cost_unpriced
        return said + self.say.cost_money.format(total=self.numbers.money(sum(spent)))

    def value(self) -> str:
        """Return what the adapters are worth together."""
        if not self.priced or not self.currency:
            return self.say.value_unknown
        back = sum(member.payback_months is not None for member in self.priced)
        net = self.numbers.money(sum(member.net_a_month or 0.0 for member in self.priced))
        said = self.say.value.format(count=len(self.priced), net=net, back=back)
        silent = sum(member.net_a_month is None for member in self.judged if member.verdict in ADAPTERS)
        return said + (self.say.value_some.format(count=silent) if silent else "")

    def confidence(self) -> str:
        """Return how sure the scores are."""
        sure = [(m.test_ci95[1] - m.test_ci95[0], m) for m in self.judged if m.test_ci95 is not None]
        if not sure:
            return self.say.confidence
        member = max(sure, key=lambda pair: pair[0])[1]
        assert member.test_ci95 is not None, "it was left out"
        low, high = map(self.numbers.score, member.test_ci95)
        return self.say.confidence + self.say.confidence_wide.format(name=member.name, low=low, high=high)

    def lines(self) -> list[Line]:
        """Return the table of tasks."""
        return [self._line(member) for member in self.it.members]

    def _line(self, it: MemberOutcome) -> Line:
        own = Numbers(language=self.language, currency=it.currency or NO_CURRENCY)
        score = "" if it.test is None else own.score(it.test)
        interval = "" if it.test_ci95 is None else " – ".join(map(own.score, it.test_ci95))
        payback = ""
        if it.net_a_month is not None:
            within = self.say.payback.format(months=it.payback_months)
            payback = (
                within if it.payback_months is not None else self.say.payback_never.format(months=it.horizon_months)
            )
        kpi_state = self.kpi_state(it)
        return Line(
            name=it.name,
            verdict=self.say.verdicts[it.verdict] if it.verdict else self.say.states[it.state],
            score=f"{metric_name(it.metric)} {score}" if score else "",
            interval=interval,
            kpi=""
            if it.required is None
            else f"{own.score(it.required)} ({getattr(self.say, kpi_state)})"
            if kpi_state != "none"
            else own.score(it.required),
            kpi_state=kpi_state,
            rival="" if it.rival_test is None else f"{self.candidate(it.rival)} {own.score(it.rival_test)}",
            size=size(it.adapter_bytes) if it.verdict in ADAPTERS else "",
            cost="" if it.spent is None else own.money(it.spent),
            net="" if it.net_a_month is None else own.money(it.net_a_month),
            payback=payback,
        )

    def kpi_state(self, it: MemberOutcome) -> str:
        """Return whether what was asked for is ``reached`` or ``missed`` on the test items, or ``none``."""
        if it.required is None or it.test is None:
            return "none"
        metric = recorded_metric(it.metric)
        return "reached" if metric.loss(it.test) <= metric.loss(it.required) else "missed"

    def candidate(self, name: str) -> str:
        """Return what a baseline is called."""
        return self._names.get(name, name)

    def order(self) -> list[tuple[str, str]]:
        """Return the tasks in the order in which to roll out, each with why."""
        members = {member.name: member for member in self.it.members}
        found = []
        for step in self.it.order:
            it = members[step.name]
            own = Numbers(language=self.language, currency=it.currency or NO_CURRENCY)
            said = self.say.order[step.reason].format(
                net="" if it.net_a_month is None else own.money(it.net_a_month),
                score="" if it.test is None else own.score(it.test),
                rival="" if it.rival_test is None else own.score(it.rival_test),
            )
            found.append((step.name, said))
        return found

    def storage(self) -> str:
        """Return what N adapters take against N models."""
        packed = [member for member in self.judged if member.verdict in ADAPTERS]
        if not packed or not self.it.full_model_bytes:
            return self.say.storage_none
        return self.say.storage.format(
            count=len(packed),
            adapters=size(self.it.adapter_bytes),
            models=size(self.it.full_model_bytes),
            times=self.numbers.whole(self.it.full_model_bytes / max(1, self.it.adapter_bytes)),
            base=size(sum(self.it.base_bytes.values())),
        )

    def sharing(self) -> list[str]:
        """Return which tasks may use another's adapter."""
        if not self.it.cross:
            return [self.say.share_unknown]
        good = [each for each in self.it.cross if each.as_good]
        said = [
            self.say.share.format(
                rows=each.rows,
                adapter=each.adapter,
                score=self.numbers.score(each.score),
                own=self.numbers.score(each.own),
            )
            for each in good
        ]
        return said or [self.say.share_none]

    def time(self) -> list[str]:
        """Return where the time went."""
        said = [self.say.time]
        for member in self.it.members:
            it = member.allotted
            if it.trials:
                names = _LISTED[self.language].join(sorted(it.suggested_by))
                said.append(
                    self.say.time_moved.format(
                        name=member.name,
                        minutes=self.numbers.duration(it.explored_seconds / 3600),
                        trials=it.trials,
                        why=self.say.ended_by.get(it.ended_by, ""),
                        learned=self.say.learned.format(names=names) if names else "",
                    )
                )
        return said

    def decision(self) -> str:
        """Return what is asked for."""
        first = next((step.name for step in self.it.order if step.reason in _ROLLS_OUT), None)
        return self.say.decision_none if first is None else self.say.decision.format(first=first)

    def failed(self) -> list[tuple[str, str]]:
        """Return what went wrong with whom."""
        return [(member.name, member.cause) for member in self.it.members if member.state == "failed"]
