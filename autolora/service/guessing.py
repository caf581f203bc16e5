"""Which columns of a table are probably meant, by their names and by what stands in them: a suggestion."""

from __future__ import annotations

import statistics

from autolora.data.glimpse import Glimpse

_NAMES = {
    "text": (
        "text",
        "texts",
        "sentence",
        "comment",
        "body",
        "message",
        "content",
        "review",
        "本文",
        "テキスト",
        "文章",
    ),
    "label": ("label", "labels", "class", "category", "target", "tag", "ラベル", "分類", "カテゴリ"),
    "prompt": ("prompt", "question", "instruction", "input", "質問", "指示"),
    "completion": ("completion", "answer", "response", "output", "回答", "応答"),
    "messages": ("messages", "conversation", "conversations"),
}
_LONG_CHARACTERS = 12
"""What is shorter than this on average is no text."""


def guessed(seen: Glimpse) -> dict[str, str]:
    """Return which columns hold what: ``{"text": ..., "label": ...}`` or as a task of written answers names them.

    Empty where nothing can be said.
    """
    named = {role: found for role in _NAMES if (found := _named(seen, role)) is not None}
    if "messages" in named:
        return {"messages": named["messages"]}
    if "prompt" in named and "completion" in named:
        return {role: named[role] for role in ("prompt", "completion")}
    text = named.get("text") or _longest(seen)
    label = named.get("label") or _fewest(seen, besides=text)
    return {} if text is None or label is None or text == label else {"text": text, "label": label}


def _named(seen: Glimpse, role: str) -> str | None:
    wanted = _NAMES[role]
    return next((column for name in wanted for column in seen.columns if column.strip().casefold() == name), None)


def _longest(seen: Glimpse) -> str | None:
    """Return the column with the longest cells, if they are long enough to be texts."""
    if not seen.rows:
        return None
    lengths = {name: statistics.mean(len(cell) for cell in seen.column(name)) for name in seen.columns}
    longest = max(lengths, key=lambda name: lengths[name])
    return longest if lengths[longest] >= _LONG_CHARACTERS else None


def _fewest(seen: Glimpse, *, besides: str | None) -> str | None:
    """Return the column with the fewest different cells, where some come again."""
    kinds = {name: len(set(seen.column(name))) for name in seen.columns if name != besides}
    kinds = {name: count for name, count in kinds.items() if 1 < count < len(seen.rows)}
    return min(kinds, key=lambda name: kinds[name]) if kinds else None
