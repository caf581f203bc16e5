"""Splits that chance alone must not draw: what belongs together stays on one side, or the latest rows are tested on.

Knows keys, times and labels; knows no files. Decided by hashes of the seed, as the plain split is.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate

from autolora.data.splitting import draw_key
from autolora.errors import DataError
from autolora.values import shown

_DATE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?|月)?(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?", re.ASCII
)
"""Years first: whether 3/4 is in March or April, nobody can tell."""


def split_by_key(
    keys: Sequence[str],
    labels: Sequence[Sequence[str]],
    groups: Sequence[Sequence[int]],
    *,
    shares: Sequence[float],
    seed: int,
) -> tuple[tuple[int, ...], ...]:
    """Return the row indices of each part, ascending; rows of one key, or of one text, go together.

    Parts come as near to their share of every class as whole keys allow: keys are placed from those with most rows to
    those with fewest, each where its classes are lacking most.

    Args:
        keys: What must not be on two sides, one a row.
        labels: Of each row, all that every part wants its share of.
        groups: Rows with the same text.
        shares: Sizes of the parts; they sum to 1.
        seed: Another seed, another split.

    Raises:
        DataError: If there are too few keys for every part to get every class.
    """
    totals = Counter(label for own in labels for label in own)
    wishes = [{label: share * total for label, total in totals.items()} for share in shares]
    parts: list[list[int]] = [[] for _ in shares]
    held: list[Counter[str]] = [Counter() for _ in shares]

    def lacking(part: int, own: Counter[str]) -> float:
        """Return how much of what ``own`` brings the part still wants, in rows of its share."""
        return sum(count * max(0.0, 1 - held[part][label] / wishes[part][label]) for label, count in own.items())

    bundles = tied(keys, groups)
    order = {index: draw_key("split by key", seed, keys[bundle[0]]) for index, bundle in enumerate(bundles)}
    for index in sorted(order, key=lambda index: (-len(bundles[index]).bit_length(), order[index])):
        own = Counter(label for row in bundles[index] for label in labels[row])
        chosen = max(range(len(shares)), key=lambda part: (lacking(part, own), -part))
        parts[chosen].extend(bundles[index])
        held[chosen].update(own)
    for label in sorted(totals):
        if not all(part[label] for part in held):
            count = sum(any(label in labels[row] for row in bundle) for bundle in bundles)
            raise DataError(
                f"class {label!r} is in the rows of {count:,} different keys only, which is too few for each of"
                f" {len(shares)} splits to get some",
                "add rows of it, split by something finer, or leave the column out",
            )
    return tuple(tuple(sorted(part)) for part in parts)


def split_by_time(
    times: Sequence[float], labels: Sequence[Sequence[str]], *, shares: Sequence[float]
) -> tuple[tuple[int, ...], ...]:
    """Return the row indices of each part, ascending: the first part has the earliest rows, the last one the latest.

    Rows of one time are never on two sides, so parts are as near to their shares as times allow.

    Args:
        times: One a row, in any unit.
        labels: The classes of each row.
        shares: Sizes of the parts in this order; they sum to 1.

    Raises:
        DataError: If there are too few different times, or a class comes up only after the first part.
    """
    different = sorted(set(times))
    if len(different) < len(shares):
        raise DataError(
            f"there are only {len(different)} different times, but {len(shares)} splits are needed",
            "split by a finer time, or leave the column out",
        )
    rows_at = Counter(times)
    cuts: list[int] = []
    """Places in ``different`` at which each part but the first begins."""
    rows, place = 0, 0
    for number, wished in enumerate(list(accumulate(shares))[:-1], start=1):
        first, last = (cuts[-1] + 1 if cuts else 1), len(different) - (len(shares) - number)
        while place < last and (place < first or rows + rows_at[different[place]] / 2 <= wished * len(times)):
            rows += rows_at[different[place]]
            place += 1
        cuts.append(place)
    starts = [different[cut] for cut in cuts]
    parts: list[list[int]] = [[] for _ in shares]
    for index, time in enumerate(times):
        parts[sum(time >= start for start in starts)].append(index)
    learned = {label for index in parts[0] for label in labels[index]}
    if late := sorted({label for own in labels for label in own} - learned):
        raise DataError(
            f"class {late[0]!r} comes up only after the time that is learned from",
            "leave its rows out, or do not split by time",
        )
    return tuple(tuple(part) for part in parts)


def moments(cells: Sequence[str], row_numbers: Sequence[int], *, where: str) -> list[float]:
    """Return cells as times in seconds, or as the numbers that they all are.

    Args:
        cells: Dates with the year first (ISO 8601, ``2026/3/31``, ``2026年3月``), or numbers.
        row_numbers: Of the cells, for messages.
        where: File and column, for messages.

    Raises:
        DataError: If a cell is neither, or some have a time zone and some have none.
    """
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        numbers = []
    if numbers and all(math.isfinite(number) for number in numbers):
        return numbers
    found = [moment_of(cell, f"{where}, row {number}") for cell, number in zip(cells, row_numbers, strict=True)]
    zones = {moment.tzinfo is not None for moment in found}
    if len(zones) > 1:
        raise DataError(f"{where}: some times have a time zone and some have none", "write all of them one way")
    return [(moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() for moment in found]


def moment_of(cell: str, where: str = "") -> datetime:
    """Return a cell as a time: a date with the year first, or ISO 8601.

    Raises:
        DataError: If it is none.
    """
    text = cell.strip()
    try:
        if match := _DATE.fullmatch(text):
            year, month, day, hour, minute, second = (int(part) if part else 0 for part in match.groups())
            return datetime(year, month, day or 1, hour, minute, second)
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(
            f"{where}: {shown(cell)} cannot be read as a time", "write years first, such as 2026-03-31 or 2026-03"
        ) from error


def tied(keys: Sequence[str], groups: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return bundles of rows that one key or one text ties together, directly or through other rows."""
    parent = list(range(len(keys)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    by_key: defaultdict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        by_key[key].append(index)
    for group in (*by_key.values(), *groups):
        for index in group[1:]:
            parent[root(index)] = root(group[0])
    bundles: defaultdict[int, list[int]] = defaultdict(list)
    for index in range(len(keys)):
        bundles[root(index)].append(index)
    return list(bundles.values())
