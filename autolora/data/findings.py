"""What a person should know about a table that can be learned from, with what to do about it. Refuses nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from autolora.data import labels
from autolora.data.table import Table, Wanted, key_of
from autolora.data.words import counted, listing, rows_phrase
from autolora.records import Finding, ProblemType, Split
from autolora.values import folded

IMBALANCE_SHARE = 0.05
"""A smallest class under this share of the largest one is worth a warning."""
COPIED_SHARE = 0.5
"""Share of texts that hold their own label from which the label counts as copied into the text."""
UNREADABLE_SHARE = 0.15
"""Share of unknown tokens from which a base counts as unable to read the text."""
TRUNCATED_SHARE = 0.2
"""Share of texts that are cut from which that is worth a warning."""
FINDING_ROWS = 10
"""Row numbers that a finding keeps."""

_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")
"""Control characters apart from tabs and line breaks; U+0085 is a line break of old machines, and odd enough."""
_WORDLESS = re.compile(r"[\W\d_]+")


def find_in_table(table: Table, wanted: Wanted, problem: ProblemType) -> tuple[Finding, ...]:
    """Return what a person should know about a table that passed its check."""
    found = (
        _duplicates(table),
        _near_duplicates(table),
        _conflicts(table) if problem != "generation" else None,
        _label_in_text(table, wanted) if problem == "single_label" else None,
        _imbalance(table, problem) if problem in ("single_label", "multi_label") else None,
        _similar_labels(table, wanted, problem),
        _one_class_each(table, wanted) if problem == "multi_label" else None,
        _replacement_characters(table),
        _control_characters(table),
    )
    return tuple(finding for finding in found if finding is not None)


def find_in_test_table(main: Table, test: Table, problem: ProblemType) -> tuple[Finding, ...]:
    """Return what a person should know about a given test table beside the rows to learn from."""
    seen = set(main.keys)
    rows = [number for number, key in zip(test.row_numbers, test.keys, strict=True) if key in seen]
    found: list[Finding] = []
    if rows:
        share = len(rows) / len(test)
        found.append(
            _finding(
                "test_overlap",
                "warning",
                f"{test.name} has {counted(len(rows), 'row')} ({share:.1%}) whose text is in {main.name} too, so the"
                f" test score will flatter ({rows_phrase(rows)} of {test.name}).",
                "remove them from one of the two",
                rows,
            )
        )
    absent = sorted(set(labels.classes_of(main, problem)) - set(labels.classes_of(test, problem)))
    if absent:
        found.append(
            _finding(
                "test_lacks_classes",
                "note",
                f"{test.name} has no rows of {listing(absent)}.",
                "add some: nothing can be said of these classes",
            )
        )
    return tuple(found)


def find_in_splits(train: Split, test: Split, problem: ProblemType, classes: tuple[str, ...]) -> tuple[Finding, ...]:
    """Return which classes chance left out of a split; only where a row may have several can that happen."""
    if problem != "multi_label":
        return ()
    found = []
    for split, name, effect in (
        (train, "learned from", "they cannot be learned"),
        (test, "tested on", "nothing is said of them"),
    ):
        there = {index for label in split.labels if isinstance(label, tuple) for index in label}
        if absent := [label for index, label in enumerate(classes) if index not in there]:
            message = f"No row that is {name} has {listing(absent)}; {effect}."
            found.append(_finding("absent_classes", "warning", message, "add rows of these classes"))
    return tuple(found)


def find_in_tokens(
    unknown_share: float,
    truncated_share: float,
    max_length: int,
    *,
    writes: bool = False,
    controls: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """Return what a person should know about the training texts as a base model's tokenizer reads them.

    Args:
        unknown_share: Of unknown tokens.
        truncated_share: Of texts that are cut.
        max_length: Tokens that they are cut to.
        writes: Whether texts are prompts, with answers behind them.
        controls: Ids of rows whose text holds what the tokenizer has for control tokens.
    """
    found: list[Finding] = []
    if unknown_share >= UNREADABLE_SHARE:
        message = f"The base model cannot read this text: {unknown_share:.0%} of the tokens are unknown to it."
        hint = "use a base model that was trained on the language of the data"
        found.append(_finding("unreadable_text", "warning", message, hint))
    if truncated_share >= TRUNCATED_SHARE:
        message = (
            f"{truncated_share:.0%} of the training rows are longer than {max_length} tokens with their answer: what"
            " the user said last loses its end, and an answer of more than half of that its own."
            if writes
            else f"{truncated_share:.0%} of the training texts are longer than {max_length} tokens and lose their ends."
        )
        hint = "search with a space whose max_length is larger, if what matters stands at the end"
        found.append(_finding("truncated", "warning", message, hint))
    if controls:
        rows = [int(row.rpartition(":")[2]) for row in controls]
        message = (
            f"{counted(len(rows), 'training row')} ({rows_phrase(rows)}) hold what the base has for control tokens; it"
            " was read as text."
        )
        found.append(_finding("control_tokens", "note", message, "remove it, unless users will write that too", rows))
    return tuple(found)


def _duplicates(table: Table) -> Finding | None:
    """Return a note on rows that repeat an earlier row's text and label."""
    first: set[tuple[bytes, str]] = set()
    repeats: list[int] = []
    for number, key, label in zip(table.row_numbers, table.keys, table.labels, strict=True):
        row = (key, label)
        if row in first:
            repeats.append(number)
        first.add(row)
    if not repeats:
        return None
    return _finding(
        "duplicate_rows",
        "note",
        f"{table.name} repeats the text and label of an earlier row in {counted(len(repeats), 'row')}"
        f" ({rows_phrase(repeats)}); equal texts always go to the same split.",
        "nothing, unless they came in by mistake",
        repeats,
    )


