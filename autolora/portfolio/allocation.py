"""How a batch's time is split among its tasks before anything is trained. Pure arithmetic on seconds.

Every task gets the least that its search can be done in. What is left goes to the tasks in proportion to priority times
what they could still use, and no task gets more than it can use. While they are explored, time moves on to where it is
expected to bring most (``auction``); what is set aside for confirming and reporting does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autolora.errors import RequestError
from autolora.units import in_minutes

START_SECONDS = 10.0
"""For starting the engines on a base."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """What one task can use."""

    name: str
    least: float
    """Seconds that its search takes at the least."""
    most: float
    """Seconds that it takes with everything."""
    priority: float = 1.0
    deadline: float | None = None
    """Seconds from the begin within which it is to be done."""


def in_order(needs: Iterable[Need]) -> list[Need]:
    """Return the tasks in the order in which they are worked on: by deadline, then by priority, as they were named."""
    return sorted(needs, key=lambda need: (need.deadline is None, need.deadline or 0.0, -need.priority))


def waves(needs: Sequence[Need], most: int) -> list[list[Need]]:
    """Return the tasks in groups that are explored together, each then confirmed before the next begins.

    Those with a deadline are explored with those of the same deadline only: others would have to end with them.

    Args:
        needs: In the order of ``in_order``.
        most: Tasks of a group.
    """
    found: list[list[Need]] = []
    for need in needs:
        if found and len(found[-1]) < most and found[-1][-1].deadline == need.deadline:
            found[-1].append(need)
        else:
            found.append([need])
    return found


def allot(budget: float, needs: Sequence[Need], *, begun: float, starts: int) -> dict[str, float]:
    """Return the seconds of each task.

    Args:
        budget: Of the batch, in seconds.
        needs: Of its tasks.
        begun: Seconds that have passed.
        starts: How often engines are still to be started.

    Raises:
        RequestError: If the budget, or a deadline, is below what the tasks take at the least; says what would do.
    """
    fixed = begun + starts * START_SECONDS
    least = fixed + sum(need.least for need in needs)
    if least > budget:
        raise RequestError(
            f"{len(needs)} tasks take at least {in_minutes(least)}, but the budget is {in_minutes(budget)}",
            f"the smallest that works is {_whole_minutes(least)}; or leave tasks out",
        )
    given = {need.name: need.least for need in needs}
    left, open_ = budget - least, [need for need in needs if need.most > need.least]
    while open_ and left > 1e-6:
        weights = {need.name: need.priority * (need.most - need.least) for need in open_}
        whole = sum(weights.values())
        share = {need.name: left * weights[need.name] / whole for need in open_}
        full = [need for need in open_ if given[need.name] + share[need.name] >= need.most]
        if not full:
            for need in open_:
                given[need.name] += share[need.name]
            break
        for need in full:
            left -= need.most - given[need.name]
            given[need.name] = need.most
        open_ = [need for need in open_ if need not in full]
    check_deadlines(needs, begun=fixed)
    return given


def check_deadlines(needs: Sequence[Need], *, begun: float) -> None:
    """Check that every deadline can be kept if whoever comes before takes the least.

    Args:
        needs: Of all tasks.
        begun: Seconds that pass before the first.

    Raises:
        RequestError: If one cannot.
    """
    passed = begun
    for need in in_order(needs):
        passed += need.least
        if need.deadline is not None and passed > need.deadline:
            raise RequestError(
                f"task {need.name!r} is to be done within {in_minutes(need.deadline)}, but takes at least until"
                f" {in_minutes(passed)} after the begin",
                f"give it {_whole_minutes(passed)} or more, or batch it alone",
            )


def _whole_minutes(seconds: float) -> str:
    return f"{int(-(-seconds // 60))}m"
