from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.errors import RequestError
from autolora.portfolio.allocation import START_SECONDS, Need, allot, check_deadlines, in_order, waves

pytestmark = pytest.mark.unit


def need(name: str, least: float = 100.0, most: float = 1000.0, **options) -> Need:
    return Need(name=name, least=least, most=most, **options)


def test_what_is_left_goes_to_priority_times_what_a_task_can_still_use() -> None:
    given_ = allot(1210, [need("a"), need("b", priority=2.0), need("c", most=550)], begun=0, starts=1)

    left = 1210 - START_SECONDS - 300
    assert given_["a"] == pytest.approx(100 + left * 900 / (900 + 1800 + 450))
    assert given_["b"] == pytest.approx(100 + left * 1800 / (900 + 1800 + 450))
    assert sum(given_.values()) == pytest.approx(1210 - START_SECONDS)


def test_no_task_gets_more_than_it_can_use_and_the_others_get_the_rest() -> None:
    given_ = allot(2000, [need("small", most=150), need("large")], begun=90, starts=1)

    assert given_ == {"small": 150, "large": pytest.approx(1000)}


@given(
    st.lists(st.tuples(st.floats(1, 100), st.floats(0, 1000), st.floats(0.1, 10)), min_size=1, max_size=8),
    st.floats(0, 5000),
)
def test_every_task_has_its_least_and_nothing_is_given_twice(tasks, more) -> None:
    needs = [need(str(at), least, least + room, priority=p) for at, (least, room, p) in enumerate(tasks)]
    budget = START_SECONDS + sum(each.least for each in needs) + more

    given_ = allot(budget, needs, begun=0, starts=1)

    assert sum(given_.values()) <= budget - START_SECONDS + 1e-6
    for each in needs:
        assert each.least - 1e-9 <= given_[each.name] <= each.most + 1e-6
    if sum(each.most for each in needs) >= budget - START_SECONDS:
        assert sum(given_.values()) == pytest.approx(budget - START_SECONDS)


def test_a_budget_below_the_floor_is_refused_with_the_smallest_that_works() -> None:
    with pytest.raises(RequestError, match=r"2 tasks take at least 3\.7 min") as refusal:
        allot(120, [need("a"), need("b")], begun=10, starts=1)
    assert refusal.value.hint == "the smallest that works is 4m; or leave tasks out"

    assert allot(240, [need("a"), need("b")], begun=10, starts=1)


def test_a_deadline_that_cannot_be_kept_is_refused_with_one_that_can() -> None:
    needs = [need("later"), need("first", deadline=80.0)]

    with pytest.raises(RequestError, match="'first' is to be done within 80 s") as refusal:
        check_deadlines(needs, begun=20)
    assert "give it 2m or more" in refusal.value.hint
    check_deadlines([need("later"), need("first", deadline=120.0)], begun=20)


def test_tasks_are_worked_on_by_deadline_then_priority_then_as_they_were_named() -> None:
    needs = [need("a"), need("b", priority=2), need("c", deadline=900), need("d", deadline=60), need("e")]

    assert [each.name for each in in_order(needs)] == ["d", "c", "b", "a", "e"]


def test_a_wave_holds_no_more_than_it_may_and_deadlines_of_one_kind_only() -> None:
    needs = in_order([need("d", deadline=60), need("e", deadline=60), *(need(str(at)) for at in range(5))])

    assert [[each.name for each in wave] for wave in waves(needs, 3)] == [["d", "e"], ["0", "1", "2"], ["3", "4"]]