def _near_duplicates(table: Table) -> Finding | None:
    """Return a note on texts that differ from an earlier one by digits and punctuation alone."""
    first: dict[bytes, bytes] = {}
    near: list[int] = []
    for number, text, key in zip(table.row_numbers, table.folded, table.keys, strict=True):
        words = _WORDLESS.sub(" ", text).strip()
        if words and first.setdefault(key_of(words), key) != key:
            near.append(number)
    if not near:
        return None
    return _finding(
        "near_duplicates",
        "note",
        f"{table.name} has {counted(len(near), 'row')} whose text differs from an earlier one by digits and punctuation"
        f" alone ({rows_phrase(near)}); such texts may be on both sides of a split.",
        "keep one of each if they were made from one template, or the scores flatter",
        near,
    )


def _conflicts(table: Table) -> Finding | None:
    """Return a warning on equal texts with different labels: no model can get all of them right."""
    conflicting = [
        group for group in table.groups if len(group) > 1 and len({table.labels[index] for index in group}) > 1
    ]
    if not conflicting:
        return None
    rows = sorted(table.row_numbers[index] for group in conflicting for index in group)
    return _finding(
        "conflicting_labels",
        "warning",
        f"{table.name} gives {counted(len(conflicting), 'text')} different labels in different rows"
        f" ({rows_phrase(rows)}).",
        "decide on one label for each of these texts",
        rows,
    )


def _label_in_text(table: Table, wanted: Wanted) -> Finding | None:
    """Return a warning when most texts hold their own label: what is learned then is to copy it."""
    patterns = {
        # A word of its own where words have borders; Japanese ones have none.
        label: re.compile(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])")
        for label in set(table.labels)
        if len(name := folded(label)) > 1
    }
    copied = [
        number
        for number, text, label in zip(table.row_numbers, table.folded, table.labels, strict=True)
        if label in patterns and patterns[label].search(text)
    ]
    share = len(copied) / len(table)
    if share < COPIED_SHARE:
        return None
    return _finding(
        "label_in_text",
        "warning",
        f"In {share:.0%} of the rows of {table.name} the text holds the cell of column {wanted.label!r} itself"
        f" ({rows_phrase(copied)}): a model would copy it.",
        "take it out of the text, unless it will stand there in practice too",
        copied,
    )


def _one_class_each(table: Table, wanted: Wanted) -> Finding | None:
    """Return a note where rows could have several classes but none has."""
    if any(len(labels.names(label, "multi_label")) != 1 for label in set(table.labels)):
        return None
    return _finding(
        "one_class_each",
        "warning",
        f"Every row of {table.name} has exactly one class in column {wanted.label!r}.",
        "check label_separator; if a row always has one class, search with problem single_label, which knows that",
    )


def _imbalance(table: Table, problem: ProblemType) -> Finding | None:
    """Return a warning when the smallest class is tiny beside the largest."""
    ranked = sorted(labels.counts(table, problem).items(), key=lambda item: (item[1], item[0]))
    (small, few), (large, many) = ranked[0], ranked[-1]
    if few >= IMBALANCE_SHARE * many:
        return None
    return _finding(
        "imbalance",
        "warning",
        f"Class {small!r} has {counted(few, 'row')}, {few / many:.1%} of the {many:,} rows of {large!r}.",
        "add rows of it, or merge it with another class",
    )


def _similar_labels(table: Table, wanted: Wanted, problem: ProblemType) -> Finding | None:
    """Return a warning on labels that look like spellings of one class."""
    spellings: dict[str, list[str]] = {}
    for label in labels.classes_of(table, problem):
        spellings.setdefault(folded(label), []).append(label)
    alike = [labels for labels in spellings.values() if len(labels) > 1]
    if not alike:
        return None
    named = "; ".join(listing(labels) for labels in alike[:FINDING_ROWS])
    return _finding(
        "similar_labels",
        "warning",
        f"Labels in column {wanted.label!r} differ only by case, spaces or character width and count as different"
        f" classes: {named}.",
        "write them alike",
    )


def _replacement_characters(table: Table) -> Finding | None:
    """Return a warning on texts that lost characters in an earlier conversion."""
    rows = [number for number, text in zip(table.row_numbers, table.texts, strict=True) if "\ufffd" in text]
    if not rows:
        return None
    return _finding(
        "replacement_characters",
        "warning",
        f"{table.name} has {counted(len(rows), 'row')} with characters that an earlier conversion lost"
        f" (U+FFFD; {rows_phrase(rows)}).",
        "take these texts from their source again",
        rows,
    )


def _control_characters(table: Table) -> Finding | None:
    """Return a note on texts with characters that no reader sees."""
    rows = [number for number, text in zip(table.row_numbers, table.texts, strict=True) if _CONTROL.search(text)]
    if not rows:
        return None
    return _finding(
        "control_characters",
        "note",
        f"{table.name} has {counted(len(rows), 'row')} with control characters ({rows_phrase(rows)}).",
        "remove them, unless they will stand there in practice too",
        rows,
    )


def _finding(
    code: str, severity: Literal["note", "warning"], message: str, hint: str, rows: Sequence[int] = ()
) -> Finding:
    """Return a finding with the first of its rows."""
    return Finding(code=code, severity=severity, message=message, hint=hint, rows=tuple(rows[:FINDING_ROWS]))
