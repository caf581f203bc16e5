"""How sure an adapter is, and how often it is right then. Pure: knows logits, answers and true classes.

Confidence is the probability that an answer is right: of one class its own; of any number of classes that every one of
them is rightly given or left out, each taken as independent of the others given the text, as each has a loss of its own
in training (binary relevance, Zhang and Zhou 2014).

A model that says 0.9 should be right nine times in ten. Fine-tuned ones are often too sure; dividing all logits by one
number, the temperature, mends most of that and changes no answer (Guo et al. 2017, "On calibration of modern neural
networks"). It is found on validation rows; how well it works is told on test rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, softmax

from autolora.intervals import wilson
from autolora.records import Calibration, CoveragePoint, ReliabilityBin

Array = NDArray[Any]
_BINS = 10
_LOG_TEMPERATURES = (-2.5, 2.5)
"""Natural logarithms of the lowest and highest temperature: 0.08 and 12."""
_SHARES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
"""Of the rows that are answered, in the coverage curve."""


def confidence(logits: Array, given: Array, *, temperature: float) -> NDArray[np.float64]:
    """Return the probability that each answer is right ``(rows,)``.

    Args:
        logits: ``(rows, classes)``.
        given: The answers: indices of classes ``(rows,)``, or which classes were given ``(rows, classes)``.
        temperature: That logits are divided by.
    """
    mended = np.asarray(logits, dtype=np.float64) / temperature
    if given.ndim == 1:
        return np.asarray(softmax(mended, axis=1)[np.arange(len(given)), given])
    return np.asarray(expit(np.where(given, mended, -mended)).prod(axis=1))


def temperature_of(logits: Array, truth: Array) -> float:
    """Return the temperature at which the true classes are likeliest; 1 where its gain is within one standard error.

    Args:
        logits: Of rows that were not trained on ``(rows, classes)``.
        truth: Their classes, as ``confidence`` has answers.
    """
    rows = np.arange(len(truth))

    def losses(log_temperature: float) -> NDArray[np.float64]:
        mended = logits / np.exp(log_temperature)
        if truth.ndim == 1:
            return np.asarray(-log_softmax(mended, axis=1)[rows, truth])
        return np.asarray(-log_expit(np.where(truth, mended, -mended)).sum(axis=1))

    found = minimize_scalar(
        lambda at: float(losses(at).mean()), bounds=_LOG_TEMPERATURES, method="bounded", options={"xatol": 1e-4}
    )
    gain = losses(0.0) - losses(float(found.x))
    # A few rows would always have some temperature; one whose gain may be chance is as likely to do harm on others.
    sure_enough = gain.mean() > max(1e-6, gain.std() / len(gain) ** 0.5)
    return float(np.exp(found.x)) if sure_enough else 1.0


def calibration(
    logits: Array, given: Array, truth: Array, *, validation_logits: Array, validation_truth: Array
) -> Calibration:
    """Return how sure an adapter is on test rows, at the temperature that validation rows ask for.

    Args:
        logits: Of the test rows ``(rows, classes)``.
        given: What it answered, as ``confidence`` has it.
        truth: Their classes, likewise.
        validation_logits: Of rows that were not trained on ``(rows, classes)``.
        validation_truth: Their classes, likewise.
    """
    temperature = temperature_of(np.asarray(validation_logits, dtype=np.float64), validation_truth)
    raw = confidence(logits, given, temperature=1.0)
    sure = confidence(logits, given, temperature=temperature)
    right = given == truth if truth.ndim == 1 else (given.astype(bool) == truth.astype(bool)).all(axis=1)
    bins = reliability(sure, right)
    return Calibration(
        temperature=temperature,
        rows=len(truth),
        error_before=expected_error(reliability(raw, right)),
        error=expected_error(bins),
        bins=bins,
        coverage=coverage(sure, right),
    )


def reliability(sure: Array, right: Array) -> tuple[ReliabilityBin, ...]:
    """Return rows in ten bins of confidence, each a tenth wide; empty ones are left out."""
    place = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    return tuple(
        ReliabilityBin(
            confidence=float(sure[place == at].mean()),
            accuracy=float(right[place == at].mean()),
            rows=int((place == at).sum()),
        )
        for at in range(_BINS)
        if (place == at).any()
    )


def expected_error(bins: tuple[ReliabilityBin, ...]) -> float:
    """Return the expected calibration error: how far confidence and accuracy lie apart, on average over the rows."""
    rows = sum(each.rows for each in bins)
    return sum(each.rows * abs(each.confidence - each.accuracy) for each in bins) / rows if rows else 0.0


def coverage(sure: Array, right: Array) -> tuple[CoveragePoint, ...]:
    """Return for shares of the rows, the surest ones, from which confidence on they are and how many are right.

    Rows that are as sure as the last one taken are taken too. Intervals are Wilson's, at 95 %.
    """
    falling = np.sort(sure)[::-1]
    points: list[CoveragePoint] = []
    for share in _SHARES:
        threshold = falling[max(1, round(share * len(sure))) - 1]
        taken = sure >= threshold
        point = CoveragePoint(
            confidence=float(threshold),
            share=float(taken.mean()),
            accuracy=float(right[taken].mean()),
            accuracy_ci95=wilson(int(right[taken].sum()), int(taken.sum())),
        )
        if not points or point.share < points[-1].share:
            points.append(point)
    return tuple(points)
