"""From judgements to the record that ``review.json`` keeps. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean

from autolora.records.review import JUDGEMENTS, CitedReason, Edit, Judged, ReviewedCandidate, ReviewRecord, Stratum
from autolora.review.agreement import alpha, observed
from autolora.review.records import Judgement, Review, ReviewKey
from autolora.review.shares import Strata, difference, estimate, share
from autolora.values import folded

_REASONS_KEPT = 30


def result(key: ReviewKey, reviews: Sequence[Review], *, read_at: str, min_accepted: float | None) -> ReviewRecord:
    """Return what a review came to.

    Args:
        key: What was shown.
        reviews: What each reviewer says of every answer; at least one.
        read_at: Now, in UTC.
        min_accepted: Share accepted as is that is asked for.
    """
    said = {answer: [review.judgements[at] for review in reviews] for at, answer in enumerate(key.answers)}
    strata = Strata(of_items=tuple(item.stratum for item in key.items), rows=key.strata)
    shares = {name: {kind: _of_items(name, kind, key, said) for kind in JUDGEMENTS} for name in key.candidates}
    units = [[one.judgement for one in own] for own in said.values()]
    several = len(reviews) > 1
    judged = Counter(strata.of_items)
    return ReviewRecord(
        id=key.id,
        run=key.run,
        read_at=read_at,
        reviewers=tuple(review.reviewer for review in reviews),
        items=len(key.items),
        effective_items=strata.effective,
        strata={name: Stratum(rows=rows, judged=judged[name]) for name, rows in key.strata.items()},
        chosen=key.chosen,
        candidates=tuple(_candidate(name, own, strata) for name, own in shares.items()),
        differences={
            name: difference(shares[key.chosen]["accept"], own["accept"], strata)
            for name, own in shares.items()
            if name != key.chosen
        },
        alpha=alpha(units) if several else None,
        agreement=observed(units) if several else None,
        min_accepted=min_accepted,
        reasons=_reasons(key, said),
        edits=_edits(key, said),
    )


def _of_items(name: str, kind: Judged, key: ReviewKey, said: Mapping[str, Sequence[Judgement]]) -> list[float]:
    """Return, of each item, the share of reviewers who said this of a candidate's answer."""
    own = [next(answer.id for answer in item.answers if name in answer.candidates) for item in key.items]
    return [fmean(one.judgement == kind for one in said[answer]) for answer in own]


def _candidate(name: str, shares: Mapping[Judged, Sequence[float]], strata: Strata) -> ReviewedCandidate:
    accepted, ends = share(shares["accept"], strata)
    return ReviewedCandidate(
        name=name,
        accepted=accepted,
        accepted_ci95=ends,
        edited=estimate(shares["edit"], strata),
        rejected=estimate(shares["reject"], strata),
    )


def _reasons(key: ReviewKey, said: Mapping[str, Sequence[Judgement]]) -> tuple[CitedReason, ...]:
    """Return the reasons given most often; those that differ in case and spacing alone are one."""
    given: dict[tuple[str, str], list[tuple[Judgement, tuple[str, ...]]]] = {}
    for answer, own in said.items():
        for one in own:
            if one.reason.strip():
                place = (one.judgement, folded(one.reason))
                given.setdefault(place, []).append((one, key.answers[answer].candidates))
    most = sorted(given.values(), key=len, reverse=True)[:_REASONS_KEPT]
    return tuple(
        CitedReason(
            text=all_of_it[0][0].reason.strip(),
            judgement=_judged(all_of_it[0][0]),
            times=len(all_of_it),
            candidates=tuple(sorted({name for _, names in all_of_it for name in names})),
        )
        for all_of_it in most
    )


def _edits(key: ReviewKey, said: Mapping[str, Sequence[Judgement]]) -> tuple[Edit, ...]:
    found = [
        Edit(row_id=item.row_id, candidates=answer.candidates, written=answer.text, edited=one.edited)
        for item in key.items
        for answer in item.answers
        for one in said[answer.id]
        if one.judgement == "edit"
    ]
    return tuple(dict.fromkeys(found))


def _judged(one: Judgement) -> Judged:
    return next(name for name in JUDGEMENTS if name == one.judgement)
