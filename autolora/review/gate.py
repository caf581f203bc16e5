"""What a review makes of a verdict. Pure: a gate, which may hold an adapter back and never lets one through.

Where several reviewers agree little, nothing follows from what they say. Krippendorff (2004, Content Analysis, chapter
11) asks for an alpha of 0.8, and of 0.667 for tentative conclusions, of codings that later work takes for facts. Here
each judgement is one person's opinion of usefulness, and the mean of many is taken; below 0.4 the reviewers have
hardly more in common than chance gives, so the mean would stand for nobody. Alpha is low as well where nearly all
judgements are the same (Feinstein and Cicchetti 1990), though the reviewers then agree on nearly every answer: what
they say counts if four of five pairs of judgements are the same.
"""

from __future__ import annotations

from dataclasses import replace

from autolora.data.words import counted
from autolora.records import Reason, Recommendation, Verdict
from autolora.records.review import ReviewedCandidate, ReviewRecord
from autolora.review.shares import items_to_reach
from autolora.verdict import DEFAULTS, SIMPLE, in_words

LEAST_ALPHA = 0.4
ENOUGH_AGREEMENT = 0.8
_FROM_GOOD_TO_BAD: tuple[Verdict, ...] = ("adopt", "keep_default", "use_simpler", "not_ready")
_OF_REVIEW = "review."
"""How the fields begin that a reason of a review rests on, and no other."""


def before(found: Recommendation) -> Recommendation:
    """Return a recommendation as it was before any review."""
    return replace(
        found,
        verdict=found.verdict_before_review or found.verdict,
        verdict_before_review=None,
        reasons=tuple(r for r in found.reasons if not any(field.startswith(_OF_REVIEW) for field in r.fields)),
    )


def gated(found: Recommendation, review: ReviewRecord) -> Recommendation:
    """Return a recommendation after a review; an earlier review's part in it is taken back first.

    Args:
        found: Before or after an earlier review.
        review: What reviewers say.
    """
    was = before(found)
    verdict, reasons = was.verdict, []
    for asked, reason in (*_against_rivals(review), _enough(review)):
        reasons.append(reason)
        if asked is not None and agrees(review):
            verdict = max(verdict, asked, key=_FROM_GOOD_TO_BAD.index)
    if not agrees(review):
        reasons.append(_too_little_agreement(review))
    return replace(was, verdict=verdict, verdict_before_review=was.verdict, reasons=(*was.reasons, *reasons))


def agrees(review: ReviewRecord) -> bool:
    """Whether anything follows from a review: one reviewer, or several who agree enough."""
    if review.agreement is None or review.alpha is None:
        return True
    return review.alpha >= LEAST_ALPHA or review.agreement >= ENOUGH_AGREEMENT


def _against_rivals(review: ReviewRecord) -> list[tuple[Verdict | None, Reason]]:
    """Return what each comparison asks for, None for nothing, and a sentence on it."""
    return [_against(review, name) for name in review.differences]


def _against(review: ReviewRecord, rival: str) -> tuple[Verdict | None, Reason]:
    _, low, high = review.differences[rival]
    words = (DEFAULTS | SIMPLE)[rival]
    worse: Verdict = "keep_default" if rival in DEFAULTS else "use_simpler"
    ours, theirs = _of(review, review.chosen), _of(review, rival)
    if high < 0:
        relation = "Reviewers accept its answers less often than those of"
    elif low > 0:
        relation = "Reviewers accept its answers more often than those of"
    else:
        relation = "Reviewers are not shown to accept its answers more or less often than those of"
    text = (
        f"{relation} {words} ({ours.accepted:.0%} against {theirs.accepted:.0%} as they are; "
        f"{in_words(review.differences[rival])})."
    )
    fields = (_field(ours, "accepted"), _field(theirs, "accepted"), f"review.differences.{rival}")
    return (worse if high < 0 else None), Reason(text=text, fields=fields)


def _enough(review: ReviewRecord) -> tuple[Verdict | None, Reason]:
    """Return whether enough answers were accepted, where a share was asked for."""
    ours, wanted = _of(review, review.chosen), review.min_accepted
    low, high = ours.accepted_ci95
    people, rows = counted(len(review.reviewers), "reviewer"), counted(review.items, "test row")
    fields = [_field(ours, "accepted"), _field(ours, "accepted_ci95"), "review.items", "review.reviewers"]
    text = (
        f"By {people} on {rows}, {ours.accepted:.0%} of its answers are accepted as they are (95 % interval {low:.0%} "
        f"to {high:.0%})"
    )
    if wanted is None:
        return None, Reason(text=f"{text}.", fields=tuple(fields))
    fields.append("review.min_accepted")
    if low >= wanted:
        return None, Reason(text=f"{text}: the {wanted:.0%} asked for are reached.", fields=tuple(fields))
    fields.append("review.effective_items")
    more = items_to_reach(ours.accepted, wanted, review.effective_items, review.items)
    if high < wanted:
        text += f": the {wanted:.0%} asked for are not reached."
    elif more is None:
        text += f": that it is the {wanted:.0%} asked for is not shown, and no more rows judged alike would show it."
    else:
        text += (
            f": that it is the {wanted:.0%} asked for is not shown; about {more:,} more row{'' if more == 1 else 's'} "
            "judged alike would show it"
        )
        left = sum(stratum.rows for stratum in review.strata.values()) - review.items
        text += f", of which the test split has {left:,}." if left < more else "."
        fields += ["review.strata.differ.rows", "review.strata.agree.rows"]
    return "not_ready", Reason(text=text, fields=tuple(fields))


def _too_little_agreement(review: ReviewRecord) -> Reason:
    return Reason(
        text=f"Its reviewers agree too little for anything to follow from what they say (Krippendorff's alpha "
        f"{review.alpha:.2f}, below {LEAST_ALPHA}; {review.agreement:.0%} of judgements the same): let them talk over "
        "where they differ, and review again.",
        fields=("review.alpha", "review.agreement"),
    )


def _of(review: ReviewRecord, name: str) -> ReviewedCandidate:
    return next(candidate for candidate in review.candidates if candidate.name == name)


def _field(candidate: ReviewedCandidate, name: str) -> str:
    return f"review.candidates.{candidate.name}.{name}"
