"""Noise at the input."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolora.perturbing import PERTURBATIONS, is_spaceless, perturbed

pytestmark = pytest.mark.unit

ENGLISH = "The parcel has not arrived, although the money was taken from my card on Monday. " * 40
JAPANESE = "荷物がまだ届きません。カードからお金が引き落とされています。" * 40


def edits(one: str, other: str) -> int:
    """Return the Levenshtein distance."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, start=1):
        left, row[0] = row[0], at
        for place, another in enumerate(other, start=1):
            left, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, left + (letter != another))
    return row[-1]


@pytest.mark.parametrize("text", [ENGLISH[:2000], JAPANESE[:2000]])
def test_about_one_letter_in_twenty_is_hit_by_a_slip(text: str) -> None:
    letters = sum(map(str.isalpha, text))

    # A swap counts as two edits: with slips as likely, 1.25 edits a slip (of three kinds 1.33).
    assert 0.045 < edits(text, perturbed(text, "typos", seed=0)) / letters < 0.08


def test_a_slip_touches_letters_only_and_knows_the_keyboard() -> None:
    assert perturbed("2026-03-31 10:05 +81 !?", "typos", seed=0) == "2026-03-31 10:05 +81 !?"
    typed = {letter for seed in range(2000) for letter in perturbed("s", "typos", seed=seed)}
    assert typed == {"s", "a", "d"}
    assert {perturbed("が", "typos", seed=seed) for seed in range(500)} == {"が", "がが"}, "and is never dropped alone"


@pytest.mark.parametrize(
    ("kind", "text", "made"),
    [
        ("casing", "Müller's straße", "MÜLLER'S STRASSE"),
        ("casing", "荷物が届かない 123", "荷物が届かない 123"),
        ("width", "ABC 123", "ＡＢＣ　１２３"),
        ("width", "ＡＢＣ　１２３", "ABC 123"),
        ("width", "ガラスのパイプー", "ｶﾞﾗｽのﾊﾟｲﾌﾟｰ"),
        ("width", "ｶﾞﾗｽのﾊﾟｲﾌﾟｰ", "ガラスのパイプー"),
        ("width", "荷物", "荷物"),
        ("unicode", "が café", "か\u3099 cafe\u0301"),
        ("unicode", "parcel", "parcel"),
        ("truncation", "one two three four five", "one two three"),
        ("truncation", "荷物が届かない。", "荷物が届"),
        ("truncation", "parcel", "par"),
        ("truncation", "a", "a"),
    ],
)
def test_what_each_kind_of_noise_does(kind: str, text: str, made: str) -> None:
    assert perturbed(text, kind, seed=0) == made


def test_a_text_of_another_width_still_says_the_same() -> None:
    for text in (ENGLISH[:90], "カタカナ、ガギグゲゴ、パピプペポ、ヴー ABC"):
        assert unicodedata.normalize("NFKC", perturbed(text, "width", seed=0)) == text


@pytest.mark.parametrize(("text", "there"), [(ENGLISH, False), (JAPANESE, True), ("สวัสดี", True), ("123", False)])
def test_scripts_without_spaces_are_told_by_most_of_the_letters(text: str, there: bool) -> None:
    assert is_spaceless(text) == there


@given(text=st.text(), kind=st.sampled_from(sorted(PERTURBATIONS)), seed=st.integers(0, 3))
def test_any_text_keeps_something_and_gives_the_same_every_time(text: str, kind: str, seed: int) -> None:
    made = perturbed(text, kind, seed=seed)

    assert bool(made.strip()) == bool(text.strip())
    assert made == perturbed(text, kind, seed=seed)


def test_another_process_makes_the_same_slips_and_another_seed_others() -> None:
    program = f"from autolora.perturbing import perturbed; print(perturbed({ENGLISH[:300]!r}, 'typos', seed=0))"

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed[:-1] == perturbed(ENGLISH[:300], "typos", seed=0) != perturbed(ENGLISH[:300], "typos", seed=1)
