"""Reads tables with types: Parquet files, folders of saved datasets, hub datasets. Knows neither classes nor splits.

Typed cells become text with ``str()``; a missing value is blank. Hub files are typed by the datasets library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from autolora.data.table import Cells, Table, Wanted, column_place, conversation_cell, list_cell
from autolora.errors import DataError

_ROWS_AT_ONCE = 1_000


def read_parquet(path: Path, wanted: Wanted) -> Table:
    """Return the table in a Parquet file.

    Raises:
        DataError: If the file is damaged, lacks a wanted column, or holds lists or structs there (but for lists of
            labels).
    """
    import pyarrow
    import pyarrow.parquet

    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty", "give a file with rows of text and label", code="empty")
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            columns = tuple(file.schema_arrow.names)
            for name in wanted.names:
                column_place(columns, name, path.name)
            batches = file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=list(wanted.names))
            return _table(path.name, columns, (batch.to_pydict() for batch in batches), wanted)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise DataError(
            f"{path.name} cannot be read as Parquet: {error}", "write the file again", code="damaged"
        ) from error


def saved_parts(folder: Path) -> Mapping[str, Any]:
    """Return the parts of a folder that ``datasets`` saved; one without a name is called ``"rows"``.

    Raises:
        DataError: If the folder is no saved dataset, or is damaged.
    """
    if not any((folder / mark).is_file() for mark in ("dataset_dict.json", "state.json")):
        raise DataError(
            f"{folder.name} is a folder, but not a dataset saved with datasets.save_to_disk",
            "give one of its files, or save the dataset into a folder first",
        )
    import datasets

    try:
        return _as_parts(datasets.load_from_disk(str(folder)))
    except Exception as error:  # a damaged folder fails in as many ways as it has files
        raise DataError(
            f"{folder.name} cannot be read as a saved dataset: {_first_line(error)}", "save the dataset again"
        ) from error


def hub_parts(hub: str) -> Mapping[str, Any]:
    """Return the parts of a hub dataset, from the local cache when the hub cannot be reached.

    Raises:
        DataError: If the dataset cannot be loaded.
    """
    import datasets

    datasets.disable_progress_bars()  # they would be drawn across ours
    try:
        return _as_parts(datasets.load_dataset(hub))
    except Exception as error:  # network, permissions, missing configurations, formats: each has its own class
        raise DataError(
            f"the hub dataset {hub!r} cannot be loaded: {_first_line(error)}",
            "check the id and the network, or save it with datasets.save_to_disk and give that folder",
        ) from error


def read_part(part: Any, name: str, wanted: Wanted) -> Table:
    """Return one ``datasets.Dataset`` as a table; class numbers become class names.

    Raises:
        DataError: If it lacks a wanted column, or holds lists or structs there (but for lists of
            labels).
    """
    columns = tuple(part.column_names)
    for column in wanted.names:
        column_place(columns, column, name)
    rows = part.select_columns(list(wanted.names))
    batches = (rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE))
    named = ({column: _named(cells, rows.features[column]) for column, cells in batch.items()} for batch in batches)
    return _table(name, columns, named, wanted)


def _as_parts(loaded: Any) -> Mapping[str, Any]:
    """Return a dataset dictionary as it is, and a single dataset as one part."""
    return loaded if isinstance(loaded, Mapping) else {"rows": loaded}


def _named(cells: Sequence[object], feature: Any) -> Sequence[object]:
    """Return cells with the names of a ClassLabel in place of its numbers."""
    import datasets

    if isinstance(feature, datasets.ClassLabel):
        # By convention -1 stands for a label that is not known.
        return [None if cell is None or cell == -1 else feature.int2str(cell) for cell in cells]
    return cells


def _table(
    name: str, columns: tuple[str, ...], batches: Iterable[Mapping[str, Sequence[object]]], wanted: Wanted
) -> Table:
    """Return typed cells as a table; they come some rows at a time, by column."""

    def text_of(cell: object, row: int, column: str) -> str:
        if column == wanted.label and isinstance(cell, list | tuple):
            if wanted.holds_conversations:
                return conversation_cell(cell)
            return list_cell(cell, f"{name}, row {row}, column {column!r}")
        return _cell_text(cell, name, row, column)

    found, row = Cells(wanted), 0
    for batch in batches:
        for cells in zip(*(batch[column] for column in wanted.names), strict=True):
            row += 1
            found.add(row, [text_of(cell, row, column) for cell, column in zip(cells, wanted.names, strict=True)])
    return found.table(name=name, columns=columns)


def _cell_text(cell: object, name: str, row: int, column: str) -> str:
    """Return a typed scalar as text; null and not-a-number are blank."""
    if isinstance(cell, str):
        return cell
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, bytes):
        try:
            return cell.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}, row {row}, column {column!r} is not UTF-8: byte {error.start} cannot be decoded",
                "write the column as UTF-8 text",
            ) from error
    if isinstance(cell, list | tuple | dict):
        raise DataError(
            f"{name}, row {row}, column {column!r} holds a {type(cell).__name__}, but a cell must be one text",
            "join or flatten it first",
            code="nested",
        )
    return str(cell)


def _first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its class when it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
