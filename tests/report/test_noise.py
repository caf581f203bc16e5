"""What the page says of noise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autolora.perturbing import PERTURBATIONS
from autolora.records.robustness import RobustnessRecord
from autolora.report import render_engineer
from autolora.report.noise import KINDS, noise
from tests.report import made_up

pytestmark = pytest.mark.unit


def test_every_kind_of_noise_has_its_words() -> None:
    assert list(KINDS) == list(PERTURBATIONS)


def test_what_is_shown_to_lose_more_than_the_margin_is_told_from_what_is_shown_to_hold() -> None:
    found = noise(made_up.report())

    assert found is not None
    assert found.candidates == (f"Trial {made_up.CHOSEN}", "Default LoRA")
    assert found.clean == (0.864, 0.703)
    assert {row.name.split()[0]: {cell.standing for cell in row.cells} for row in found.noises} == {
        "Typing": {"open"},
        "Capitals": {"holds"},
        "The": {"loses"},
        "Decomposed": set(),
    }
    assert [row.cells[0].score for row in found.noises if row.cells] == pytest.approx([0.844, 0.864, 0.564, 0.754])


def test_nothing_is_shown_to_hold_on_fewer_rows_than_bear_the_margin() -> None:
    report = made_up.report()

    found = noise(replace(report, robustness=replace(made_up.robustness(), rows=299)))

    assert {cell.standing for row in found.noises for cell in row.cells} == {"open", "loses"}


def test_of_an_error_more_is_worse() -> None:
    report, record = made_up.report(), made_up.robustness()
    more, less = (0.11, 0.06, 0.16), (-0.11, -0.16, -0.06)
    noises = [replace(record.noises[0], differences=dict.fromkeys(record.scores, each)) for each in (more, less)]
    report = replace(
        report,
        recommendation=replace(report.recommendation, metric=replace(report.recommendation.metric, name="mae")),
        robustness=replace(record, noises=tuple(noises)),
    )

    found = noise(report)

    assert [cell.standing for row in found.noises for cell in row.cells[:1]] == ["loses", "holds"]


def test_the_page_shows_the_table_or_says_why_there_is_none() -> None:
    whole = render_engineer(made_up.report())
    assert whole.count("<td><b>loses</b></td>") == 4
    assert "by more than the margin of 0.01, and holds where even the worse end is not, which takes 300 rows" in whole

    short = render_engineer(replace(made_up.report(), robustness=RobustnessRecord(left_out="Time was short.")))
    assert '<p class="missing">Time was short.</p>' in short

    assert "Under noise" not in render_engineer(replace(made_up.report(), robustness=None))
