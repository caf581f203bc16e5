"""What becomes of a job, for every state, wish and sight of its process."""

from __future__ import annotations

import itertools

import pytest

from autolora.service.states import ENDED, MOST_CRASHES, WITH_PROCESS, Ending, Seen, State, Step, Wish, next_step

pytestmark = pytest.mark.unit

ALIVE, GONE = Seen(is_alive=True), Seen(is_alive=False)


def ended(ending: Ending) -> Seen:
    return Seen(is_alive=False, has_begun=True, ending=ending)


@pytest.mark.parametrize(("state", "wish"), list(itertools.product(sorted(ENDED), Wish)))
def test_what_has_ended_stays_so(state, wish) -> None:
    assert next_step(state, wish, GONE, 0) == Step(state=state)


@pytest.mark.parametrize("state", [State.QUEUED, State.PAUSED])
@pytest.mark.parametrize(
    ("wish", "then"), [(Wish.RUN, State.QUEUED), (Wish.PAUSE, State.PAUSED), (Wish.CANCEL, State.CANCELLED)]
)
def test_without_a_process_a_wish_is_done_at_once(state, wish, then) -> None:
    assert next_step(state, wish, GONE, 0).state == then


@pytest.mark.parametrize("state", sorted(WITH_PROCESS))
def test_a_living_process_is_asked_to_stop_if_it_is_not_to_run(state) -> None:
    assert not next_step(state, Wish.RUN, ALIVE, 0).stops
    assert next_step(state, Wish.PAUSE, ALIVE, 0) == Step(state=state, stops=True)
    assert next_step(state, Wish.CANCEL, ALIVE, 0) == Step(state=state, stops=True)


def test_a_job_runs_when_its_process_has_read_the_data() -> None:
    assert next_step(State.VALIDATING, Wish.RUN, ALIVE, 0).state == State.VALIDATING
    assert next_step(State.VALIDATING, Wish.RUN, Seen(is_alive=True, has_begun=True), 0).state == State.RUNNING


@pytest.mark.parametrize("wish", Wish)
def test_what_was_done_before_a_wish_was_heard_is_done(wish) -> None:
    assert next_step(State.RUNNING, wish, ended(Ending.DONE), 0).state == State.SUCCEEDED


@pytest.mark.parametrize("ending", [Ending.REFUSED, Ending.BROKEN])
def test_an_error_fails_the_job_unless_it_was_given_up(ending) -> None:
    assert next_step(State.RUNNING, Wish.RUN, ended(ending), 0).state == State.FAILED
    assert next_step(State.RUNNING, Wish.PAUSE, ended(ending), 0).state == State.FAILED
    assert next_step(State.RUNNING, Wish.CANCEL, ended(ending), 0).state == State.CANCELLED


@pytest.mark.parametrize(
    ("wish", "then"), [(Wish.RUN, State.QUEUED), (Wish.PAUSE, State.PAUSED), (Wish.CANCEL, State.CANCELLED)]
)
def test_a_process_that_stopped_when_asked_leaves_its_job_where_it_is_wanted(wish, then) -> None:
    assert next_step(State.RUNNING, wish, ended(Ending.STOPPED), 1) == Step(state=then, crashes=1)


def test_a_process_that_dies_without_a_word_is_started_again_a_few_times() -> None:
    crashes, states = 0, []
    for _ in range(MOST_CRASHES):
        step = next_step(State.RUNNING, Wish.RUN, GONE, crashes)
        crashes, states = step.crashes, [*states, step.state]

    assert states == [State.QUEUED] * (MOST_CRASHES - 1) + [State.FAILED]


def test_one_that_came_further_each_time_is_never_given_up() -> None:
    crashes = 0
    for _ in range(20):
        step = next_step(State.RUNNING, Wish.RUN, Seen(is_alive=False, has_moved=True), crashes)
        crashes = step.crashes
        assert step.state == State.QUEUED


def test_a_job_whose_process_was_never_started_has_not_crashed() -> None:
    seen = Seen(is_alive=False, was_alive=False)

    assert next_step(State.VALIDATING, Wish.RUN, seen, 0) == Step(state=State.QUEUED)
