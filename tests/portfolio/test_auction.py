from __future__ import annotations

import math

import pytest

from autolora.portfolio.auction import ENOUGH_PROMISE, TURN_TRIALS, Auction, Lot

pytestmark = pytest.mark.unit


class Bidder:
    """What a board says of itself."""

    def __init__(self, *, ended=10, promise=0.1, seconds=1.0, trials=24) -> None:
        self.trials, self._ended, self._promise, self._seconds = trials, ended, promise, seconds
        self.asked = 0

    def ended(self):
        return self._ended

    def promise(self):
        self.asked += 1
        return self._promise

    def seconds_a_trial(self):
        return self._seconds


def auction(**bidders) -> Auction:
    return Auction({name: Lot(board=bidder, floor=6) for name, bidder in bidders.items()})


def test_every_task_first_has_its_floor_one_after_the_other() -> None:
    it = auction(a=Bidder(ended=5), b=None, c=None)

    assert it.turns(["a", "b", "c"])[0] == "a"
    it.lots["a"].board._ended = 6
    assert it.turns(["a", "b", "c"]) == ["b", "a"], "while none of b has ended, a may take what is free; c waits"


def test_a_task_of_fewer_trials_than_the_floor_has_all_of_them_and_no_more() -> None:
    assert not Lot(board=Bidder(ended=2, trials=2), floor=6).is_open
    assert Lot(board=Bidder(ended=1, trials=2), floor=6).is_open


def test_then_the_turn_goes_to_the_largest_gain_in_a_second() -> None:
    it = auction(
        slow=Bidder(promise=0.2, seconds=10.0), quick=Bidder(promise=0.1, seconds=1.0), small=Bidder(promise=0.01)
    )

    assert it.turns(["slow", "quick", "small"]) == ["quick", "slow", "small"]


def test_a_weight_moves_the_turn() -> None:
    it = auction(plain=Bidder(promise=0.1), dear=Bidder(promise=0.05))
    it.lots["dear"].weight = 3.0

    assert it.turns(["plain", "dear"])[0] == "dear"


def test_a_task_keeps_the_turn_for_some_trials_and_the_others_are_told_why_it_moves() -> None:
    told = []
    it = auction(a=Bidder(promise=0.2), b=Bidder(promise=0.1))
    it.on_turn = lambda task, bids: told.append((task, bids))

    turns = [it.turns(["a", "b"])[0]]
    it.lots["a"].board._promise = 0.01
    it.lots["a"].changed()
    turns += [it.turns(["a", "b"])[0] for _ in range(TURN_TRIALS)]

    assert turns == ["a"] * TURN_TRIALS + ["b"]
    assert told == [("a", {"a": 0.2, "b": 0.1}), ("b", {"a": 0.01, "b": 0.1})]


def test_a_task_that_promises_next_to_nothing_is_done_but_not_before_its_floor() -> None:
    low = ENOUGH_PROMISE / 2

    assert Lot(board=Bidder(promise=low)).is_done()
    assert not Lot(board=Bidder(promise=low, ended=3)).is_done()
    assert not Lot(board=Bidder(promise=2 * ENOUGH_PROMISE)).is_done()
    assert not Lot(board=Bidder(promise=math.inf)).is_done()
    assert not Lot().is_done()


def test_a_promise_is_worked_out_anew_only_when_something_was_heard() -> None:
    lot = Lot(board=Bidder())
    for _ in range(5):
        lot.promise()
    assert lot.board.asked == 1
    lot.changed()
    lot.promise()
    assert lot.board.asked == 2
