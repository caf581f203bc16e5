"""Durations and sizes as people write them."""

from __future__ import annotations

import pytest

from autolora.errors import RequestError
from autolora.units import parse_duration, parse_size

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("15m", 15), ("90s", 1.5), ("2h", 120), ("1h30m", 90), ("1h 30m 30s", 90.5), ("0.5H", 30), (" 1m ", 1)],
)
def test_durations_become_minutes(text: str, minutes: float) -> None:
    assert parse_duration(text) == minutes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a duration must be hours, minutes and seconds such as 1h30m, 15m or 90s, but got ''"),
        ("15", "but got '15'"),
        ("30m1h", "but got '30m1h'"),
        ("-5m", "but got '-5m'"),
        ("１５m", "but got '１５m'"),
        ("1e3m", "but got '1e3m'"),
        ("nan", "but got 'nan'"),
        ("9" * 5000 + "h", "a duration must be hours"),
        ("0m", "a duration must be longer than nothing, but got '0m'"),
    ],
)
def test_what_is_no_duration_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_duration(text)

    assert message in caught.value.message
    assert caught.value.hint


def test_a_duration_without_a_unit_is_answered_with_minutes() -> None:
    with pytest.raises(RequestError) as caught:
        parse_duration("15")

    assert caught.value.hint == "write 15m for minutes"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8GB", 8 * 10**9),
        ("512MB", 512 * 10**6),
        ("8GiB", 8 * 2**30),
        ("8 gib", 8 * 2**30),
        ("1.1GB", 1_100_000_000),
        ("2TB", 2 * 10**12),
        ("2TiB", 2**41),
        ("64KiB", 2**16),
        ("100B", 100),
        ("8000000000", 8 * 10**9),
    ],
)
def test_sizes_become_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "8G", "GB", "8 lots", "-8GB", "8e9", "8,5GB", "٨GB", "9" * 5000, "inf", "0x10"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_size(text)

    assert "a size must be a number of bytes, or a number and one of KB, MB, GB" in caught.value.message
    assert caught.value.hint == "write, for example, 8GB"
