"""From what a user names to a checked, split dataset, and to the record of it. Knows no tokens and no model."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autolora.data import labels
from autolora.data.checking import check_table, check_test_table
from autolora.data.findings import find_in_splits, find_in_table, find_in_test_table
from autolora.data.reading import Tables, read_tables
from autolora.data.slicing import sliced
from autolora.data.splitting import sample_rows, split_rows
from autolora.data.splitting_by import moments, split_by_key, split_by_time, tied
from autolora.data.table import Table, Wanted, taken
from autolora.data_request import DataRequest
from autolora.errors import DataError, RequestError
from autolora.records import QUANTILES, DataRecord, Dataset, Finding, ProblemType, Split

ROWS_PER_CLASS = 3
"""The least that ``rows`` may leave of every class: one row for each split."""
_SIDES = 2
"""Training and validation rows, which are drawn anew for every seed of confirming."""


def prepare(source: DataRequest, *, seed: int, shares: tuple[float, float, float] = (0.64, 0.16, 0.20)) -> Dataset:
    """Read, check, sample and split a dataset; the same rows and seed give the same splits everywhere.

    Rows with the same text (but for case, spacing and character width) go to one split. A given test file, or the test
    part of a dataset in parts, is the test split as it is; train and validation then share the rest in the proportion
    of their shares.

    Args:
        source: Where the rows come from, and how many of its main file to use, stratified; None or more than there are
            means all.
        seed: Of the sample and the splits.
        shares: Sizes of train, validation and test, in distinct texts.

    Returns:
        The dataset. Its hash covers the rows used; its ``rows_in_source`` counts all rows read, those of a given test
        file included.

    Raises:
        RequestError: If the shares are no shares of a whole.
        DataError: If the data cannot be read or learned from.
    """
    _check_shares(shares)
    wanted = Wanted.of(source)
    read = read_tables(source)
    problem = labels.problem_of(source, read.main)
    tables = Tables(*(None if table is None else labels.spelt(table, problem, source) for table in read))  # type: ignore[arg-type]
    drawn = _drawn_shares(shares, given_test=tables.test is not None)
    check_table(tables.main, wanted, problem, least=len(drawn))
    classes = labels.classes_of(tables.main, problem)
    if tables.test is not None:
        check_test_table(tables.test, wanted, problem, tables.main)
    used = _sampled(tables.main, source.rows, problem, seed=seed, least=len(drawn))
    parts, told = _drawn(used, source, problem, shares=drawn, seed=seed)
    strata, ties = labels.strata(used, problem, least=_SIDES), _ties(used, source)
    splits = [
        replace(
            _split(used.take(indices), problem, classes),
            strata=tuple(strata[row] for row in indices),
            ties=tuple(ties[row] for row in indices) if ties else (),
        )
        for indices in parts
    ]
    if tables.test is not None:
        splits.append(_split(tables.test, problem, classes, prefix="test:"))
    train, validation, test = splits
    told_apart, slices = sliced(
        tables.test.slices
        if tables.test is not None
        else {column: taken(cells, parts[-1]) for column, cells in used.slices.items()}
    )
    test = replace(test, slices=told_apart)
    center, scale = _scale(train, problem)
    return Dataset(
        source=tables.main.name,
        hash=_content_hash(used, tables.test),
        text_column=source.inputs,
        label_column=source.targets,
        problem=problem,
        classes=classes,
        center=center,
        scale=scale,
        answers=labels.closed_answers(used) if problem == "generation" else (),
        chat=source.messages is not None,
        template=source.template,
        train=train,
        validation=validation,
        test=test,
        findings=(
            *_findings(tables, used, wanted, problem),
            *told,
            *find_in_splits(train, test, problem, classes),
            *slices,
        ),
        rows_in_source=len(tables.main) + (len(tables.test) if tables.test is not None else 0),
    )


def record(
    dataset: Dataset,
    *,
    seed: int,
    max_length: int,
    token_lengths: Sequence[int] = (),
    truncated_share: float = 0.0,
    unknown_token_share: float = 0.0,
    extra_findings: Sequence[Finding] = (),
) -> DataRecord:
    """Return what ``data.json`` keeps of a dataset: everything but the texts.

    Args:
        dataset: As prepared.
        seed: That it was prepared with.
        max_length: Tokens a text is cut to.
        token_lengths: Quantiles of training texts' lengths in tokens, before the cut.
        truncated_share: Share of training texts that are cut.
        unknown_token_share: Share of training tokens that the tokenizer does not know.
        extra_findings: What encoding found, after what reading and checking found.
    """
    splits = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    return DataRecord(
        source=dataset.source,
        hash=dataset.hash,
        text_column=dataset.text_column,
        label_column=dataset.label_column,
        classes=dataset.classes,
        class_counts={name: _class_counts(split, len(dataset.classes)) for name, split in splits.items()},
        problem=dataset.problem,
        center=dataset.center,
        scale=dataset.scale,
        number_quantiles={name: _quantiles(split.labels) for name, split in splits.items()}
        if dataset.problem == "regression"
        else {},
        split_row_ids={name: split.row_ids for name, split in splits.items()},
        rows_in_source=dataset.rows_in_source,
        rows=sum(len(split) for split in splits.values()),
        findings=(*dataset.findings, *extra_findings),
        seed=seed,
        max_length=max_length,
        character_lengths=tuple(int(length) for length in _quantiles([len(text) for text in dataset.train.texts])),
        token_lengths=tuple(token_lengths),
        truncated_share=truncated_share,
        unknown_token_share=unknown_token_share,
    )


def _check_shares(shares: tuple[float, float, float]) -> None:
    """Check that every split gets something and nothing is left over."""
    if len(shares) != 3 or not all(share > 0 for share in shares) or not math.isclose(sum(shares), 1.0):
        raise RequestError(
            f"shares of train, validation and test must be positive and sum to 1, but got {shares}",
            "for example 0.64, 0.16 and 0.20",
        )


def _drawn_shares(shares: tuple[float, float, float], *, given_test: bool) -> tuple[float, ...]:
    """Return the shares of the splits that are drawn from the main file."""
    if not given_test:
        return shares
    train, validation, _ = shares
    return train / (train + validation), validation / (train + validation)


def _sampled(table: Table, rows: int | None, problem: ProblemType, *, seed: int, least: int) -> Table:
    """Return the rows to use, in file order.

    Raises:
        DataError: If ``rows`` cannot cover every class.
    """
    if rows is None or rows >= len(table):
        return table
    drawn = labels.strata(table, problem, least=ROWS_PER_CLASS)
    parts = len(set(drawn))
    if rows < ROWS_PER_CLASS * parts:
        kind = "ranges of numbers" if problem == "regression" else "classes"
        raise DataError(
            f"rows must be at least {ROWS_PER_CLASS} for each of the {parts:,} {kind} of {table.name}, which makes"
            f" {ROWS_PER_CLASS * parts:,}, but got {rows:,}",
            "use more rows, or leave the number out to use all",
        )
    return table.take(sample_rows(table.texts, drawn, table.groups, rows=rows, seed=seed, least=least))


def _drawn(
    table: Table, source: DataRequest, problem: ProblemType, *, shares: tuple[float, ...], seed: int
) -> tuple[tuple[tuple[int, ...], ...], tuple[Finding, ...]]:
    """Return the row indices of each split, drawn by chance, by key or by time, and a note where not by chance."""
    if source.split_by is not None:
        parts = split_by_key(table.by, labels.memberships(table, problem), table.groups, shares=shares, seed=seed)
        counts = ", ".join(f"{len({table.by[row] for row in part}):,}" for part in parts)
        message = f"Rows with the same {source.split_by!r} are on one side; the splits have {counts} different ones."
    elif source.split_by_time is not None:
        times = moments(table.by, table.row_numbers, where=f"{table.name}, column {source.split_by_time!r}")
        parts = split_by_time(times, [labels.names(label, problem) for label in table.labels], shares=shares)
        starts = [table.by[min(part, key=times.__getitem__)].strip() for part in parts[1:]]
        names = ("validation", "test")[: len(starts)]
        begins = " and ".join(f"{name} at {start}" for name, start in zip(names, starts, strict=True))
        message = f"Splits follow each other in time ({source.split_by_time!r}): {begins}."
    else:
        drawn = labels.strata(table, problem, least=len(shares))
        return split_rows(table.texts, drawn, table.groups, shares=shares, seed=seed), ()
    return parts, (Finding(code="split", severity="note", message=message),)


def _ties(table: Table, source: DataRequest) -> tuple[int, ...]:
    """Return for each row the number of those that it stays with; nothing where splits follow each other in time."""
    if source.split_by_time is not None:
        return ()
    bundles = tied(table.by, table.groups) if source.split_by is not None else table.groups
    found = [0] * len(table)
    for number, rows in enumerate(bundles):
        for row in rows:
            found[row] = number
    return tuple(found)


def _split(table: Table, problem: ProblemType, classes: tuple[str, ...], *, prefix: str = "") -> Split:
    """Return a table's rows with indices or numbers in place of labels."""
    return Split(
        texts=table.texts,
        labels=labels.encoded(table.labels, problem, classes),
        row_ids=tuple(f"{prefix}{number}" for number in table.row_numbers),
    )


