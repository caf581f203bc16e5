from __future__ import annotations

import pytest

from autolora.report import text

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (53_712, "53.7 kB"),
        (999_950, "1.0 MB"),
        (1_400_000, "1.4 MB"),
        (312_000_000, "312 MB"),
        (2_310_000_000, "2.31 GB"),
    ],
)
def test_sizes_are_decimal_and_never_read_1000_of_a_unit(value: int, said: str) -> None:
    assert text.size(value) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.42, "0.4 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7_500, "2 h 5 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_name_their_two_largest_units(seconds: float, said: str) -> None:
    assert text.duration(seconds) == said


def test_a_thing_is_counted_in_the_singular_and_things_with_commas() -> None:
    assert text.count(1, "parameter") == "1 parameter"
    assert text.count(12_296, "parameter") == "12,296 parameters"
    assert text.count(2, "entry", "entries") == "2 entries"


def test_scores_have_three_decimals_and_a_missing_one_is_a_dash() -> None:
    assert text.score(0.8119) == "0.812"
    assert text.score(None) == "–"
    assert text.score(float("nan")) == "not a number"
    assert text.signed(0.0061) == "+0.006"
    assert text.signed(-0.021) == "−0.021"


@pytest.mark.parametrize(
    ("share", "said"), [(0, "0 %"), (1, "100 %"), (1 / 9, "11.1 %"), (0.031, "3.1 %"), (0.00057, "0.057 %")]
)
def test_small_shares_keep_two_digits_that_count(share: float, said: str) -> None:
    assert text.percent(share) == said


def test_estimated_shares_are_whole_percents() -> None:
    assert [text.rough_percent(share) for share in (0, 0.004, 0.364)] == ["0 %", "under 1 %", "36 %"]


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.00012, "0.00012"), (0.0031, "0.0031"), (16.0, "16"), (-0.0214, "−0.0214"), (1_000_000, "1000000")],
)
def test_plain_numbers_never_use_powers_of_ten(value: float, said: str) -> None:
    assert text.plain(value) == said


def test_runs_of_layers_are_joined() -> None:
    assert text.ranges((5, 0, 1, 2)) == "0–2, 5"
    assert text.ranges(()) == ""


def test_module_names_are_cut_to_what_tells_them_apart() -> None:
    names = ("attention.self.query", "cross.self.query", "attention.self.value", "output.dense")

    assert text.short_names(names) == ("attention.self.query", "cross.self.query", "value", "output.dense")


def test_times_lose_their_seconds_and_other_texts_nothing() -> None:
    assert text.moment("2025-03-01T12:58:11Z") == "2025-03-01 12:58 UTC"
    assert text.moment("yesterday") == "yesterday"
