from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from autolora.data import prepare, record
from autolora.data_request import DataRequest
from autolora.errors import DataError, RequestError
from autolora.records import DataRecord, Dataset, Finding, from_json, to_json

pytestmark = pytest.mark.unit

Write = Callable[[str, str | bytes], str]


def csv_rows(rows: list[tuple[str, str]]) -> str:
    return "text,label\n" + "".join(f"{text},{label}\n" for text, label in rows)


def text_of(label: str, place: int) -> str:
    """Return a text that has nothing odd: its label is not in it, and not only digits tell it from others."""
    return f"{label[::-1]} text {''.join(chr(ord('a') + int(digit)) for digit in str(place))}"


def some_rows(counts: dict[str, int]) -> list[tuple[str, str]]:
    return [(text_of(label, place), label) for label, count in counts.items() for place in range(count)]


def source(path: str, test: str | None = None, rows: int | None = None) -> DataRequest:
    return DataRequest(path=path, text="text", label="label", test=test, rows=rows)


def row_ids(dataset: Dataset) -> list[str]:
    return [*dataset.train.row_ids, *dataset.validation.row_ids, *dataset.test.row_ids]


def test_a_file_becomes_three_stratified_splits(write: Write) -> None:
    dataset = prepare(source(write("a.csv", csv_rows(some_rows({"pos": 100, "neg": 50})))), seed=0)

    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [96, 24, 30]
    assert Counter(dataset.train.labels) == {1: 64, 0: 32}
    assert dataset.classes == ("neg", "pos")
    assert (dataset.source, dataset.text_column, dataset.label_column) == ("a.csv", "text", "label")
    assert (dataset.rows_in_source, dataset.findings) == (150, ())


def test_row_ids_lead_back_to_the_rows_of_the_file(write: Write) -> None:
    rows = some_rows({"pos": 10, "neg": 10})
    dataset = prepare(source(write("a.csv", csv_rows(rows))), seed=3)

    assert sorted(row_ids(dataset), key=int) == [str(number) for number in range(1, 21)]
    for split in (dataset.train, dataset.validation, dataset.test):
        for text, label, row_id in zip(split.texts, split.labels, split.row_ids, strict=True):
            assert (text, dataset.classes[label]) == rows[int(row_id) - 1]


