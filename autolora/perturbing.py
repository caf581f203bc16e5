"""Noise as texts have it in use: slips of the keyboard, capitals, other forms of the same characters, a lost end.

Pure: knows texts. What is made of a text depends on the text, the kind of noise and the seed alone. Slips are those of
Belinkov and Bisk (2018, "Synthetic and natural noise both break neural machine translation"), one letter at a time;
forms of characters are Unicode's (UAX 15 for decomposed ones, the block of half-width and full-width forms).
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable

TYPO_SHARE = 1 / 20
"""Of the letters, those that are hit by a slip."""

_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
"""Rows of letters on the keyboard that most layouts are near to."""
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f]"
)
"""Letters of scripts without spaces between words: Thai, Lao, Burmese, Khmer, kana, Chinese characters."""
_HALF_KATAKANA = re.compile("[\uff66-\uff9f]+")
_WORD = re.compile(r"\S+")


def _neighbours() -> dict[str, str]:
    """Return the letters beside each letter in its own row of keys."""
    found: dict[str, str] = {}
    for row in _KEYS:
        for at, key in enumerate(row):
            beside = row[max(0, at - 1) : at] + row[at + 1 : at + 2]
            found |= {key: beside, key.upper(): beside.upper()}
    return found


def _half_width() -> dict[int, str]:
    """Return what stands for full-width katakana: one half-width form, and one more for a voicing mark."""
    halves = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF66, 0xFF9E)}
    marks = {"\u3099": "\uff9e", "\u309a": "\uff9f"}
    found: dict[int, str] = {}
    for code in range(0x30A1, 0x30FD):
        parts = unicodedata.normalize("NFD", chr(code))
        if parts[0] in halves and all(mark in marks for mark in parts[1:]):
            found[code] = halves[parts[0]] + "".join(marks[mark] for mark in parts[1:])
    return found


_BESIDE = _neighbours()
_TO_FULL = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}
_TO_ASCII = {full: code for code, full in _TO_FULL.items()}
_OTHER_WIDTH: dict[int, int | str] = {**_TO_FULL, **_TO_ASCII, **_half_width()}


def typos(text: str, chance: random.Random) -> str:
    """Return a text in which about one letter in twenty is swapped with the next, dropped, doubled or mistyped.

    Mistyped, a Latin letter becomes a neighbour on the keyboard; letters without one are hit by the other three slips.
    """
    out: list[str] = []
    at = 0
    while at < len(text):
        letter, beside = text[at], _BESIDE.get(text[at], "")
        at += 1
        if not letter.isalpha() or chance.random() >= TYPO_SHARE:
            out.append(letter)
            continue
        slip = int(chance.random() * (4 if beside else 3))
        if slip == 0 and at < len(text) and text[at].isalpha():
            out += (text[at], letter)
            at += 1
        elif slip == 1:
            pass
        elif slip == 3:
            out.append(beside[int(chance.random() * len(beside))])
        else:  # also the last letter of a word, which has none to be swapped with
            out += (letter, letter)
    return "".join(out)


def casing(text: str, chance: random.Random) -> str:
    """Return a text in capitals; where a script has none, it stays as it is."""
    return text.upper()


def width(text: str, chance: random.Random) -> str:
    """Return a text in the other width: ASCII as full-width forms and back, katakana as half-width ones and back."""
    whole = _HALF_KATAKANA.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    if whole != text:
        # What had half-width katakana gets full ones; turned once more it would be where it was.
        kept = {code: form for code, form in _OTHER_WIDTH.items() if not 0x30A1 <= code <= 0x30FC}
        return whole.translate(kept)
    return text.translate(_OTHER_WIDTH)


def decomposed(text: str, chance: random.Random) -> str:
    """Return a text with accents and voicing marks as characters of their own, as some systems keep it (NFD)."""
    return unicodedata.normalize("NFD", text)


def truncation(text: str, chance: random.Random) -> str:
    """Return the first half of a text: of its words, or of its characters where words have no spaces between them."""
    words = list(_WORD.finditer(text))
    if is_spaceless(text) or len(words) < 2:
        return text[: (len(text) + 1) // 2]
    return text[: words[(len(words) + 1) // 2 - 1].end()]


def is_spaceless(text: str) -> bool:
    """Return whether most letters are of scripts that put no spaces between words."""
    return 2 * len(_SPACELESS.findall(text)) > sum(map(str.isalpha, text))


PERTURBATIONS: dict[str, Callable[[str, random.Random], str]] = {
    "typos": typos,
    "casing": casing,
    "width": width,
    "unicode": decomposed,
    "truncation": truncation,
}
"""Every kind of noise, by its name in records."""


def perturbed(text: str, kind: str, *, seed: int) -> str:
    """Return a text with one kind of noise; as it is where the noise does not touch it, or would leave nothing of it.

    Args:
        text: As it was given.
        kind: A name in ``PERTURBATIONS``.
        seed: Another seed, other slips.
    """
    made = PERTURBATIONS[kind](text, random.Random(f"{kind} {seed} {text}"))
    return made if made.strip() else text
