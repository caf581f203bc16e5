"""What the cells of a column mean by which test rows are told apart."""

from __future__ import annotations

import pytest

from autolora.data.slicing import LEAST_SLICED, months, sliced

pytestmark = pytest.mark.unit


def test_a_column_of_dates_is_sliced_by_month() -> None:
    cells = ("2026-03-31", " 2026/3/1 ", "2026年4月", "2026-04-02T10:00:00+09:00", "")

    values, (finding,) = sliced({"opened": cells})

    assert values == {"opened": ("2026-03", "2026-03", "2026-04", "2026-04", "")}
    assert "'opened' holds dates: test rows are told apart by month (3 months)" in finding.message


@pytest.mark.parametrize(
    "cells",
    [
        ("2026-03-31", "spring"),
        ("20260331", "20260401"),  # as likely a number of something
        ("2026.03", "2026.04"),
        ("31/3/2026",),
        ("", ""),
    ],
)
def test_what_is_not_a_date_in_every_cell_is_taken_as_it_is(cells: tuple[str, ...]) -> None:
    assert months(cells) is None
    assert sliced({"column": cells})[0] == {"column": cells}


def test_values_are_counted_and_too_many_are_a_warning() -> None:
    _, (few,) = sliced({"branch": ("Osaka ", "Kyoto") * LEAST_SLICED})
    _, (many,) = sliced({"id": tuple(map(str, range(100)))})

    assert (few.severity, "by column 'branch' (2 different values)" in few.message) == ("note", True)
    assert (many.severity, "fewer different values" in many.hint) == ("warning", True)


def test_without_a_column_there_is_nothing_to_say() -> None:
    assert sliced({}) == ({}, ())
