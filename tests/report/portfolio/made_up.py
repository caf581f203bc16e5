"""A made-up batch: one task of every kind of end."""

from __future__ import annotations

from autolora.records.portfolio import Allotted, CrossScore, MemberOutcome, PortfolioRecord, Step

MONEY = {"currency": "JPY", "spent": 12_000.0, "horizon_months": 24}


def member(name: str, **changes) -> MemberOutcome:
    said = {
        "name": name, "state": "done", "source": f"{name}.csv", "base_model": "base", "classes": 3, "rows": 3000,
        "metric": "macro_f1", "verdict": "adopt", "test": 0.91, "test_ci95": (0.89, 0.93), "rival": "tfidf",
        "rival_test": 0.82, "trainable_params": 4000, "adapter_bytes": 18_000, "seconds": 300.0, "hypervolume": 0.61,
        "allotted": Allotted(
            seconds=600.0, least_seconds=200.0, explored_seconds=120.0, trials=24, completed=8, last_promise=0.0004,
            ended_by="promise", suggested_by={"calls": 2},
        ),
    }  # fmt: skip
    return MemberOutcome(**(said | changes))


def cross(adapter: str, rows: str, score: float, difference, *, as_good: bool) -> CrossScore:
    return CrossScore(adapter=adapter, rows=rows, score=score, own=0.91, difference=difference, as_good=as_good)


def portfolio(**changes) -> PortfolioRecord:
    members = (
        member("mails", **MONEY, net_a_month=300_000.0, present_value=4e6, payback_months=3, required=0.9),
        member("calls", **MONEY, net_a_month=-5_000.0, verdict="keep_default", required=0.95, test_ci95=(0.8, 0.95)),
        member("notes", verdict="use_simpler", rival="head_only", rival_test=0.9),
        member("<b>&日報", verdict="not_ready", test=0.5, test_ci95=(0.4, 0.6)),
        member(
            "broken", state="failed", verdict=None, test=None, test_ci95=None, rival="", rival_test=None,
            adapter_bytes=0, trainable_params=0, hypervolume=None, seconds=0.0, rows=0, classes=0,
            cause="broken.csv: column 'label' holds only one class", allotted=Allotted(seconds=None),
        ),
    )  # fmt: skip
    said = {
        "name": "q3", "finished": True, "members": members, "seconds": 5400.0, "budget_seconds": 7200.0,
        "device": "CPU",
        "base_bytes": {"base": 90_000_000}, "adapter_bytes": 36_000, "full_model_bytes": 180_000_000,
        "cross": (
            cross("mails", "calls", 0.9, (-0.01, -0.012, 0.002), as_good=True),
            cross("calls", "mails", 0.7, (-0.21, -0.25, -0.17), as_good=False),
        ),
        "order": (
            Step(name="mails", reason="money"), Step(name="notes", reason="simpler"), Step(name="calls", reason="loss"),
            Step(name="<b>&日報", reason="not_ready"), Step(name="broken", reason="failed"),
        ),
    }  # fmt: skip
    return PortfolioRecord(**(said | changes))
