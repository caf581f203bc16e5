from __future__ import annotations

import json
from collections import Counter

import pyarrow
import pyarrow.parquet
import pytest

from autolora.data import prepare, record
from autolora.data.labels import strata
from autolora.data_request import DataRequest
from autolora.errors import DataError
from tests.data.tables import table

pytestmark = pytest.mark.unit

TAGS = ("late", "late;dear", "dear", "", "broken;late", "broken")


def source(path, **more) -> DataRequest:
    return DataRequest(path=str(path), text="text", label="label", **more)


def csv_of(tmp_path, labels, *, name="a.csv"):
    path = tmp_path / name
    rows = "".join(f'message number {at} {"abcdefgh"[at % 8] * 3},"{label}"\n' for at, label in enumerate(labels))
    path.write_text(f"text,label\n{rows}")
    return path


def named(dataset, split):
    return [tuple(dataset.classes[index] for index in label) for label in getattr(dataset, split).labels]


# ------------------------------------------------------------------------------------------------ several classes a row


def test_a_separator_makes_several_classes_of_a_cell(tmp_path) -> None:
    dataset = prepare(source(csv_of(tmp_path, TAGS * 20), label_separator=";"), seed=0)

    assert dataset.problem == "multi_label"
    assert dataset.classes == ("broken", "dear", "late")
    found = Counter(label for split in ("train", "validation", "test") for label in named(dataset, split))
    assert found == {
        ("late",): 20, ("dear", "late"): 20, ("dear",): 20, (): 20, ("broken", "late"): 20, ("broken",): 20,
    }  # fmt: skip
    assert record(dataset, seed=0, max_length=9).class_counts["train"] == tuple(
        pytest.approx(0.64 * rows, abs=2) for rows in (40, 40, 60)
    )


def test_blanks_repeats_and_empty_names_in_a_cell_are_no_labels(tmp_path) -> None:
    labels = [" late ; dear ", "late;late", ";dear;", " ; "] * 6

    dataset = prepare(source(csv_of(tmp_path, labels), label_separator=";"), seed=0)

    assert dataset.classes == ("dear", "late")
    assert set(named(dataset, "train")) == {("dear", "late"), ("late",), ("dear",), ()}


