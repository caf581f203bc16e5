"""Draws samples and splits: stratified, by distinct text, decided by hashes of the seed. Knows no files.

The order of drawing is a hash of seed and text. It depends neither on the order of the rows nor on any library's random
numbers, so the same seed gives the same split on every machine and after every upgrade. Scikit-learn's stratified split
is not used because it can leave a rare class out of a split, and refuses splits with fewer rows than classes.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence

from autolora.data.groups import clear_groups_by_class, groups_by_class


def split_rows(
    texts: Sequence[str],
    labels: Sequence[str],
    groups: Sequence[Sequence[int]],
    *,
    shares: Sequence[float],
    seed: int,
) -> tuple[tuple[int, ...], ...]:
    """Return the row indices of each part, ascending.

    Every part gets its share of the distinct texts of every class, to the nearest text but at least one; rows with the
    same text go together.

    Args:
        texts: One a row.
        labels: One a row; each class needs as many distinct texts as there are shares.
        groups: Rows with the same text.
        shares: Sizes of the parts; they sum to 1.
        seed: Another seed, another split.
    """
    parts: list[list[int]] = [[] for _ in shares]
    for own in groups_by_class(groups, labels).values():
        shuffled = sorted(own, key=lambda group: draw_key("split", seed, min(texts[index].strip() for index in group)))
        start = 0
        for part, size in zip(parts, apportion(len(shuffled), shares, least=1), strict=True):
            part.extend(index for group in shuffled[start : start + size] for index in group)
            start += size
    return tuple(tuple(sorted(part)) for part in parts)


def sample_rows(
    texts: Sequence[str], labels: Sequence[str], groups: Sequence[Sequence[int]], *, rows: int, seed: int, least: int
) -> tuple[int, ...]:
    """Return ``rows`` row indices, ascending, that keep the share of every class as far as possible.

    Every class keeps at least ``least`` distinct texts that carry only its label, so that the sample can be split.

    Args:
        texts: One a row.
        labels: One a row; each class needs ``least`` such texts.
        groups: Rows with the same text.
        rows: Between ``least`` times the number of classes and the number of rows.
        seed: Another seed, another sample.
        least: Distinct texts to keep of every class.
    """
    totals = Counter(labels)
    classes = sorted(totals)
    quotas = dict(zip(classes, apportion(rows, [totals[label] for label in classes], least=least), strict=True))
    keys = _row_keys(groups, texts, seed)
    kept = {
        min(group, key=keys.__getitem__)
        for own in clear_groups_by_class(groups, labels).values()
        for group in sorted(own, key=lambda group: min(keys[index] for index in group))[:least]
    }
    left = {label: quotas[label] - least for label in classes}
    for index in sorted(set(range(len(texts))) - kept, key=keys.__getitem__):
        if left[labels[index]] > 0:
            left[labels[index]] -= 1
            kept.add(index)
    return tuple(sorted(kept))


def apportion(total: int, weights: Sequence[float], *, least: int) -> list[int]:
    """Return whole numbers that sum to ``total``, near the proportions of ``weights``, none under ``least``.

    What is left after everyone's ``least`` goes by weight, the last ones to the largest remainders. No number is more
    than one above its exact share unless ``least`` lifts it.

    Args:
        total: At least ``least`` times the number of weights.
        weights: Positive.
        least: Smallest number allowed.
    """
    scale = total / sum(weights)
    wishes = [max(weight * scale - least, 0.0) for weight in weights]
    spare = total - least * len(weights)
    wished = sum(wishes)
    exact = [wish * spare / wished if wished else 0.0 for wish in wishes]
    extra = [math.floor(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda place: (extra[place] - exact[place], place))
    for place in by_remainder[: spare - sum(extra)]:
        extra[place] += 1
    return [least + more for more in extra]


def _row_keys(groups: Sequence[Sequence[int]], texts: Sequence[str], seed: int) -> list[bytes]:
    """Return each row's place in the order of sampling; copies of a text are drawn independently."""
    keys = [b""] * len(texts)
    for group in groups:
        for copy, index in enumerate(group):
            keys[index] = draw_key("sample", seed, f"{copy}\0{texts[index].strip()}")
    return keys


def draw_key(purpose: str, seed: int, text: str) -> bytes:
    """Return the place of ``text`` in the order of drawing; sample and split draw independently."""
    return hashlib.sha256(f"{purpose}\0{seed}\0{text}".encode()).digest()
