"""Which rows say the same thing: rows with one text form a group, and a group stays on one side. Knows no splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence


def same_text_groups(texts: Sequence[Hashable]) -> list[list[int]]:
    """Return the indices of the rows whose texts are equal, by first appearance.

    Args:
        texts: Texts without differences of case, spacing or character width (``values.folded``), or keys of such texts.
    """
    groups: dict[Hashable, list[int]] = {}
    for index, text in enumerate(texts):
        groups.setdefault(text, []).append(index)
    return list(groups.values())


def groups_by_class(groups: Sequence[Sequence[int]], labels: Sequence[str]) -> dict[str, list[Sequence[int]]]:
    """Return the groups that belong to each class; a group with several labels belongs to its most frequent one.

    Ties go to the class with the fewest rows, which can spare them least. A group always holds a row of its class.
    """
    totals = Counter(labels)
    by_class: dict[str, list[Sequence[int]]] = {label: [] for label in sorted(totals)}
    for group in groups:
        counts = Counter(labels[index] for index in group)
        chosen = min(counts, key=lambda label: (-counts[label], totals[label], label))
        by_class[chosen].append(group)
    return by_class


def clear_groups_by_class(groups: Sequence[Sequence[int]], labels: Sequence[str]) -> dict[str, list[Sequence[int]]]:
    """Return for each class the groups whose rows all carry that label.

    Splits count on these alone: whatever rows are sampled, a clear group stays in its class.
    """
    by_class: dict[str, list[Sequence[int]]] = {label: [] for label in sorted(set(labels))}
    for group in groups:
        if len({labels[index] for index in group}) == 1:
            by_class[labels[group[0]]].append(group)
    return by_class
