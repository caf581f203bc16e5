"""How sure an adapter is, and how often it is right then."""

from __future__ import annotations

import numpy as np
import pytest

from autolora.calibration import calibration, confidence, coverage, expected_error, reliability, temperature_of

pytestmark = pytest.mark.unit


def made_up(rows: int, *, too_sure: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return logits of three classes, and true classes drawn with the probabilities that softened logits say."""
    random = np.random.default_rng(seed)
    honest = random.normal(0, 2, (rows, 3))
    odds = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    truth = (random.random(rows)[:, None] > odds.cumsum(axis=1)).sum(axis=1)
    return honest * too_sure, truth


def made_up_sets(rows: int, *, too_sure: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the same of rows that have any of three classes."""
    random = np.random.default_rng(seed)
    honest = random.normal(0, 2, (rows, 3))
    return honest * too_sure, random.random((rows, 3)) < 1 / (1 + np.exp(-honest))


@pytest.mark.parametrize("made", [made_up, made_up_sets])
@pytest.mark.parametrize("too_sure", [0.5, 3.0])
def test_the_temperature_is_what_logits_were_blown_up_by(too_sure, made) -> None:
    logits, truth = made(6000, too_sure=too_sure, seed=1)

    assert temperature_of(logits, truth) == pytest.approx(too_sure, rel=0.06)


def test_where_every_row_is_right_confidences_stay_as_they_are() -> None:
    assert temperature_of(np.eye(3) * 1000.0, np.arange(3)) == 1.0


def test_a_gain_that_may_be_chance_changes_no_confidence() -> None:
    temperatures = [temperature_of(*made_up(60, too_sure=1.0, seed=seed)) for seed in range(40)]

    assert sum(each == 1.0 for each in temperatures) > 24
    assert temperature_of(*made_up(60, too_sure=4.0, seed=1)) > 2


def test_a_model_that_is_too_sure_is_mended_on_rows_that_the_temperature_has_not_seen() -> None:
    test, validation = made_up(4000, too_sure=3.0, seed=2), made_up(2000, too_sure=3.0, seed=3)

    logits, truth = test
    found = calibration(
        logits, logits.argmax(axis=1), truth, validation_logits=validation[0], validation_truth=validation[1]
    )

    assert found.error_before > 0.1
    assert found.error < 0.03
    assert found.rows == 4000
    assert all(abs(each.confidence - each.accuracy) < 0.08 for each in found.bins if each.rows > 100)


def test_several_classes_are_as_sure_as_that_all_of_them_are_right() -> None:
    odds = np.array([[0.9, 0.2, 0.6], [0.9, 0.2, 0.6]])
    logits = np.log(odds / (1 - odds))
    given = np.array([[1, 0, 1], [1, 1, 1]])

    assert confidence(logits, given, temperature=1.0) == pytest.approx([0.9 * 0.8 * 0.6, 0.9 * 0.2 * 0.6])
    assert confidence(logits * 3, given, temperature=3.0) == pytest.approx([0.9 * 0.8 * 0.6, 0.9 * 0.2 * 0.6])


def test_too_sure_of_several_classes_is_mended_at_any_threshold() -> None:
    test, validation = made_up_sets(4000, too_sure=3.0, seed=2), made_up_sets(2000, too_sure=3.0, seed=3)
    logits, truth = test
    for given in (logits > 0, logits > -0.4):
        found = calibration(logits, given, truth, validation_logits=validation[0], validation_truth=validation[1])

        assert found.error_before > 0.1
        assert found.error < 0.03
        assert found.coverage[0].accuracy == pytest.approx((given == truth).all(axis=1).mean())


def test_bins_are_a_tenth_wide_and_the_error_is_their_mean_by_rows() -> None:
    sure = np.array([0.35, 0.95, 0.91, 1.0])
    bins = reliability(sure, np.array([True, True, False, True]))

    assert [(each.rows, each.accuracy) for each in bins] == [(1, 1.0), (3, pytest.approx(2 / 3))]
    assert expected_error(bins) == pytest.approx((0.65 + 3 * abs(2.86 / 3 - 2 / 3)) / 4)
    assert expected_error(()) == 0.0


def test_the_surer_the_rows_the_more_of_them_are_right() -> None:
    logits, truth = made_up(4000, too_sure=1.0, seed=4)
    found = calibration(logits, logits.argmax(axis=1), truth, validation_logits=logits, validation_truth=truth)

    assert found.coverage[0].share == 1.0
    shares, accuracies = [p.share for p in found.coverage], [p.accuracy for p in found.coverage]
    assert shares == sorted(shares, reverse=True)
    assert accuracies == sorted(accuracies)
    assert all(point.accuracy_ci95[0] <= point.accuracy <= point.accuracy_ci95[1] for point in found.coverage)


def test_rows_that_are_equally_sure_are_answered_together() -> None:
    (point,) = coverage(np.full(8, 0.7), np.array([True] * 6 + [False] * 2))

    assert (point.share, point.accuracy, point.confidence) == (1.0, 0.75, 0.7)