def _findings(tables: Tables, used: Table, wanted: Wanted, problem: ProblemType) -> tuple[Finding, ...]:
    """Return every finding: of reading, of the whole main file, of the test file, of sampling."""
    main, test = tables
    findings = [*main.findings, *find_in_table(main, wanted, problem)]
    if test is not None:
        findings += [*test.findings, *find_in_test_table(main, test, problem)]
    if len(used) < len(main):
        message = (
            f"{len(used):,} of the {len(main):,} rows of {main.name} are used, drawn to keep the shares of the labels."
        )
        findings.append(Finding(code="sampled", severity="note", message=message))
    return tuple(findings)


def _content_hash(used: Table, test: Table | None) -> str:
    """Return the hash of texts, labels and what splits are drawn by, in file order, as lines of JSON."""
    digest = hashlib.sha256()
    for table in (used, test):
        if table is None:
            continue
        for text, label in zip(table.texts, table.labels, strict=True):
            digest.update(json.dumps([text, label]).encode() + b"\n")
        for cell in table.by:
            digest.update(json.dumps(cell).encode() + b"\n")
        digest.update(b"\n")
    return f"sha256:{digest.hexdigest()}"


def _class_counts(split: Split, classes: int) -> tuple[int, ...]:
    """Return how many rows have each class."""
    counts = [0] * classes
    for label in split.labels if classes else ():
        for index in label if isinstance(label, tuple) else (int(label),):
            counts[index] += 1
    return tuple(counts)


def _scale(train: Split, problem: ProblemType) -> tuple[float, float]:
    """Return mean and standard deviation of the numbers to learn, (0, 1) where there are none or all are equal."""
    if problem != "regression":
        return 0.0, 1.0
    numbers = np.asarray(train.labels, dtype=np.float64)
    return float(numbers.mean()), float(numbers.std()) or 1.0


def _quantiles(numbers: Sequence[Any]) -> tuple[float, ...]:
    """Return quantiles (0, 5, 25, 50, 75, 95, 100 %) of numbers."""
    return tuple(float(q) for q in np.quantile(np.asarray(numbers, dtype=np.float64), list(QUANTILES.values())))
