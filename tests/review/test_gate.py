"""What a review makes of a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.records import Recommendation, Verdict
from autolora.records.review import ReviewRecord, Stratum
from autolora.report.evidence import evidence
from autolora.review.gate import before, gated
from tests.report import made_up

pytestmark = pytest.mark.unit

CHOSEN = f"finalist_{made_up.CHOSEN}"
WORSE, EVEN, BETTER = (-0.2, -0.3, -0.1), (0.01, -0.1, 0.12), (0.2, 0.1, 0.3)
VERDICTS: tuple[Verdict, ...] = ("adopt", "keep_default", "use_simpler", "not_ready")


def adopted(verdict: Verdict = "adopt") -> Recommendation:
    return replace(made_up.recommendation(), verdict=verdict)


def review(name: str = CHOSEN, candidate: dict[str, Any] | None = None, **changed: Any) -> ReviewRecord:
    """Return a review with some fields changed, those of one candidate among them."""
    it = made_up.review()
    given = tuple(replace(c, **(candidate or {})) if c.name == name else c for c in it.candidates)
    return replace(it, candidates=given, **changed)


def differences(default: tuple[float, float, float], base: tuple[float, float, float]) -> dict[str, Any]:
    return {"default_lora": default, "tfidf": base}


@pytest.mark.parametrize(
    ("default", "base", "verdict"),
    [
        (BETTER, BETTER, "adopt"),
        (EVEN, EVEN, "adopt"),
        (WORSE, BETTER, "keep_default"),
        (BETTER, WORSE, "use_simpler"),
        (WORSE, WORSE, "use_simpler"),
    ],
)
def test_an_adapter_whose_answers_are_accepted_less_often_beyond_chance_is_held_back(default, base, verdict) -> None:
    found = gated(adopted(), review(differences=differences(default, base)))

    assert (found.verdict, found.verdict_before_review) == (verdict, "adopt")
    assert any("accept its answers less often" in r.text for r in found.reasons) == (verdict != "adopt")


@pytest.mark.parametrize(
    ("accepted", "low", "high", "wanted", "verdict", "says"),
    [
        (0.91, 0.82, 0.97, None, "adopt", "91% of its answers are accepted as they are (95 % interval 82% to 97%)."),
        (0.91, 0.82, 0.97, 0.8, "adopt", "the 80% asked for are reached"),
        (0.91, 0.82, 0.97, 0.85, "not_ready", "is not shown; about "),
        (0.83, 0.72, 0.90, 0.85, "not_ready", "is not shown, and no more rows judged alike would show it"),
        (0.60, 0.50, 0.70, 0.85, "not_ready", "the 85% asked for are not reached"),
    ],
)
def test_a_share_that_is_asked_for_must_be_shown(accepted, low, high, wanted, verdict, says) -> None:
    shares = {"accepted": accepted, "accepted_ci95": (low, high)}
    found = gated(adopted(), review(candidate=shares, min_accepted=wanted))

    assert found.verdict == verdict
    assert any(says in reason.text for reason in found.reasons)


@given(
    st.sampled_from(VERDICTS),
    st.sampled_from([WORSE, EVEN, BETTER]),
    st.sampled_from([WORSE, EVEN, BETTER]),
    st.sampled_from([None, 0.5, 0.99]),
    st.sampled_from([None, 0.1, 0.9]),
)
def test_a_review_never_makes_a_verdict_better(was, default, base, wanted, alpha) -> None:
    judged = review(differences=differences(default, base), min_accepted=wanted, alpha=alpha, agreement=0.6)
    found = gated(adopted(was), judged)

    assert VERDICTS.index(found.verdict) >= VERDICTS.index(was)


def test_nothing_follows_where_reviewers_agree_little() -> None:
    bad = {"differences": differences(WORSE, WORSE), "min_accepted": 0.99}
    found = gated(adopted(), review(**bad, alpha=0.39, agreement=0.7))

    assert found.verdict == "adopt"
    assert "agree too little" in found.reasons[-1].text
    assert gated(adopted(), review(**bad, alpha=0.41, agreement=0.7)).verdict == "not_ready"


def test_a_low_alpha_of_reviewers_who_say_nearly_always_the_same_takes_nothing_back() -> None:
    rejected = review(differences=differences(WORSE, WORSE), alpha=0.0, agreement=0.95)
    same = review(differences=differences(WORSE, WORSE), alpha=None, agreement=1.0)
    alone = review(differences=differences(WORSE, WORSE), alpha=None, agreement=None)

    assert {gated(adopted(), it).verdict for it in (rejected, same, alone)} == {"use_simpler"}


def test_reading_anew_starts_from_the_verdict_of_the_search() -> None:
    held = gated(adopted(), review(differences=differences(WORSE, WORSE)))

    assert before(held) == adopted()
    assert gated(held, made_up.review()) == gated(adopted(), made_up.review())
    assert gated(held, made_up.review()).verdict == "adopt"
    assert before(adopted()) == adopted()


def test_every_reason_of_a_review_rests_on_fields_that_are_there() -> None:
    low = review(candidate={"accepted_ci95": (0.3, 0.99)}, min_accepted=0.8, alpha=0.1, agreement=0.5)
    found = gated(adopted(), low)
    report = replace(made_up.report(), recommendation=found, review=low)
    own = found.reasons[len(adopted().reasons) :]

    assert len(own) == 4
    for reason in own:
        assert all(field.startswith("review.") and evidence(report, field).value for field in reason.fields)


@pytest.mark.parametrize(
    "changed",
    [
        {"candidate": {"accepted": 0.5}},
        {"candidate": {"accepted_ci95": (0.1, 0.2)}},
        {"name": "tfidf", "candidate": {"accepted": 0.5}},
        {"differences": differences(WORSE, BETTER)},
        {"min_accepted": 0.99},
        {"min_accepted": 0.9, "effective_items": 100.0},
        {"min_accepted": 0.88, "strata": {"differ": Stratum(rows=80, judged=26), "agree": Stratum(rows=40, judged=14)}},
        {"items": 50},
        {"reviewers": ("Ada",)},
        {"alpha": 0.2, "agreement": 0.6},
    ],
    ids=str,
)
def test_a_field_that_a_reason_names_changes_it(changed: dict[str, Any]) -> None:
    plain = {name: value for name, value in changed.items() if name == "min_accepted" and len(changed) > 1}
    texts = {reason.text for reason in gated(adopted(), review(**plain)).reasons}

    assert {reason.text for reason in gated(adopted(), review(**changed)).reasons} != texts


def test_more_rows_than_the_test_split_has_are_told_with_what_it_has() -> None:
    short = review(candidate={"accepted_ci95": (0.7, 0.97)}, min_accepted=0.88)
    enough = replace(short, min_accepted=0.8)

    assert "judged alike would show it, of which the test split has 130." in gated(adopted(), short).reasons[-1].text
    assert gated(adopted(), enough).reasons[-1].text.endswith("would show it.")


def test_a_single_reviewer_and_row_are_told_in_the_singular() -> None:
    alone = replace(made_up.review(), reviewers=("Ada",), items=1, alpha=None, agreement=None)

    assert gated(adopted(), alone).reasons[-1].text.startswith("By 1 reviewer on 1 test row, ")
