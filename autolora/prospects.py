"""What would change a verdict: how many rows, which margin, which score. Pure: knows records; trains and reads nothing.

Half the width of an interval shrinks with the square root of the rows, so what is too small a lead on these rows is
beyond chance on so many times as many. That is a forecast: on other rows the lead will be another one.
"""

from __future__ import annotations

import math

from autolora.objectives import Objective
from autolora.recommend import best_of, fitting_finalists, is_good_enough, score_of, worst_end
from autolora.records import Candidate, ConfirmRecord, Reason
from autolora.request import Limits
from autolora.verdict import DEFAULTS, SIMPLE, field_of, in_words, rivals_among, standing_of

_NEAR_END = 1.2
"""Ratio within which a rate is at an end of those searched."""
_MOST_TIMES = 100
"""Rows that are named at most, in times of those there are: a lead this small is none."""


def would_change(
    chosen: Candidate | None,
    confirm: ConfirmRecord,
    metric: Objective,
    required: Limits,
    *,
    rates: tuple[float, float] | None = None,
) -> tuple[Reason, ...]:
    """Return what would change the verdict on the chosen candidate, or the choice of it.

    Args:
        chosen: What was chosen.
        confirm: Every candidate.
        metric: That decides.
        required: The user's limits.
        rates: Lowest and highest learning rate that were searched; None where one rate was.
    """
    if chosen is None:
        return ()
    return (
        *_the_score_asked_for(chosen, metric, required),
        *_rivals(chosen, confirm, metric),
        *_smaller_ones(chosen, confirm, metric, required),
        *_end_of_rates(chosen, rates),
        *_more_rows(confirm),
    )


def _the_score_asked_for(chosen: Candidate, metric: Objective, required: Limits) -> list[Reason]:
    if required.min_metric is None or is_good_enough(chosen, metric, required):
        return []
    text = (
        f"Asking for {score_of(chosen):.3f} instead of {required.min_metric:.3f} (--min-metric), or a {metric.name} "
        f"better by {abs(score_of(chosen) - required.min_metric):.3f}, would make it ready."
    )
    return [Reason(text=text, fields=(field_of(chosen, "validation"), "request.limits.min_metric"))]


def _rivals(chosen: Candidate, confirm: ConfirmRecord, metric: Objective) -> list[Reason]:
    """Return what it would take against rivals that are not beaten; if all are, which one is nearest."""
    found: list[Reason] = []
    beaten: list[tuple[float, str, str]] = []
    smaller_than = {c.name for c, _ in rivals_among(confirm, DEFAULTS) if chosen.trainable_params < c.trainable_params}
    for rival, words in (*rivals_among(confirm, DEFAULTS), *rivals_among(confirm, SIMPLE)):
        difference = confirm.paired_test_differences.get(rival.name)
        if difference is None:
            continue
        standing = standing_of(difference, metric, confirm.margin)
        path = f"confirm.paired_test_differences.{rival.name}"
        if standing == "better":
            beaten.append((min(abs(difference[1]), abs(difference[2])), words, path))
        elif standing == "not_shown" or rival.name not in smaller_than:
            found.append(_against_one(difference, confirm, metric, words, path, smaller=rival.name in smaller_than))
    if not found and beaten:
        left, words, path = min(beaten)
        found.append(
            Reason(text=f"The nearest rival is {words}: of the lead {left:.3f} is beyond chance.", fields=(path,))
        )
    return found


def _against_one(
    difference: tuple[float, float, float],
    confirm: ConfirmRecord,
    metric: Objective,
    words: str,
    path: str,
    *,
    smaller: bool,
) -> Reason:
    lead, low, high = difference
    fields = [path]
    rows, times = confirm.rows.get("test", 0), _times(-metric.loss(lead), (high - low) / 2)
    if times is not None and rows:
        text = f"A lead of {abs(lead):.3f} over {words} would be beyond chance on about {_rows(times, rows)} test rows"
        text += f" (there are {rows:,})"
        fields.append("confirm.rows.test")
    else:
        text = f"More test rows alone would not show a lead over {words}"
    if smaller:
        enough = _up(worst_end(difference, metric))
        text += f"; with a margin of {enough} instead of {confirm.margin:.3g} (--margin) it counts as good"
        fields.append("confirm.margin")
    return Reason(text=f"{text}.", fields=tuple(fields))


