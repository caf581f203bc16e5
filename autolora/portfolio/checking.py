"""A task of a batch before it begins: whether it is sound, who shares its base, and what time it can use."""

from __future__ import annotations

import math
import time

from autolora.forecast import expected
from autolora.plan import make
from autolora.portfolio.allocation import Need
from autolora.portfolio.members import Member
from autolora.portions import Portions, sizes_of
from autolora.prepared import Prepared, startable
from autolora.search.pool import Pool
from autolora.starting import begun, measured_work

Key = tuple[str, ...]
"""Tasks with one key can share a loaded base."""


def prepared_of(member: Member) -> Prepared:
    """Return a task whose rows, space and base are there and fit each other.

    Raises:
        InputError: If one is not, or does not.
    """
    assert member.request is not None, "it cannot be read"
    return startable(member.request)


def key_of(prepared: Prepared) -> Key:
    """Return what decides who can share its base: its weights, whether it writes, and how it is held."""
    kind = "writes" if prepared.dataset.problem == "generation" else "labels"
    return prepared.checkpoint.hash, kind, prepared.request.precision


def own_seconds(prepared: Prepared) -> float:
    """Return the budget of its own task file in seconds, infinity where it has none."""
    return math.inf if prepared.minutes is None else prepared.minutes * 60


def need_of(member: Member, pool: Pool) -> Need:
    """Return what a task can use of the time, by timing the engines on its rows.

    Raises:
        AutoloraError: What cannot be loaded.
    """
    start, prepared = time.monotonic(), prepared_of(member)
    portions = Portions(dataset=prepared.dataset, seed=prepared.request.seed, limited=True)
    engines = begun(pool, prepared, portions, task=member.name)
    try:
        work = measured_work(prepared, engines)
    finally:
        engines.end()
    assert work is not None, "the engines were not timed"
    took, sizes = time.monotonic() - start, sizes_of(prepared.dataset)
    least = make(0.0, sizes, work, begun=took).seconds
    most = min(own_seconds(prepared), expected(math.inf, sizes, work, begun=took).seconds)
    return untimed(member, least=least, most=max(least, most))


def untimed(member: Member, *, least: float = 0.0, most: float = 0.0) -> Need:
    """Return what a task asks for, with what it takes where that is known."""
    return Need(name=member.name, least=least, most=most, priority=member.priority, deadline=member.deadline_seconds)
