"""How sure an adapter is, as figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autolora.calibration import coverage, reliability
from autolora.intervals import wilson
from autolora.records import Calibration
from autolora.report import render_engineer
from autolora.report.draw import draw
from autolora.report.sure import coverage_figure, reliability_figure
from tests.report import made_up

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    random = np.random.default_rng(3)
    sure = np.append(random.uniform(0.3, 1.0, 399), 1.0)
    right = random.random(400) < sure
    return Calibration(
        temperature=1.0, rows=400, error_before=0.0, error=0.0, bins=reliability(sure, right),
        coverage=coverage(sure, right),
    )  # fmt: skip


def test_each_bin_stands_in_its_tenth_with_wilsons_interval_and_its_share_of_the_rows(calibration) -> None:
    points = reliability_figure(calibration).points

    assert [point.middle for point in points] == pytest.approx([0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95])
    assert all(abs(point.middle - point.confidence) <= 0.05 for point in points)
    assert sum(point.share for point in points) == pytest.approx(1.0)
    for point, own in zip(points, calibration.bins, strict=True):
        assert point.right_ci95 == wilson(round(own.accuracy * own.rows), own.rows)
        assert point.right_ci95[0] <= point.right <= point.right_ci95[1]


def test_the_drawing_has_the_diagonal_and_intervals_in_percent(calibration) -> None:
    bars, diagonal, right = draw(reliability_figure(calibration))["data"]

    assert sum(bars["y"]) == pytest.approx(100)
    assert (diagonal["x"], diagonal["y"]) == ([0, 100], [0, 100])
    first = calibration.bins[0]
    assert (right["x"][0], right["y"][0]) == pytest.approx((100 * first.confidence, 100 * first.accuracy))
    high = right["y"][0] + right["error_y"]["array"][0]
    assert high == pytest.approx(100 * wilson(round(first.accuracy * first.rows), first.rows)[1])


def test_the_coverage_curve_runs_from_the_surest_rows_to_all(calibration) -> None:
    (curve,) = draw(coverage_figure(calibration))["data"]

    assert curve["x"] == sorted(curve["x"])
    assert (curve["x"][-1], curve["mode"]) == (100, "lines+markers")
    assert curve["y"][-1] == pytest.approx(100 * calibration.coverage[0].accuracy)


def test_the_page_has_both_charts_only_where_there_is_a_calibration() -> None:
    report = made_up.report()
    without = replace(report, recommendation=replace(report.recommendation, calibration=None))

    assert [render_engineer(report).count(f'data-figure="{name}"') for name in ("reliability", "coverage")] == [1, 1]
    assert 'data-figure="reliability"' not in render_engineer(without)