def _smaller_ones(chosen: Candidate, confirm: ConfirmRecord, metric: Objective, required: Limits) -> list[Reason]:
    """Return what it would take for a smaller finalist to be chosen."""
    fitting = fitting_finalists(confirm.candidates, metric, required)
    best = best_of(fitting, metric)
    found = []
    for other in sorted(fitting, key=lambda c: c.trainable_params):
        difference = confirm.validation_differences.get(other.name, {}).get(best.name)
        if other.trainable_params >= chosen.trainable_params or difference is None:
            continue
        lead, low, high = difference
        enough = _up(worst_end(difference, metric))
        text = (
            f"A margin of {enough} instead of {confirm.margin:.3g} (--margin) would choose the finalist with "
            f"{other.trainable_params:,} trained parameters ({metric.name} {score_of(other):.3f} on validation rows)"
        )
        fields = [
            f"confirm.validation_differences.{other.name}.{best.name}",
            "confirm.margin",
            field_of(other, "trainable_params"),
            field_of(other, "validation"),
        ]
        times, rows = _times(confirm.margin - metric.loss(lead), (high - low) / 2), confirm.rows.get("validation", 0)
        if times is not None and rows:
            text += f"; at this margin about {_rows(times, rows)} validation rows would ({rows:,} now)"
            fields.append("confirm.rows.validation")
        found.append(Reason(text=f"{text}.", fields=tuple(fields)))
    return found


def _end_of_rates(chosen: Candidate, rates: tuple[float, float] | None) -> list[Reason]:
    """Return that better rates may lie outside the search space, where the chosen one is at an end of it."""
    if rates is None or chosen.config is None:
        return []
    low, high, rate = *rates, chosen.config.learning_rate
    if low * _NEAR_END < rate < high / _NEAR_END:
        return []
    end = f"highest ({high:g})" if rate * rate > low * high else f"lowest ({low:g})"
    text = f"Its learning rate, {rate:.2g}, is near the {end} of the search space; a wider one may hold a better rate."
    return [Reason(text=text, fields=(field_of(chosen, "config.learning_rate"),))]


def _more_rows(confirm: ConfirmRecord) -> list[Reason]:
    """Return what more labelled rows may bring, by what the last doubling brought: the next one brings less."""
    if len(confirm.learning_curve) < 2:
        return []
    half, whole = confirm.learning_curve[-2:]
    if half.difference is None:
        return []
    gain, low, high = half.difference
    text = (
        f"From {half.rows:,} to {whole.rows:,} training rows the score on validation rows went from "
        f"{half.validation:.3f} to {whole.validation:.3f} ({in_words((gain, low, high))}); "
    )
    if low <= 0 <= high:
        text += f"whether labelling {whole.rows:,} more would help cannot be told from that"
    else:
        text += f"labelling {whole.rows:,} more may change it by up to as much, and usually by less"
    fields = tuple(f"confirm.learning_curve.{at}" for at in range(len(confirm.learning_curve)))
    return [Reason(text=f"{text}.", fields=fields)]


def _times(room: float, reach: float) -> float | None:
    """Return how many times the rows it takes for an interval's half width to fit in a room; None if none would do."""
    times = (reach / room) ** 2 if room > 0 else math.inf
    return times if times <= _MOST_TIMES else None


def _rows(times: float, rows: int) -> str:
    """Return a number of rows as nothing more exact than it is: two digits."""
    needed = math.ceil(times * rows)
    digits = max(0, len(str(needed)) - 2)
    return f"{math.ceil(needed / 10**digits) * 10**digits:,}"


def _up(value: float) -> str:
    """Return a number, rounded up to two digits."""
    if value <= 0:
        return "0"
    digits = 1 - math.floor(math.log10(value))
    return f"{math.ceil(value * 10**digits - 1e-9) / 10**digits:.{max(digits, 0)}f}"
