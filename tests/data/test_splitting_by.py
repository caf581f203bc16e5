from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autolora.data import prepare
from autolora.data.groups import same_text_groups
from autolora.data.splitting_by import moments, split_by_key, split_by_time
from autolora.data_request import DataRequest
from autolora.errors import DataError, RequestError

pytestmark = pytest.mark.unit

SHARES = (0.64, 0.16, 0.20)


@st.composite
def messages(draw: st.DrawFn) -> tuple[list[str], list[str], list[str]]:
    """Keys, texts and labels: every class with several keys of its own, and texts that two keys share."""
    classes = draw(st.integers(2, 4))
    keys, texts, labels = [], [], []
    for label in range(classes):
        for customer in range(draw(st.integers(8, 15))):
            for message in range(draw(st.integers(1, 4))):
                keys.append(f"customer {label}.{customer}")
                texts.append(
                    draw(st.sampled_from(["hello", f"text {label}.{customer}.{message}"]))
                    if customer == 0
                    else f"text {label}.{customer}.{message}"
                )
                labels.append(f"class {label}")
    return keys, texts, labels


@given(messages(), st.integers(0, 2**32))
def test_no_key_and_no_text_is_on_two_sides_and_every_split_has_every_class(
    data: tuple[list[str], list[str], list[str]], seed: int
) -> None:
    keys, texts, labels = data

    parts = split_by_key(keys, [(label,) for label in labels], same_text_groups(texts), shares=SHARES, seed=seed)

    assert sorted(row for part in parts for row in part) == list(range(len(keys)))
    for column in (keys, texts):
        sides = [{column[row] for row in part} for part in parts]
        assert all(one.isdisjoint(other) for one, other in combinations(sides, 2))
    assert all({labels[row] for row in part} == set(labels) for part in parts)


