from __future__ import annotations

import pytest

from autolora.data.checking import check_table, check_test_table
from autolora.errors import DataError
from tests.data.tables import WANTED, table

pytestmark = pytest.mark.unit


def rows_of(label: str, count: int) -> list[tuple[str, str]]:
    return [(f"{label} {place}", label) for place in range(count)]


@pytest.mark.parametrize(
    ("rows", "message", "hint"),
    [
        ([], "a.csv has no rows", "below the header"),
        (rows_of("x", 6), "column 'label' holds only one class, 'x'; at least 2 are needed", "another label column"),
        (
            [*rows_of("x", 3), ("a", ""), ("b", " \t"), *rows_of("y", 3)],
            "a.csv: column 'label' is blank in 2 rows (rows 4, 5)",
            "fill or remove",
        ),
        ([*rows_of("x", 3), ("\n", "y")], "a.csv: column 'text' is blank in 1 row (row 4)", "fill or remove"),
        (
            [("same", "x")] * 7 + [("", "y")] * 7,
            "column 'text' is blank in 7 rows (rows 8, 9, 10, 11, 12, ...)",
            "fill or remove",
        ),
        (
            [(f"text {place}", f"id {place // 2}" if place < 4 else f"id {place}") for place in range(10)],
            "a.csv: column 'label' has 8 different labels in 10 rows, so it looks like an identifier",
            "holds the classes",
        ),
        (
            [*rows_of("x", 9), *rows_of("y", 2)],
            "class 'y' has 2 rows with 2 distinct texts that no other class has, but at least 3 are needed to split it",
            "merge it with another class, remove it",
        ),
        (
            [*rows_of("x", 9), ("y 0", "y"), ("y 0 ", "y"), ("y 1", "y"), ("x 0", "y")],
            "class 'y' has 4 rows with 2 distinct texts that no other class has",
            "merge",
        ),
        (
            [*rows_of("x", 9), *rows_of("y", 2), *rows_of("z", 1)],
            "class 'z' has 1 row with 1 distinct text that no other class has,"
            " but at least 3 are needed to split it; 1 other class is too small as well",
            "merge",
        ),
    ],
)
def test_rows_that_cannot_be_learned_from_are_refused(rows: list[tuple[str, str]], message: str, hint: str) -> None:
    with pytest.raises(DataError) as caught:
        check_table(table(*rows), WANTED, "single_label", least=3)

    assert message in caught.value.message
    assert hint in caught.value.hint


def test_half_of_the_labels_may_differ_and_three_texts_a_class_are_enough() -> None:
    check_table(table(*rows_of("x", 3), *rows_of("y", 3)), WANTED, "single_label", least=3)
    check_table(table(*rows_of("x", 2), *rows_of("y", 2)), WANTED, "single_label", least=2)


@pytest.mark.parametrize(
    ("rows", "message", "hint"),
    [
        ([], "test.csv has no rows", "below the header"),
        ([("a", "neg"), ("b", "")], "test.csv: column 'label' is blank in 1 row (row 2)", "fill or remove"),
        (
            [("a", "neg"), ("b", "POS"), ("c", "other"), ("d", "POS")],
            "test.csv: column 'label' has labels that the training rows lack: 'POS', 'other' (rows 2, 3, 4)",
            "did you mean 'pos'?",
        ),
        (
            [("Seen", "neg"), (" seen  too ", "pos")],
            "every text of test.csv, given to test on, is in a.csv too",
            "leave the test file out",
        ),
        ([("a", "sideways")], "labels that the training rows lack: 'sideways' (row 1)", "add training rows"),
    ],
)
def test_a_test_file_that_cannot_be_scored_is_refused(rows: list[tuple[str, str]], message: str, hint: str) -> None:
    with pytest.raises(DataError) as caught:
        check_test_table(
            table(*rows, name="test.csv"), WANTED, "single_label", table(("seen", "neg"), ("seen too", "pos"))
        )

    assert message in caught.value.message
    assert hint in caught.value.hint
