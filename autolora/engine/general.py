"""A short text that has nothing to do with any task: what an adapter's loss on it rose by, it has forgotten.

Two languages come with the package, written for it: plain prose on everyday things.
"""

from __future__ import annotations

import re
from importlib import resources

_KANA = re.compile(r"[\u3040-\u30ff]")
_ENOUGH_KANA = 0.05


def language_of(text: str) -> str:
    """Return the language of the general text that suits a task: that of its answers, as far as there is one."""
    return "ja" if len(_KANA.findall(text)) > _ENOUGH_KANA * max(1, len(text)) else "en"


def paragraphs(language: str) -> tuple[str, ...]:
    """Return the text of a language, paragraph by paragraph."""
    whole = resources.files("autolora.engine").joinpath(f"general_{language}.txt").read_text(encoding="utf-8")
    return tuple(line for line in whole.splitlines() if line.strip())


def name_of(language: str) -> str:
    """Return what reports call the text."""
    count = len(paragraphs(language))
    return f"a general text ({count} short paragraphs of {'Japanese' if language == 'ja' else 'English'} prose)"
