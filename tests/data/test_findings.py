from __future__ import annotations

import itertools
import string

import pytest

from autolora.data.findings import find_in_table, find_in_test_table
from autolora.records import Finding
from tests.data.tables import WANTED, table

pytestmark = pytest.mark.unit


def rows_of(label: str, count: int) -> list[tuple[str, str]]:
    """Return rows of a label whose texts have nothing odd."""
    words = itertools.product(string.ascii_lowercase, repeat=2)
    return [(f"{label[::-1]}q {''.join(word)}", label) for word in itertools.islice(words, count)]


def found(*rows: tuple[str, str]) -> dict[str, Finding]:
    return {finding.code: finding for finding in find_in_table(table(*rows), WANTED, "single_label")}


def test_clean_rows_have_no_findings() -> None:
    main, test = table(*rows_of("x", 20), *rows_of("y", 1)), table(("new", "x"), ("newer", "y"))

    assert find_in_table(main, WANTED, "single_label") == ()
    assert find_in_test_table(main, test, "single_label") == ()


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
    seen = (main.texts[1].upper(), "x"), (f" {main.texts[5]}", "x")
    test = table(("new", "x"), *seen, ("newer", "y"), name="test.csv")

    (finding,) = find_in_test_table(main, test, "single_label")

    assert (finding.code, finding.severity, finding.rows) == ("test_overlap", "warning", (2, 3))
    assert finding.message.startswith("test.csv has 2 rows (50.0%) whose text is in main.csv too")


def test_a_test_file_without_some_classes_is_noted() -> None:
    (finding,) = find_in_test_table(
        table(*rows_of("x", 3), *rows_of("y", 3)), table(("new", "x"), name="test.csv"), "single_label"
    )

    assert (finding.severity, finding.message) == ("note", "test.csv has no rows of 'y'.")


@pytest.mark.parametrize(
    "other", ["Order 7,100 came late!", "order  99 came late", "ORDER #7: came late?"], ids=["digits", "case", "marks"]
)
def test_texts_of_one_template_are_noted(other: str) -> None:
    finding = found(("order 12 came late", "x"), ("order came early", "y"), (other, "x"))["near_duplicates"]

    assert (finding.severity, finding.rows) == ("note", (3,))
    assert "1 row whose text differs from an earlier one by digits and punctuation alone (row 3)" in finding.message


def test_texts_without_words_and_equal_texts_are_no_near_duplicates() -> None:
    assert "near_duplicates" not in found(("12", "x"), ("34", "y"), ("!!", "x"), ("One word", "x"), ("one  word", "x"))


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        ([("team: Delivery, late", "delivery"), ("Team: MONEY", "money"), ("repairs", "repair")], "67%"),
        ([("担当：配送 遅い", "配送"), ("担当：経理", "経理"), ("修理の件", "修理")], "100%"),
        ([("a b", "a"), ("b c", "b"), ("c d", "c")], ""),
        ([("delivery is late", "delivery"), ("give me back what I paid", "money"), ("it broke", "repair")], ""),
    ],
    ids=["words", "Japanese", "single letters say nothing", "now and then"],
)
def test_a_label_that_stands_in_the_text_is_a_warning(rows: list[tuple[str, str]], share: str) -> None:
    findings = found(*rows)

    assert ("label_in_text" in findings) == bool(share)
    if share:
        assert findings["label_in_text"].severity == "warning"
        assert findings["label_in_text"].message.startswith(f"In {share} of the rows of a.csv the text holds")


@pytest.mark.parametrize(("text", "noted"), [("a\x07b", True), ("a\x9db", True), ("a\tb\r\nc", False)])
def test_control_characters_are_noted(text: str, noted: bool) -> None:
    assert ("control_characters" in found((text, "x"), ("fine", "y"))) == noted


def test_every_finding_says_what_to_do() -> None:
    rows = [
        ("same", "x"),
        ("same", "x"),
        ("same", "Y"),
        ("caf\ufffd", "y"),
        ("a\x07", "y"),
        ("word 1", "x"),
        ("word 2", "x"),
    ]
    findings = found(*rows, *rows_of("large", 200))

    assert set(findings) >= {"duplicate_rows", "conflicting_labels", "similar_labels", "imbalance", "near_duplicates"}
    assert all(finding.hint for finding in findings.values())
