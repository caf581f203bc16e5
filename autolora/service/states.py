"""Where a job stands and what comes next, as a plain decision. Knows no process, no table and no clock.

    queued ─► validating ─► running ─► succeeded
       ▲          │            ├─────► failed
       │          ▼            ├─────► cancelled
       └──────── paused ◄──────┘

What a user asks for (``Wish``) and where the job stands (``State``) are kept apart: routes write wishes, and only the
supervisor writes states, after it has looked at the job's process and at what that process left behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    """It waits for its turn: new, or to be gone on with."""
    VALIDATING = "validating"
    """Its process has begun: it reads the data and starts the engine; nothing has been searched."""
    RUNNING = "running"
    PAUSED = "paused"
    """It rests until somebody resumes it; what it has found is kept."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Wish(StrEnum):
    """What is wanted of a job."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"


class Kind(StrEnum):
    """What a job does."""

    SEARCH = "search"
    BATCH = "batch"
    PLAN = "plan"
    """Says what a search would take."""
    CHECK = "check"
    """Says what an uploaded table holds."""
    REVIEW = "review"
    """Makes the page on which people judge a search's answers, or reads what they said."""


class Ending(StrEnum):
    """What a job's process says of its end."""

    DONE = "done"
    REFUSED = "refused"
    """What was asked for cannot be done; nothing was begun."""
    BROKEN = "broken"
    """An unexpected error."""
    STOPPED = "stopped"
    """It was asked to stop, and kept where it was."""


WITH_PROCESS = frozenset({State.VALIDATING, State.RUNNING})
ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
MOST_CRASHES = 3
"""Times in a row that a job's process may end without a word, none further than before, before the job is given up."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the supervisor saw of a job."""

    is_alive: bool
    """Whether its process lives."""
    was_alive: bool = True
    """Whether there was one: not where the service was killed before it had started it."""
    has_begun: bool = False
    """Whether the process has read the data and works."""
    has_moved: bool = False
    """Whether the process that ended had come any further."""
    ending: Ending | None = None
    """What the process said of its end; None where it said nothing."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What follows."""

    state: State
    crashes: int = 0
    """Times that its process has now ended without a word and without having come any further."""
    stops: bool = False
    """Whether the process is to be asked to stop."""


def next_step(state: State, wish: Wish, seen: Seen, crashes: int) -> Step:
    """Return what becomes of a job.

    Args:
        state: Where it stands.
        wish: What is wanted of it.
        seen: What was seen of its process.
        crashes: Times that its process ended without a word and without having come any further.
    """
    if state in ENDED:
        return Step(state=state, crashes=crashes)
    if state in WITH_PROCESS:
        if seen.is_alive:
            now = State.RUNNING if seen.has_begun else state
            return Step(state=now, crashes=crashes, stops=wish != Wish.RUN)
        return _after(wish, seen, crashes)
    return Step(state=_resting(wish), crashes=crashes)


def _after(wish: Wish, seen: Seen, crashes: int) -> Step:
    """Return what becomes of a job whose process has ended."""
    if seen.ending == Ending.DONE:  # it was done before the wish reached it
        return Step(state=State.SUCCEEDED)
    if seen.ending in (Ending.REFUSED, Ending.BROKEN):
        return Step(state=State.CANCELLED if wish == Wish.CANCEL else State.FAILED)
    if seen.ending == Ending.STOPPED or not seen.was_alive:
        return Step(state=_resting(wish), crashes=crashes)
    crashes = 1 if seen.has_moved else crashes + 1
    given_up = wish == Wish.RUN and crashes >= MOST_CRASHES
    return Step(state=State.FAILED if given_up else _resting(wish), crashes=crashes)


def _resting(wish: Wish) -> State:
    """Return where a job without a process stands."""
    return {Wish.RUN: State.QUEUED, Wish.PAUSE: State.PAUSED, Wish.CANCEL: State.CANCELLED}[wish]
