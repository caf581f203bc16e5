from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.data.groups import clear_groups_by_class, same_text_groups
from autolora.data.splitting import apportion, sample_rows, split_rows
from autolora.values import folded

pytestmark = pytest.mark.unit

SHARES = (0.64, 0.16, 0.20)


def groups_of(texts: list[str]) -> list[list[int]]:
    return same_text_groups([folded(text) for text in texts])


@st.composite
def labelled_texts(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Rows in any order, at least three texts of its own for every class, with copies and conflicts among them."""
    sizes = draw(st.lists(st.integers(3, 25), min_size=2, max_size=5))
    rows = [(f"text {place} of {label}", f"class {label}") for label, size in enumerate(sizes) for place in range(size)]
    classes = [f"class {label}" for label in range(len(sizes))]
    extra_texts = st.sampled_from(["shared", "shared too"])
    rows += draw(st.lists(st.tuples(extra_texts, st.sampled_from(classes)), max_size=6))
    rows += [(f" {text} ", label) for text, label in draw(st.lists(st.sampled_from(rows), max_size=10))]
    shuffled = draw(st.permutations(rows))
    return [text for text, _ in shuffled], [label for _, label in shuffled]


@given(labelled_texts(), st.integers(0, 2**64))
def test_splits_are_a_partition_and_no_text_is_on_two_sides(data: tuple[list[str], list[str]], seed: int) -> None:
    texts, labels = data

    parts = split_rows(texts, labels, groups_of(texts), shares=SHARES, seed=seed)

    assert sorted(index for part in parts for index in part) == list(range(len(texts)))
    sides = [{texts[index].strip() for index in part} for part in parts]
    assert all(one.isdisjoint(other) for one, other in combinations(sides, 2))


@given(labelled_texts(), st.integers(0, 2**64))
def test_every_class_is_in_every_split(data: tuple[list[str], list[str]], seed: int) -> None:
    texts, labels = data

    for part in split_rows(texts, labels, groups_of(texts), shares=SHARES, seed=seed):
        assert {labels[index] for index in part} == set(labels)


@given(labelled_texts(), st.integers(0, 2**64))
def test_each_split_has_its_share_of_the_texts_to_one_text_a_class(
    data: tuple[list[str], list[str]], seed: int
) -> None:
    texts, labels = data
    distinct = len(groups_of(texts))

    for part, share in zip(split_rows(texts, labels, groups_of(texts), shares=SHARES, seed=seed), SHARES, strict=True):
        assert abs(len({texts[index].strip() for index in part}) - share * distinct) <= len(set(labels))


@given(labelled_texts(), st.integers(0, 2**64), st.randoms(use_true_random=False))
def test_the_same_seed_splits_the_same_texts_whatever_their_order(
    data: tuple[list[str], list[str]], seed: int, random: object
) -> None:
    texts, labels = data
    order = sorted(range(len(texts)), key=lambda _: random.random())  # type: ignore[attr-defined]

    parts = split_rows(texts, labels, groups_of(texts), shares=SHARES, seed=seed)
    moved_texts, moved_labels = [texts[i] for i in order], [labels[i] for i in order]
    moved = split_rows(moved_texts, moved_labels, groups_of(moved_texts), shares=SHARES, seed=seed)

    assert [{texts[i].strip() for i in part} for part in parts] == [
        {texts[order[i]].strip() for i in part} for part in moved
    ]


@given(labelled_texts(), st.integers(0, 2**64), st.data())
def test_a_sample_has_the_rows_asked_for_and_can_be_split(
    data: tuple[list[str], list[str]], seed: int, choice: st.DataObject
) -> None:
    texts, labels = data
    rows = choice.draw(st.integers(3 * len(set(labels)), len(texts)))

    chosen = sample_rows(texts, labels, groups_of(texts), rows=rows, seed=seed, least=3)

    assert len(chosen) == rows
    assert all(before < after for before, after in pairwise(chosen))
    kept_texts, kept_labels = [texts[index] for index in chosen], [labels[index] for index in chosen]
    clear = clear_groups_by_class(same_text_groups(kept_texts), kept_labels)
    assert set(clear) == set(labels)
    assert min(len(groups) for groups in clear.values()) >= 3


def test_a_sample_keeps_the_shares_of_the_classes() -> None:
    texts, labels = [f"text {place}" for place in range(1000)], ["a"] * 700 + ["b"] * 300

    chosen = sample_rows(texts, labels, groups_of(texts), rows=100, seed=0, least=3)

    assert Counter(labels[index] for index in chosen) == {"a": 70, "b": 30}


def test_another_seed_gives_another_split_and_another_sample() -> None:
    texts, labels = [f"text {place}" for place in range(100)], ["a", "b"] * 50

    assert split_rows(texts, labels, groups_of(texts), shares=SHARES, seed=0) != split_rows(
        texts, labels, groups_of(texts), shares=SHARES, seed=1
    )
    assert sample_rows(texts, labels, groups_of(texts), rows=50, seed=0, least=3) != sample_rows(
        texts, labels, groups_of(texts), rows=50, seed=1, least=3
    )


def test_the_split_of_a_seed_never_changes() -> None:
    texts, labels = [f"text {place}" for place in range(12)], ["a", "b"] * 6

    assert split_rows(texts, labels, groups_of(texts), shares=SHARES, seed=0) == (
        (0, 1, 2, 3, 5, 6, 8, 11),
        (9, 10),
        (4, 7),
    )
    assert sample_rows(texts, labels, groups_of(texts), rows=7, seed=0, least=3) == (0, 2, 3, 6, 7, 8, 9)


@pytest.mark.parametrize(
    ("total", "weights", "least", "numbers"),
    [
        (100, SHARES, 1, [64, 16, 20]),
        (3, SHARES, 1, [1, 1, 1]),
        (4, SHARES, 1, [2, 1, 1]),
        (10, SHARES, 1, [6, 2, 2]),
        (2, (0.8, 0.2), 1, [1, 1]),
        (10, (90, 5, 5), 3, [4, 3, 3]),
        (9, (90, 5, 5), 3, [3, 3, 3]),
        (3, (1, 1), 0, [2, 1]),
    ],
)
def test_whole_numbers_follow_their_weights(
    total: int, weights: tuple[float, ...], least: int, numbers: list[int]
) -> None:
    assert apportion(total, weights, least=least) == numbers


@given(st.lists(st.integers(3, 1000), min_size=1, max_size=30), st.data())
def test_no_class_is_asked_for_more_rows_than_it_has(counts: list[int], choice: st.DataObject) -> None:
    total = choice.draw(st.integers(3 * len(counts), sum(counts)))

    numbers = apportion(total, counts, least=3)

    assert sum(numbers) == total
    assert all(3 <= number <= count for number, count in zip(numbers, counts, strict=True))
