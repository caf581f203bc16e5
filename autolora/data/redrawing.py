"""Draws training and validation rows anew from both: a seed's own split. Knows rows; knows no files and no test split.

What one split says of an adapter is true of that split: noise of the split is part of the noise of a score (Bouthillier
et al. 2021, "Accounting for variance in machine learning benchmarks", find it the largest part). Decided by hashes of
the seed, as all draws are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autolora.data.splitting import draw_key
from autolora.records import Split


@dataclass(frozen=True, kw_only=True)
class Redrawn:
    """Which rows are trained and validated on, counted through the training rows and on through the validation rows."""

    train: tuple[int, ...]
    validation: tuple[int, ...]


def redrawn(train: Split, validation: Split, *, seed: int) -> Redrawn:
    """Return a draw of training and validation rows from both, of about their sizes.

    Every stratum keeps its share, to the nearest tied rows, and is on both sides where it can be. Where rows have no
    ties the splits stay as they are: the latest rows stay the latest.

    Args:
        train: Rows with ``ties`` and ``strata``.
        validation: Likewise.
        seed: Another seed, another draw.
    """
    rows = range(len(train) + len(validation))
    if not train.ties or not validation.ties:
        return Redrawn(train=tuple(rows[: len(train)]), validation=tuple(rows[len(train) :]))
    ids, strata = (*train.row_ids, *validation.row_ids), (*train.strata, *validation.strata)
    tied: defaultdict[int, list[int]] = defaultdict(list)
    for row, tie in enumerate((*train.ties, *validation.ties)):
        tied[tie].append(row)
    held_out: set[int] = set()
    for groups in _by_stratum(strata, tied.values()):
        names = [min(ids[row] for row in own) for own in groups]
        order = sorted(range(len(groups)), key=lambda at: draw_key("redraw", seed, names[at]))
        held_out |= _first([groups[at] for at in order], len(validation) / len(rows))
    return Redrawn(train=tuple(row for row in rows if row not in held_out), validation=tuple(sorted(held_out)))


def rows_of(train: Split, validation: Split, rows: Sequence[int]) -> Split:
    """Return rows, counted through both splits, with their texts in memory."""
    splits, cut = (train, validation), len(train)
    places = [(int(row >= cut), row - cut if row >= cut else row) for row in rows]
    return Split(
        texts=tuple(splits[side].texts[row] for side, row in places),
        labels=tuple(splits[side].labels[row] for side, row in places),
        row_ids=tuple(splits[side].row_ids[row] for side, row in places),
    )


def _by_stratum(strata: Sequence[str], tied: Iterable[list[int]]) -> list[list[list[int]]]:
    """Return the tied rows of each stratum; strata that cannot be on both sides are put together."""
    counts = Counter(strata)
    of_stratum: defaultdict[str, list[list[int]]] = defaultdict(list)
    for rows in tied:
        own = Counter(strata[row] for row in rows)
        of_stratum[min(own, key=lambda stratum: (-own[stratum], counts[stratum], stratum))].append(rows)
    alone = [rows for groups in of_stratum.values() if len(groups) == 1 for rows in groups]
    return [groups for _, groups in sorted(of_stratum.items()) if len(groups) > 1] + [alone]


def _first(groups: Sequence[list[int]], share: float) -> set[int]:
    """Return the rows of the first groups, about a share of all: at least one group of several, and never all."""
    wished = share * sum(map(len, groups))
    taken: list[int] = []
    for rows in groups[:-1]:
        if taken and len(taken) + len(rows) / 2 > wished:
            break
        taken += rows
    return set(taken)