def test_splits_by_key_come_near_to_their_shares() -> None:
    keys = [f"k{row // 5}" for row in range(1000)]
    texts = [f"text {row}" for row in range(1000)]
    labels = ["ab"[row // 5 % 2] for row in range(1000)]

    parts = split_by_key(keys, [(label,) for label in labels], same_text_groups(texts), shares=SHARES, seed=0)

    assert [len(part) for part in parts] == pytest.approx([640, 160, 200], abs=15)
    assert parts != split_by_key(keys, [(label,) for label in labels], same_text_groups(texts), shares=SHARES, seed=1)
    assert parts == split_by_key(keys, [(label,) for label in labels], same_text_groups(texts), shares=SHARES, seed=0)


def test_too_few_keys_of_a_class_are_refused() -> None:
    keys = [f"k{row}" for row in range(40)] + ["one", "one", "two"]
    labels = ["a"] * 40 + ["rare"] * 3

    with pytest.raises(DataError, match="class 'rare' is in the rows of 2 different keys only"):
        split_by_key(keys, [(label,) for label in labels], [[row] for row in range(43)], shares=SHARES, seed=0)


@given(st.lists(st.integers(0, 30), min_size=20, max_size=80).filter(lambda times: len(set(times)) >= 6))
@example([0] * 10 + [1] + [2] * 4 + [3] * 4 + [4, 5])
def test_later_splits_have_later_rows_and_no_time_is_on_two_sides(times: list[int]) -> None:
    train, validation, test = split_by_time(times, [("a",)] * len(times), shares=SHARES)

    assert sorted((*train, *validation, *test)) == list(range(len(times)))
    assert max(times[row] for row in train) < min(times[row] for row in validation)
    assert max(times[row] for row in validation) < min(times[row] for row in test)


def test_splits_by_time_come_near_to_their_shares() -> None:
    parts = split_by_time([float(row // 2) for row in range(1000)], [("a",)] * 1000, shares=SHARES)

    assert [len(part) for part in parts] == [640, 160, 200]


@pytest.mark.parametrize(
    ("times", "labels", "message"),
    [
        ([1, 1, 2, 2], "aabb", "only 2 different times, but 3 splits are needed"),
        ([1, 2, 3, 4, 5], "aaaab", "class 'b' comes up only after the time that is learned from"),
    ],
)
def test_times_that_cannot_be_split_by_are_refused(times: list[int], labels: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        split_by_time(times, [(label,) for label in labels], shares=SHARES)


@pytest.mark.parametrize(
    "cells",
    [
        ["2025-12-31", "2026-01-01", "2026-03-02"],
        ["2025/12/31", "2026/1/1", "2026/3/2 09:30"],
        ["2025年12月31日", "2026年1月1日", "2026年3月2日"],
        ["2025-12", "2026年1月", "2026/02"],
        ["2025-12-31T23:59:59+09:00", "2026-01-01T00:00:00+09:00", "2026-01-01T00:00:00Z"],
        ["9", "10", "10.5"],
    ],
    ids=["ISO", "slashes", "Japanese", "months", "zones", "numbers"],
)
def test_times_are_read_in_their_order(cells: list[str]) -> None:
    found = moments(cells, (1, 2, 3), where="a.csv, column 'day'")

    assert found == sorted(found)
    assert len(set(found)) == 3


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["2026-01-01", "3/4/2026"], "a.csv, column 'day', row 7: '3/4/2026' cannot be read as a time"),
        (["2026-01-01", "2026-02-30"], "row 7: '2026-02-30' cannot be read as a time"),
        (["2026-01-01", "nan"], "row 7: 'nan' cannot be read as a time"),
        (["1", "inf"], "row 4: '1' cannot be read as a time"),
        (["2026-01-01", "2026-01-01T00:00:00Z"], "some times have a time zone and some have none"),
    ],
)
def test_what_is_no_time_is_refused_with_its_row(cells: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        moments(cells, (4, 7), where="a.csv, column 'day'")


@pytest.fixture
def rows() -> str:
    lines = [
        f"2026-{row // 10 + 1:02},c{row // 3},words {chr(97 + row % 26)}{chr(97 + row // 26)},{'xy'[row % 2]}"
        for row in range(100)
    ]
    return "month,customer,text,label\n" + "\n".join(lines) + "\n"


def test_a_dataset_is_split_by_a_column_and_says_so(write, rows) -> None:
    path = write("a.csv", rows)
    plain, by_key, by_time = (
        prepare(DataRequest(path=path, text="text", label="label", **by), seed=0)
        for by in ({}, {"split_by": "customer"}, {"split_by_time": "month"})
    )

    customers = [{int(row) - 1 for row in split.row_ids} for split in (by_key.train, by_key.validation, by_key.test)]
    assert all({row // 3 for row in a}.isdisjoint({row // 3 for row in b}) for a, b in combinations(customers, 2))
    assert by_time.test.row_ids == tuple(str(row) for row in range(81, 101))
    assert [finding.message for finding in by_time.findings] == [
        "Splits follow each other in time ('month'): validation at 2026-07 and test at 2026-09."
    ]
    assert by_key.findings[0].message.startswith("Rows with the same 'customer' are on one side; the splits have ")
    assert len({plain.hash, by_key.hash, by_time.hash}) == 3, "what splits are drawn by is part of the data"
    assert Counter(by_time.train.labels) == {0: 30, 1: 30}


def test_the_column_is_checked_as_the_others_are(write, rows) -> None:
    path = write("a.csv", rows.replace("c7,", ",", 1))

    with pytest.raises(DataError, match="column 'customer' is blank in 1 row \\(row 22\\)"):
        prepare(DataRequest(path=path, text="text", label="label", split_by="customer"), seed=0)
    with pytest.raises(DataError, match="there is no column 'costumer'"):
        prepare(DataRequest(path=path, text="text", label="label", split_by="costumer"), seed=0)
    with pytest.raises(RequestError, match="at most one of split_by and split_by_time"):
        DataRequest(path=path, text="text", label="label", split_by="customer", split_by_time="month")