def test_lists_are_several_classes_without_being_told(tmp_path) -> None:
    rows = [{"text": f"row {at}", "label": TAGS[at % 6].split(";") if TAGS[at % 6] else []} for at in range(60)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")

    lines, columns = (prepare(source(tmp_path / name), seed=0) for name in ("a.jsonl", "a.parquet"))

    assert lines.problem == columns.problem == "multi_label"
    assert lines.classes == ("broken", "dear", "late")
    assert lines.hash == columns.hash
    assert lines.train.labels == columns.train.labels


def test_every_class_is_in_every_split_in_about_its_share(tmp_path) -> None:
    labels = [
        ";".join(name for name, every in (("a", 2), ("b", 3), ("rare", 40)) if at % every == 0) for at in range(400)
    ]

    dataset = prepare(source(csv_of(tmp_path, labels), label_separator=";"), seed=3)

    counts = record(dataset, seed=3, max_length=9).class_counts
    assert counts["train"][2] in (6, 7)
    assert counts["validation"][2] >= 1
    for split, share in (("train", 0.64), ("validation", 0.16), ("test", 0.2)):
        assert counts[split][0] == pytest.approx(200 * share, rel=0.15)
        assert counts[split][1] == pytest.approx(134 * share, rel=0.15)


def test_strata_too_small_to_be_split_are_put_together() -> None:
    rows = [(f"text {at}", label) for at, label in enumerate(["x"] * 10 + ["y"] * 2 + ["z"] * 2)]

    drawn = strata(table(*rows), "multi_label", least=3)

    assert Counter(drawn) == {"x": 10, "y, z": 4}


def test_a_sample_keeps_the_shares_of_the_classes(tmp_path) -> None:
    dataset = prepare(source(csv_of(tmp_path, TAGS * 50), label_separator=";", rows=60), seed=0)

    assert sum(len(s) for s in (dataset.train, dataset.validation, dataset.test)) == 60
    counts = record(dataset, seed=0, max_length=9).class_counts
    assert [sum(column) for column in zip(*counts.values(), strict=True)] == [
        pytest.approx(share, abs=4) for share in (20, 20, 30)
    ]


def test_customers_and_times_split_several_classes_too(tmp_path) -> None:
    path = tmp_path / "a.csv"
    rows = "".join(f"text {at},{TAGS[at % 6]},c{at // 6},{at}\n" for at in range(180))
    path.write_text(f"text,label,customer,day\n{rows}")

    by_customer = prepare(source(path, label_separator=";", split_by="customer"), seed=0)
    by_day = prepare(source(path, label_separator=";", split_by_time="day"), seed=0)

    sides = [{int(row) // 6 for row in (int(i) - 1 for i in s.row_ids)} for s in (by_customer.train, by_customer.test)]
    assert sides[0].isdisjoint(sides[1])
    assert max(int(row) for row in by_day.train.row_ids) < min(int(row) for row in by_day.test.row_ids)


def test_a_test_file_has_labels_of_the_same_kind(tmp_path) -> None:
    main = csv_of(tmp_path, TAGS * 20)
    (tmp_path / "test.csv").write_text("text,label\nnew one,dear;late\nnew two,\n")

    dataset = prepare(source(main, label_separator=";", test=str(tmp_path / "test.csv")), seed=0)

    assert named(dataset, "test") == [("dear", "late"), ()]


def test_a_column_where_every_row_has_one_class_is_told(tmp_path) -> None:
    dataset = prepare(source(csv_of(tmp_path, ["a", "b"] * 20), label_separator=";"), seed=0)

    (finding,) = [f for f in dataset.findings if f.code == "one_class_each"]
    assert "label_separator" in finding.hint


@pytest.mark.parametrize(
    ("labels", "more", "rule", "way_out"),
    [
        (["a;b", "a"] * 9, {"problem": "multi_label"}, "column 'label': a row's classes must be a", "label_separator"),
        ([""] * 9, {"label_separator": ";"}, "no row has a label in column 'label'", "name another"),
        (["a", "a;a"] * 9, {"label_separator": ";"}, "holds only one class, 'a'", "another class"),
        (["a;b"] * 9 + ["a;c"] * 2, {"label_separator": ";"}, "class 'c' is in 2 rows with 2 distinct texts", "merge"),
        ([f"a;{at}" for at in range(9)], {"label_separator": ";"}, "looks like an identifier", "classes"),
    ],
    ids=["no separator", "nothing", "one class", "rare", "identifier"],
)  # fmt: skip
def test_several_classes_that_cannot_be_learned_are_refused(tmp_path, labels, more, rule, way_out) -> None:
    with pytest.raises(DataError) as caught:
        prepare(source(csv_of(tmp_path, labels), **more), seed=0)

    assert rule in caught.value.message
    assert way_out in caught.value.hint


def test_lists_where_one_class_is_wanted_are_refused(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a", "label": ["x"]}\n{"text": "b", "label": "y"}\n' * 9)

    with pytest.raises(DataError, match=r"a\.jsonl: column 'label' holds lists of labels \(rows 1, 3"):
        prepare(source(tmp_path / "a.jsonl", problem="single_label"), seed=0)
    with pytest.raises(DataError, match=r"a\.jsonl, row 2, column 'label': a row's classes must be a list"):
        prepare(source(tmp_path / "a.jsonl"), seed=0)


def test_a_list_of_anything_but_labels_is_refused(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a", "label": ["x", {"y": 1}]}\n')

    with pytest.raises(DataError, match=r"a\.jsonl, line 1, key 'label' holds a list with \{'y': '1'\} in it"):
        prepare(source(tmp_path / "a.jsonl"), seed=0)


# -------------------------------------------------------------------------------------------------------------- numbers


def test_numbers_are_kept_with_their_scale(tmp_path) -> None:
    dataset = prepare(source(csv_of(tmp_path, [f"{at}.50" for at in range(100)]), problem="regression"), seed=0)

    numbers = [*dataset.train.labels, *dataset.validation.labels, *dataset.test.labels]
    assert sorted(numbers) == [at + 0.5 for at in range(100)]
    assert dataset.classes == ()
    assert dataset.center == pytest.approx(sum(dataset.train.labels) / len(dataset.train))
    assert 25 < dataset.scale < 33
    kept = record(dataset, seed=0, max_length=9)
    assert kept.class_counts == {"train": (), "validation": (), "test": ()}
    assert kept.number_quantiles["train"][0] < kept.number_quantiles["train"][3] < kept.number_quantiles["train"][6]


def test_every_split_has_small_and_large_numbers(tmp_path) -> None:
    dataset = prepare(source(csv_of(tmp_path, [str(at * at) for at in range(200)]), problem="regression"), seed=1)

    for split in (dataset.train, dataset.validation, dataset.test):
        assert sum(label < 10_000 for label in split.labels) == pytest.approx(len(split) / 2, abs=3)


def test_numbers_of_one_text_that_differ_are_told(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(f"same,{at}\nrow {at},{at}\n" for at in range(9)))

    codes = {f.code for f in prepare(source(tmp_path / "a.csv", problem="regression"), seed=0).findings}

    assert "conflicting_labels" in codes
    assert not codes & {"imbalance", "similar_labels", "label_in_text"}


@pytest.mark.parametrize(
    ("cell", "way_out"),
    [
        ("high", "correct or remove"), ("1,5", "a point before decimals"), ("1.234,50", "a point before decimals"),
        ("nan", "correct or remove"), ("inf", "correct or remove"), ("1_000", "correct or remove"),
        ("1e999", "correct or remove"),
    ],
)  # fmt: skip
def test_a_cell_that_is_no_number_is_named(tmp_path, cell, way_out) -> None:
    with pytest.raises(DataError) as caught:
        prepare(source(csv_of(tmp_path, ["1", "2", cell, "4"] * 5), problem="regression"), seed=0)

    assert caught.value.message == f"a.csv, row 3, column 'label': a label must be a finite number, but it is {cell!r}"
    assert way_out in caught.value.hint


def test_numbers_that_are_all_equal_or_missing_are_refused(tmp_path) -> None:
    with pytest.raises(DataError, match=r"only one number, 3\.0; at least 2 are needed"):
        prepare(source(csv_of(tmp_path, ["3", "3.0"] * 9), problem="regression"), seed=0)
    with pytest.raises(DataError, match=r"column 'label' is blank in 9 rows"):
        prepare(source(csv_of(tmp_path, ["3", ""] * 9), problem="regression"), seed=0)


def test_a_column_of_numbers_taken_for_classes_is_answered_with_the_way_out(tmp_path) -> None:
    with pytest.raises(DataError) as caught:
        prepare(source(csv_of(tmp_path, [f"{at}.5" for at in range(30)])), seed=0)

    assert "problem regression" in caught.value.hint