def test_copies_of_a_text_stay_together(write: Write) -> None:
    rows = some_rows({"pos": 10, "neg": 10})
    dataset = prepare(source(write("a.csv", csv_rows([*rows, *[(f" {text}", label) for text, label in rows]]))), seed=0)

    sides = [set(map(str.strip, split.texts)) for split in (dataset.train, dataset.validation, dataset.test)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 20
    assert len(row_ids(dataset)) == 40
    assert [finding.code for finding in dataset.findings] == ["duplicate_rows"]


def test_the_same_seed_gives_the_same_dataset_in_another_process(write: Write) -> None:
    path = write("a.csv", csv_rows(some_rows({"pos": 30, "neg": 20})))
    program = (
        "import json\nfrom dataclasses import asdict\nfrom autolora.data import prepare\n"
        "from autolora.data_request import DataRequest\n"
        f"print(json.dumps(asdict(prepare(DataRequest(path={path!r}, text='text', label='label', rows=40), seed=5))))"
    )

    other = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert other.stdout.strip() == json.dumps(asdict(prepare(source(path, rows=40), seed=5)))


def test_another_seed_splits_otherwise_and_keeps_the_hash(write: Write) -> None:
    path = write("a.csv", csv_rows(some_rows({"pos": 30, "neg": 20})))

    one, other = prepare(source(path), seed=1), prepare(source(path), seed=2)

    assert one.train.row_ids != other.train.row_ids
    assert one.hash == other.hash


def test_a_given_test_file_is_the_test_split_as_it_is(write: Write) -> None:
    main = write("main.csv", csv_rows(some_rows({"pos": 10, "neg": 10})))
    given = write("test.csv", csv_rows([("new", "neg"), (text_of("pos", 3), "pos"), ("new", "neg")]))

    dataset = prepare(source(main, given), seed=0)

    assert (dataset.test.texts, dataset.test.labels) == (("new", text_of("pos", 3), "new"), (0, 1, 0))
    assert dataset.test.row_ids == ("test:1", "test:2", "test:3")
    assert (len(dataset.train), len(dataset.validation)) == (16, 4)
    assert dataset.rows_in_source == 23
    (finding,) = dataset.findings
    assert (finding.code, finding.rows) == ("test_overlap", (2,))


def test_two_texts_a_class_are_enough_beside_a_given_test_file(write: Write) -> None:
    main = write("main.csv", csv_rows(some_rows({"pos": 2, "neg": 2})))
    given = write("test.csv", csv_rows([("new", "neg"), ("newer", "pos")]))

    dataset = prepare(source(main, given), seed=0)

    assert (sorted(dataset.train.labels), sorted(dataset.validation.labels)) == ([0, 1], [0, 1])
    assert prepare(source(main, given, rows=4), seed=0) == dataset
    with pytest.raises(DataError, match="at least 3 are needed"):
        prepare(source(main), seed=0)


def test_labels_that_only_the_test_file_has_are_refused(write: Write) -> None:
    main = write("main.csv", csv_rows(some_rows({"pos": 10, "neg": 10})))
    given = write("test.csv", csv_rows([("new", "neutral")]))

    with pytest.raises(DataError, match="labels that the training rows lack: 'neutral'"):
        prepare(source(main, given), seed=0)


def test_a_sample_is_stratified_and_leaves_the_test_file_alone(write: Write) -> None:
    main = write("main.csv", csv_rows(some_rows({"pos": 80, "neg": 20})))
    given = write("test.csv", csv_rows([(f"new {place}", "pos") for place in range(30)]))

    dataset = prepare(source(main, given, rows=50), seed=0)

    assert Counter(dataset.train.labels + dataset.validation.labels) == {1: 40, 0: 10}
    assert (len(dataset.test), dataset.rows_in_source) == (30, 130)
    assert "50 of the 100 rows of main.csv are used" in dataset.findings[-1].message


def test_a_sample_keeps_rare_classes_in_every_split(write: Write) -> None:
    path = write("a.csv", csv_rows(some_rows({"common": 500, "rare": 4})))

    dataset = prepare(source(path, rows=20), seed=0)

    assert len(row_ids(dataset)) == 20
    assert all(set(split.labels) == {0, 1} for split in (dataset.train, dataset.validation, dataset.test))


def test_a_file_of_numbered_rows_is_sampled_under_its_own_numbers(write: Write) -> None:
    path = write("a.csv", csv_rows(some_rows({"pos": 30, "neg": 30})))

    whole, part = prepare(source(path), seed=0), prepare(source(path, rows=12), seed=0)

    assert len(set(row_ids(part))) == 12
    assert set(row_ids(part)) < set(row_ids(whole))
    assert part.hash != whole.hash


def test_more_rows_than_there_are_means_all(write: Write) -> None:
    path = write("a.csv", csv_rows(some_rows({"pos": 10, "neg": 10})))

    assert prepare(source(path, rows=1000), seed=0) == prepare(source(path), seed=0)


@pytest.mark.parametrize("rows", [5, 1])
def test_too_few_rows_for_the_classes_are_refused(write: Write, rows: int) -> None:
    path = write("a.csv", csv_rows(some_rows({"pos": 10, "neg": 10})))

    with pytest.raises(DataError) as caught:
        prepare(source(path, rows=rows), seed=0)

    assert caught.value.message == (
        f"rows must be at least 3 for each of the 2 classes of a.csv, which makes 6, but got {rows}"
    )


def test_a_header_without_rows_is_refused(write: Write) -> None:
    with pytest.raises(DataError, match=r"a\.csv has no rows"):
        prepare(source(write("a.csv", "text,label\n")), seed=0)


@pytest.mark.parametrize("shares", [(0.5, 0.2, 0.2), (1.0, 0.0, 0.0), (0.6, 0.6, -0.2), (0.5, 0.5)])
def test_shares_must_be_shares_of_a_whole(shares: tuple[float, float, float]) -> None:
    with pytest.raises(RequestError, match="must be positive and sum to 1"):
        prepare(source("a.csv"), seed=0, shares=shares)


def test_the_hash_tells_texts_labels_and_test_files_apart(write: Write) -> None:
    rows = some_rows({"pos": 5, "neg": 5})
    held = write("held.csv", csv_rows([("new", "pos")]))
    variants = [
        prepare(source(write("a.csv", csv_rows(rows))), seed=0),
        prepare(source(write("b.csv", csv_rows([("other", "pos"), *rows[1:]]))), seed=0),
        prepare(source(write("c.csv", csv_rows([*rows[1:], rows[0]]))), seed=0),
        prepare(source(write("a.csv", csv_rows(rows)), held), seed=0),
    ]

    assert len({dataset.hash for dataset in variants}) == len(variants)
    assert all(dataset.hash.startswith("sha256:") for dataset in variants)


def test_the_hash_does_not_depend_on_the_format(write: Write) -> None:
    rows = some_rows({"pos": 5, "neg": 5})
    lines = "".join(f'{{"label": "{label}", "text": "{text}"}}\n' for text, label in rows)

    one, other = write("a.csv", csv_rows(rows)), write("a.jsonl", lines)

    assert prepare(source(one), seed=0).hash == prepare(source(other), seed=0).hash


def test_the_record_keeps_everything_but_the_texts(write: Write) -> None:
    rows = [*some_rows({"pos": 10, "neg": 10}), (text_of("pos", 0), "pos")]
    dataset = prepare(source(write("a.csv", csv_rows(rows))), seed=4)
    cut = Finding(code="truncated", severity="warning", message="Many texts are cut.")

    kept = record(dataset, seed=4, max_length=64, token_lengths=[1, 2], truncated_share=0.5, extra_findings=[cut])

    splits = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    assert kept.split_row_ids == {name: split.row_ids for name, split in splits.items()}
    assert kept.class_counts == {name: (split.labels.count(0), split.labels.count(1)) for name, split in splits.items()}
    assert [finding.code for finding in kept.findings] == ["duplicate_rows", "truncated"]
    assert (kept.rows, kept.rows_in_source, kept.seed, kept.max_length) == (21, 21, 4, 64)
    assert (kept.token_lengths, kept.truncated_share, kept.unknown_token_share) == ((1, 2), 0.5, 0.0)
    assert from_json(to_json(kept), DataRecord) == kept
    assert "sop text" not in to_json(kept)


def sliced_rows(count: int = 40) -> str:
    rows = [*some_rows({"pos": count // 2, "neg": count // 2})]
    lines = (
        f"{text},{label},{'Osaka' if at % 3 else ''},2026-0{1 + at % 2}-03" for at, (text, label) in enumerate(rows)
    )
    return "text,label,branch,opened\n" + "\n".join(lines) + "\n"


def test_the_columns_of_slices_travel_to_the_test_split_and_to_no_other(write: Write) -> None:
    path = write("a.csv", sliced_rows())
    plain, wanted = source(path), DataRequest(path=path, text="text", label="label", slices=("branch", "opened"))

    dataset = prepare(wanted, seed=0)

    cells = [line.split(",") for line in sliced_rows().splitlines()]
    own = [cells[int(row_id)] for row_id in dataset.test.row_ids]
    assert dataset.test.slices == {
        "branch": tuple(row[2] for row in own),
        "opened": tuple(row[3][:7] for row in own),
    }
    assert dataset.train.slices == dataset.validation.slices == {}
    assert dataset.hash == prepare(plain, seed=0).hash
    assert dataset.test.take([3, 1]).slices["opened"] == tuple(own[row][3][:7] for row in (3, 1))
    assert [finding.code for finding in dataset.findings] == ["slices", "slices"]


def test_beside_a_test_file_only_that_needs_the_columns_of_slices(write: Write) -> None:
    main = write("a.csv", csv_rows([(f"earlier {text}", label) for text, label in some_rows({"pos": 10, "neg": 10})]))
    held = write("held.csv", sliced_rows(12))

    dataset = prepare(DataRequest(path=main, text="text", label="label", test=held, slices=("branch",)), seed=0)

    assert dataset.test.slices == {"branch": tuple("Osaka" if at % 3 else "" for at in range(12))}


def test_a_column_of_slices_that_is_not_there_is_one_error_with_the_nearest(write: Write) -> None:
    wanted = DataRequest(path=write("a.csv", sliced_rows()), text="text", label="label", slices=("branches",))

    with pytest.raises(DataError, match="there is no column 'branches'; there are 'text'") as caught:
        prepare(wanted, seed=0)

    assert caught.value.hint == "did you mean 'branch'?"


def test_importing_the_room_loads_no_heavy_library() -> None:
    program = (
        "import sys, autolora.data;"
        "print(*{'torch', 'ray', 'optuna', 'transformers', 'datasets', 'pyarrow', 'sklearn'} & set(sys.modules))"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )

    assert loaded.stdout.strip() == ""


def test_reading_takes_less_memory_than_the_texts(write: Write) -> None:
    filler, rows = "lorem ipsum dolor " * 200, 4_000
    path = write("a.csv", "text,label\n" + "".join(f"{filler}{row},{'ab'[row % 2]}\n" for row in range(rows)))

    prepare(source(write("b.csv", csv_rows(some_rows({"pos": 4, "neg": 4})))), seed=0)  # what it imports is no news

    tracemalloc.start()
    try:
        dataset = prepare(source(path), seed=0)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    texts = sum(len(text) for part in (dataset.train, dataset.validation, dataset.test) for text in part.texts)
    assert texts > rows * len(filler)
    # A batch of texts on its way to the disk and back is in memory, whatever the table's size.
    assert most < texts, most
