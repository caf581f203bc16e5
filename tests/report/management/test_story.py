"""What is said follows the records: a number changed there changes the sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autolora.business import Targets
from autolora.economics.assess import assess
from autolora.records.robustness import NoiseRecord, RobustnessRecord
from autolora.report.management.numbers import Numbers
from autolora.report.management.story import Story, Teller
from tests.economics.test_assess import FULL
from tests.report import made_up

pytestmark = pytest.mark.unit

CHOSEN = f"finalist_{made_up.CHOSEN}"


def told(business=FULL, language="en", **changed) -> Story:
    report = replace(made_up.report(), **changed)
    found = replace(report.recommendation, seconds_a_thousand=2.5)
    return Teller(report, found, assess(business, found, report.confirm), language).story()


def noise(**differences: tuple[float, float, float]) -> RobustnessRecord:
    return RobustnessRecord(
        rows=300,
        scores={CHOSEN: 0.9},
        noises=tuple(
            NoiseRecord(name=name, changed=1.0, scores={CHOSEN: 0.9 + each[0]}, differences={CHOSEN: each})
            for name, each in differences.items()
        ),
    )


def test_untidy_text_is_a_risk_where_it_costs_more_than_the_margin_beyond_chance() -> None:
    costly = noise(typos=(-0.1, -0.15, -0.05), truncation=(-0.2, -0.25, -0.15), casing=(-0.05, -0.15, 0.02))
    harmless = noise(typos=(-0.02, -0.06, 0.01), width=(0.0, 0.0, 0.0))

    assert any(
        risk.startswith("Untidy texts cost quality: with half of the text missing the score falls from 0.900 to 0.700")
        for risk in told(robustness=costly).risks
    )
    assert not any("Untidy" in risk for risk in told(robustness=harmless).risks)


def test_the_recommended_the_best_other_and_the_smallest_way_are_put_in_plain_words() -> None:
    lines = told().front

    assert len(lines) == 3
    assert lines[0].startswith("recommended adapter: macro-F1 ")
    assert all("trained numbers" in line for line in lines)


def test_of_simple_methods_that_do_as_well_the_one_that_trains_least_is_recommended() -> None:
    report = made_up.report()
    level, beaten = (0.0, -0.01, 0.01), (0.1, 0.05, 0.15)
    simple = replace(report.recommendation, verdict="use_simpler")

    (words,) = (each for each in report.confirm.candidates if each.name == "tfidf")
    both = (replace(words, trainable_params=18_000), replace(words, name="head_only", trainable_params=770))

    def decision(**standing) -> str:
        confirm = replace(
            report.confirm,
            candidates=(*(each for each in report.confirm.candidates if each is not words), *both),
            paired_test_differences=report.confirm.paired_test_differences | standing,
        )
        return told(recommendation=simple, confirm=confirm).decision

    assert "the use of the last layer alone" in decision(tfidf=level, head_only=level, majority=beaten)
    assert "the use of word counts with a linear model" in decision(tfidf=level, head_only=beaten, majority=beaten)


def test_money_that_is_the_adapters_is_not_taken_for_that_of_something_simpler() -> None:
    simple = replace(made_up.report().recommendation, verdict="use_simpler")

    assert "These sums are the adapter's" in told(recommendation=simple).payback
    assert "These sums are the adapter's" not in told().payback


def test_the_ends_and_the_break_even_of_what_most_hangs_on_are_told() -> None:
    report = made_up.report()
    money = assess(FULL, replace(report.recommendation, seconds_a_thousand=2.5), report.confirm)
    story, numbers = told(), Numbers(language="en", currency="JPY")

    assert numbers.money(money.low.present_value) in story.ends
    assert numbers.money(money.high.present_value) in story.ends
    known = [swing for swing in money.swings[:6] if swing.break_even is not None]
    assert known
    assert story.break_even.startswith("The balance is nothing at: ")
    assert story.break_even.count(",") >= len(known) - 1


def test_targets_are_met_or_missed_and_without_one_neither() -> None:
    easy = replace(FULL, targets=Targets(hours_per_month=1, error_rate=0.9, payback_months=120))
    hard = replace(FULL, targets=Targets(hours_per_month=1e6, error_rate=0.0, payback_months=0.1))

    assert [each.state for each in told(easy).key_figures] == ["met"] * 3
    assert [each.state for each in told(hard).key_figures] == ["missed"] * 3
    assert [each.state for each in told().key_figures] == ["none"] * 3
    assert told().key_figures[1].target == "no target entered"


def test_what_never_pays_back_is_said_in_all_its_places() -> None:
    poor = told(replace(FULL, cash_share=0, cost_per_error=0))

    assert "the money does not come back within 24 months" in poor.payback
    assert "more than 24 for half" in poor.payback
    assert poor.key_figures[2].value == "not within 24 months"
    assert any("of the simulated courses the money does not come back" in risk for risk in poor.risks)


def test_an_adapter_that_makes_more_errors_than_people_says_so() -> None:
    better_people = replace(FULL, error_rate=0.0001)

    assert any("more errors than people do today" in risk for risk in told(better_people).risks)
    assert not any("more errors" in risk for risk in told(replace(FULL, error_rate=0.9)).risks)


def test_test_rows_that_were_looked_at_before_are_told() -> None:
    assert "had been looked at before" in told(reopened_test=True).confidence
    assert "looked at before" not in told().confidence
