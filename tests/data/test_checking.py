from __future__ import annotations

import pytest

from autolora.data.checking import check_table, check_test_table, find_in_table, find_in_test_table
from autolora.data.table import Table, Wanted
from autolora.errors import DataError
from autolora.records import Finding

pytestmark = pytest.mark.unit

WANTED = Wanted("text", "label")


def table(*rows: tuple[str, str], name: str = "a.csv") -> Table:
    return Table(
        name=name,
        texts=tuple(text for text, _ in rows),
        labels=tuple(label for _, label in rows),
        row_numbers=tuple(range(1, len(rows) + 1)),
        columns=("text", "label"),
    )


def rows_of(label: str, count: int) -> list[tuple[str, str]]:
    return [(f"{label} {place}", label) for place in range(count)]


def found(*rows: tuple[str, str]) -> dict[str, Finding]:
    return {finding.code: finding for finding in find_in_table(table(*rows), WANTED)}


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
        check_table(table(*rows), WANTED, least=3)

    assert message in caught.value.message
    assert hint in caught.value.hint


def test_half_of_the_labels_may_differ_and_three_texts_a_class_are_enough() -> None:
    check_table(table(*rows_of("x", 3), *rows_of("y", 3)), WANTED, least=3)
    check_table(table(*rows_of("x", 2), *rows_of("y", 2)), WANTED, least=2)


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
        ([("a", "sideways")], "labels that the training rows lack: 'sideways' (row 1)", "add training rows"),
    ],
)
def test_a_test_file_that_cannot_be_scored_is_refused(rows: list[tuple[str, str]], message: str, hint: str) -> None:
    with pytest.raises(DataError) as caught:
        check_test_table(table(*rows, name="test.csv"), WANTED, ("neg", "pos"))

    assert message in caught.value.message
    assert hint in caught.value.hint


def test_clean_rows_have_no_findings() -> None:
    main, test = table(*rows_of("x", 20), *rows_of("y", 1)), table(("new", "x"), ("newer", "y"))

    assert find_in_table(main, WANTED) == ()
    assert find_in_test_table(main, test) == ()


def test_duplicates_are_noted_with_the_rows_that_repeat() -> None:
    finding = found(("a", "x"), ("b", "y"), (" a ", "x"), ("a", "x"))["duplicate_rows"]

    assert (finding.severity, finding.rows) == ("note", (3, 4))
    assert "in 2 rows (rows 3, 4)" in finding.message


def test_conflicting_labels_are_a_warning_with_every_row_that_takes_part() -> None:
    findings = found(("a", "x"), ("b", "y"), ("a", "y"), ("b", "y"))

    assert (findings["conflicting_labels"].severity, findings["conflicting_labels"].rows) == ("warning", (1, 3))
    assert "gives 1 text different labels" in findings["conflicting_labels"].message
    assert findings["duplicate_rows"].rows == (4,)


def test_a_finding_keeps_ten_rows_and_its_message_the_full_count() -> None:
    finding = found(*[("a", "x")] * 31)["duplicate_rows"]

    assert finding.rows == tuple(range(2, 12))
    assert "in 30 rows" in finding.message


@pytest.mark.parametrize(("few", "warned"), [(4, True), (5, False)])
def test_a_class_under_a_twentieth_of_the_largest_is_a_warning(few: int, warned: bool) -> None:
    findings = found(*rows_of("large", 100), *rows_of("small", few))

    assert ("imbalance" in findings) == warned
    if warned:
        assert findings["imbalance"].message == "Class 'small' has 4 rows, 4.0% of the 100 rows of 'large'."


@pytest.mark.parametrize("other", ["NEG", "neg ", "ｎｅｇ"], ids=["case", "space", "width"])
def test_labels_that_look_like_one_class_are_a_warning_that_names_them(other: str) -> None:
    finding = found(*rows_of("neg", 3), *rows_of(other, 3), *rows_of("pos", 3))["similar_labels"]

    assert finding.severity == "warning"
    assert repr(other) in finding.message
    assert "'neg'" in finding.message
    assert "'pos'" not in finding.message


def test_characters_lost_before_are_a_warning() -> None:
    finding = found(("fine", "x"), ("caf\ufffd", "y"))["replacement_characters"]

    assert (finding.severity, finding.rows) == ("warning", (2,))


def test_test_rows_that_were_seen_in_training_are_a_warning_with_count_and_rows() -> None:
    main = table(*rows_of("x", 3), *rows_of("y", 3), name="main.csv")
    test = table(("new", "x"), ("x 1", "x"), (" y 2", "x"), ("newer", "y"), name="test.csv")

    (finding,) = find_in_test_table(main, test)

    assert (finding.code, finding.severity, finding.rows) == ("test_overlap", "warning", (2, 3))
    assert finding.message.startswith("test.csv has 2 rows (50.0%) whose text is in main.csv too")


def test_a_test_file_without_some_classes_is_noted() -> None:
    (finding,) = find_in_test_table(table(*rows_of("x", 3), *rows_of("y", 3)), table(("new", "x"), name="test.csv"))

    assert (finding.severity, finding.message) == ("note", "test.csv has no rows of 'y'.")
