from __future__ import annotations

import datetime
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import datasets
import pyarrow
import pyarrow.parquet
import pytest

from autolora.data.reading import read_table, read_tables
from autolora.data_request import DataRequest
from autolora.errors import DataError

pytestmark = pytest.mark.unit

Write = Callable[[str, str | bytes], str]

ROWS = {"text": ["good", "bad"], "label": ["pos", "neg"]}


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The library's cache in the test's folder, and no way out of the machine."""

    def refuse(*_: object) -> None:
        raise AssertionError("a test went to the network")

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield
    datasets.enable_progress_bars()


def source(path: Path) -> DataRequest:
    return DataRequest(path=str(path), text="text", label="label")


def parquet(path: Path, columns: dict[str, object]) -> DataRequest:
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return source(path)


def test_parquet_scalars_are_spelt_out(tmp_path: Path) -> None:
    table = read_table(
        parquet(
            tmp_path / "a.parquet",
            {
                "id": [1, 2, 3],
                "text": pyarrow.array([b"caf\xc3\xa9", b"NA", None]),
                "label": pyarrow.array([1.0, float("nan"), None]),
            },
        )
    )

    assert table.texts == ("café", "NA", "")
    assert table.labels == ("1.0", "", "")
    assert (table.name, table.columns, table.row_numbers) == ("a.parquet", ("id", "text", "label"), (1, 2, 3))


@pytest.mark.parametrize(
    ("cells", "spelt"),
    [
        ([1, 2], ("1", "2")),
        ([True, False], ("True", "False")),
        ([datetime.date(2024, 1, 2), None], ("2024-01-02", "")),
        (pyarrow.array(["x", "y"]).dictionary_encode(), ("x", "y")),
    ],
    ids=["whole numbers", "booleans", "dates", "categories"],
)
def test_parquet_labels_of_any_type_become_text(tmp_path: Path, cells: object, spelt: tuple[str, ...]) -> None:
    assert read_table(parquet(tmp_path / "a.parquet", {"text": ["a", "b"], "label": cells})).labels == spelt


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": ["a"], "lable": ["x"]}, "a.parquet: there is no column 'label'; there are 'text', 'lable'"),
        ({"text": [["a"]], "label": ["x"]}, "a.parquet, row 1, column 'text' holds a list"),
        ({"text": [b"\xff"], "label": ["x"]}, "a.parquet, row 1, column 'text' is not UTF-8: byte 0"),
    ],
)
def test_a_parquet_file_that_is_no_table_of_texts_is_refused(
    tmp_path: Path, columns: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        read_table(parquet(tmp_path / "a.parquet", columns))

    assert message in caught.value.message


@pytest.mark.parametrize(("content", "message"), [(b"", "a.parquet is empty"), (b"text,label", "as Parquet")])
def test_a_file_that_is_no_parquet_is_refused(write: Write, content: bytes, message: str) -> None:
    path = write("a.parquet", content)

    with pytest.raises(DataError) as caught:
        read_table(source(Path(path)))

    assert message in caught.value.message


def test_a_saved_dataset_is_read_by_its_folder_name(tmp_path: Path) -> None:
    datasets.Dataset.from_dict(ROWS).save_to_disk(tmp_path / "reviews")

    tables = read_tables(source(tmp_path / "reviews"))

    assert (tables.main.name, tables.main.texts, tables.main.labels) == ("reviews", ("good", "bad"), ("pos", "neg"))
    assert (tables.main.findings, tables.test) == ((), None)


def test_the_test_part_of_a_saved_dataset_is_honoured_and_unused_parts_are_noted(tmp_path: Path) -> None:
    train, other = datasets.Dataset.from_dict(ROWS), datasets.Dataset.from_dict({"text": ["ok"], "label": ["pos"]})
    datasets.DatasetDict(train=train, validation=other, test=other).save_to_disk(tmp_path / "reviews")

    main, test = read_tables(source(tmp_path / "reviews"))

    assert main.texts == ("good", "bad")
    assert test is not None
    assert (test.name, test.texts) == ("reviews (test)", ("ok",))
    assert [finding.message for finding in main.findings] == ["The part 'validation' of reviews (1 row) is not used."]


def test_a_given_test_file_replaces_the_test_part(tmp_path: Path, write: Write) -> None:
    part = datasets.Dataset.from_dict(ROWS)
    datasets.DatasetDict(train=part, test=part).save_to_disk(tmp_path / "reviews")
    given = write("later.csv", "text,label\nok,pos\n")

    main, test = read_tables(DataRequest(path=str(tmp_path / "reviews"), text="text", label="label", test=given))

    assert test is not None
    assert (test.name, test.texts) == ("later.csv", ("ok",))
    assert [finding.code for finding in main.findings] == ["unused_part"]


def test_a_saved_folder_can_be_the_test_file(tmp_path: Path, write: Write) -> None:
    part, held = datasets.Dataset.from_dict(ROWS), datasets.Dataset.from_dict({"text": ["ok"], "label": ["pos"]})
    datasets.DatasetDict(train=part, test=held).save_to_disk(tmp_path / "held")
    main = write("a.csv", "text,label\ngood,pos\n")

    test = read_tables(DataRequest(path=main, text="text", label="label", test=str(tmp_path / "held"))).test

    assert test is not None
    assert (test.name, test.texts) == ("held", ("ok",))


def test_class_numbers_become_names_and_a_test_part_without_labels_is_not_used(tmp_path: Path) -> None:
    features = datasets.Features(text=datasets.Value("string"), label=datasets.ClassLabel(names=["neg", "pos"]))
    train = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    test = datasets.Dataset.from_dict({"text": ["c", "d"], "label": [-1, -1]}, features=features)
    datasets.DatasetDict(train=train, test=test).save_to_disk(tmp_path / "reviews")

    tables = read_tables(source(tmp_path / "reviews"))

    assert tables.main.labels == ("pos", "neg")
    assert tables.test is None
    assert [finding.message for finding in tables.main.findings] == ["The part 'test' of reviews (2 rows) is not used."]


def test_a_lone_part_is_used_whatever_its_name(tmp_path: Path) -> None:
    datasets.DatasetDict(test=datasets.Dataset.from_dict(ROWS)).save_to_disk(tmp_path / "reviews")

    tables = read_tables(source(tmp_path / "reviews"))

    assert (tables.main.texts, tables.test) == (("good", "bad"), None)


def test_parts_without_a_train_part_are_refused(tmp_path: Path) -> None:
    part = datasets.Dataset.from_dict(ROWS)
    datasets.DatasetDict(first=part, second=part).save_to_disk(tmp_path / "reviews")

    with pytest.raises(DataError, match="reviews has no part 'train'; its parts are 'first', 'second'"):
        read_table(source(tmp_path / "reviews"))


def test_a_folder_that_is_no_saved_dataset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(DataError, match="folder is a folder, but not a dataset saved with"):
        read_table(source(tmp_path / "folder"))


def test_a_damaged_saved_dataset_is_refused(tmp_path: Path) -> None:
    datasets.Dataset.from_dict(ROWS).save_to_disk(tmp_path / "reviews")
    (tmp_path / "reviews" / "state.json").write_text("{")

    with pytest.raises(DataError, match="reviews cannot be read as a saved dataset"):
        read_table(source(tmp_path / "reviews"))


@pytest.mark.usefixtures("offline")
def test_a_hub_dataset_is_read_with_its_test_part(tmp_path: Path) -> None:
    (tmp_path / "hub_data").mkdir()
    (tmp_path / "hub_data" / "train.csv").write_text("text,label\ngood,pos\nbad,neg\n")
    (tmp_path / "hub_data" / "test.csv").write_text("text,label\nok,pos\n")

    main, test = read_tables(DataRequest(hub=str(tmp_path / "hub_data"), text="text", label="label"))

    assert (main.name, main.texts, main.labels) == ("hub_data", ("good", "bad"), ("pos", "neg"))
    assert test is not None
    assert (test.name, test.texts) == ("hub_data (test)", ("ok",))


@pytest.mark.usefixtures("offline")
def test_a_hub_dataset_that_cannot_be_loaded_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hub_data").mkdir()

    with pytest.raises(DataError, match="cannot be loaded") as caught:
        read_table(DataRequest(hub=str(tmp_path / "hub_data"), text="text", label="label"))

    assert "save_to_disk" in caught.value.hint


def test_columns_of_slices_are_read_from_the_part_that_is_tested_on(tmp_path: Path) -> None:
    held = {**ROWS, "opened": [datetime.date(2026, 3, 31), datetime.date(2026, 4, 1)]}
    parts = {"train": datasets.Dataset.from_dict(ROWS), "test": datasets.Dataset.from_dict(held)}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "saved"))
    wanted = DataRequest(path=str(tmp_path / "saved"), text="text", label="label", slices=("opened",))

    main, test = read_tables(wanted)

    assert test is not None
    assert (dict(main.slices), {column: list(cells) for column, cells in test.slices.items()}) == (
        {},
        {"opened": ["2026-03-31", "2026-04-01"]},
    )
