"""Draws a part of a split: stratified, decided by hashes of the seed, every smaller part inside every larger one.

Knows rows and their labels; knows no files and no budget. A part of a split stays on its side: what the split kept
together, by text, by key or by time, is never on two sides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from autolora.data.splitting import draw_key
from autolora.records import Split

LEAST_OF_A_CLASS = 2
"""Rows that a part has of every class before any class gets more, as far as there are that many."""


def subset(split: Split, rows: int, *, seed: int) -> Split:
    """Return ``rows`` rows of a split in their order, or the split itself if it has no more than that."""
    return split if rows >= len(split) else split.take(part_of(split, rows, seed=seed))


def part_of(split: Split, rows: int, *, seed: int) -> tuple[int, ...]:
    """Return which ``rows`` rows of a split its part of that length has, ascending."""
    return subset_rows(split.labels, [_key(split, row, seed) for row in range(len(split))], rows)


def subset_rows(labels: Sequence[Hashable], keys: Sequence[bytes], rows: int) -> tuple[int, ...]:
    """Return the indices of the rows of a part, ascending.

    All rows stand in one line, of which a part is the beginning, so that parts are nested. Each class is spread evenly
    over the line in the order of its keys: whatever the line is cut to, each has its share to the nearest row or so.

    Args:
        labels: One a row.
        keys: Each row's place in the order of drawing.
        rows: Length of the part.
    """
    of_class: defaultdict[Hashable, list[int]] = defaultdict(list)
    for row in sorted(range(len(labels)), key=keys.__getitem__):
        of_class[labels[row]].append(row)
    line: list[tuple[float, bytes, int]] = []
    for own in of_class.values():
        for place, row in enumerate(own):
            first = place < LEAST_OF_A_CLASS
            line.append((place - LEAST_OF_A_CLASS if first else (place + 0.5) / len(own), keys[row], row))
    return tuple(sorted(row for _, _, row in sorted(line)[:rows]))


def _key(split: Split, row: int, seed: int) -> bytes:
    return draw_key("subset", seed, f"{split.row_ids[row]}\0{split.texts[row].strip()}")
