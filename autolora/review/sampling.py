"""Which test rows are judged, and in which order. Pure: every draw is decided by a hash of the seed and the row.

Rows on which the candidates differ say which of them is better; rows on which they agree say how good they are. So both
are drawn from, as strata of known size, and shares of all rows are estimated by these sizes (stratified random
sampling: Cochran 1977, Sampling Techniques, chapter 5).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence

from autolora.review.records import Item, KeyAnswer, KeyItem, Material, ReviewKey


def draw(material: Material, *, rows: int, seed: int) -> ReviewKey:
    """Return which rows are shown, in a shuffled order, each with its different answers in a shuffled order.

    Args:
        material: What there is to be judged.
        rows: At most so many are drawn, at least 2: at most two thirds of those on which the candidates differ, unless
            too few agree to fill the rest.
        seed: Of the draw and of every order.

    Raises:
        ValueError: If fewer than two rows are asked for: each kind of row needs one.
    """
    if rows < 2:
        raise ValueError(f"at least 2 rows are needed, but got {rows}")
    apart = [item for item in material.items if item.stratum == "differ"]
    alike = [item for item in material.items if item.stratum == "agree"]
    of_apart, of_alike = _shares(len(apart), len(alike), rows)
    taken = [*_first(apart, of_apart, f"{seed} row"), *_first(alike, of_alike, f"{seed} row")]
    items = tuple(_shown(item, at, seed) for at, item in enumerate(_first(taken, len(taken), f"{seed} order"), start=1))
    found = Counter(item.stratum for item in material.items)
    named = [material.run, seed, [[i.row_id, [[a.text, a.candidates] for a in i.answers]] for i in items]]
    return ReviewKey(
        id=_digest(json.dumps(named, ensure_ascii=False))[:12],
        run=material.run,
        seed=seed,
        chosen=material.chosen,
        kind=material.kind,
        classes=material.classes,
        strata={"differ": found["differ"], "agree": found["agree"]},
        items=items,
    )


def _shares(apart: int, alike: int, rows: int) -> tuple[int, int]:
    """Return how many rows are drawn of each kind."""
    of_apart = min(apart, max(2 * rows // 3, rows - alike))
    return of_apart, min(alike, rows - of_apart)


def _first(items: Sequence[Item], count: int, salt: str) -> list[Item]:
    """Return so many of the items by the order of their hashes."""
    return sorted(items, key=lambda item: _digest(f"{salt} {item.row_id}"))[:count]


def _shown(item: Item, place: int, seed: int) -> KeyItem:
    """Return an item as it is shown: equal answers once, and ids that tell nothing but the place."""
    given: dict[str, list[str]] = {}
    for name, text in item.answers.items():
        given.setdefault(text, []).append(name)
    shuffled = sorted(given, key=lambda text: _digest(f"{seed} answer {item.row_id} {min(given[text])}"))
    return KeyItem(
        id=f"{place:03}",
        row_id=item.row_id,
        stratum=item.stratum,
        answers=tuple(
            KeyAnswer(id=f"{place:03}{letter}", text=text, candidates=tuple(sorted(given[text])))
            for letter, text in zip("abc", shuffled, strict=False)
        ),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
