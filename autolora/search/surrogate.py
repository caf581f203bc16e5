"""What is believed of quality in places where nothing was trained: a Gaussian process over settings and training share.

Knows points and values only. Trials that ended at a rung teach as well as those trained in full: the share of training
is one more coordinate, along which a score at a ninth says something of the score at the end.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from threadpoolctl import threadpool_limits

Array = NDArray[np.float64]

_LENGTHS = (0.1, 20.0)
"""Distances, on axes from 0 to 1, over which quality may change: from at once to hardly at all."""
_NOISE = (1e-3, 0.5)
"""Share of the scores' variance that may be chance."""
_FAR = 1e3
"""On every axis."""
_USUAL_LENGTH, _USUAL_NOISE = 1.0, 0.03
_PRIOR_SPREAD = 0.7
"""Of the logarithms of both around what is usual: with few scores likelihood alone takes chance for a rapid change."""


@dataclass(frozen=True, kw_only=True)
class Surrogate:
    """A fitted model."""

    process: GaussianProcessRegressor
    points: Array
    values: Array
    """As given."""
    mean: float
    scale: float

    @property
    def shape(self) -> Array:
        """What was learned of the function besides its values; a later fit may start from it, or take it as it is."""
        theta: Array = self.process.kernel_.theta
        return theta

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation at points ``(n, axes)``, each ``(n,)``, without a measurement's noise."""
        with threadpool_limits(1):
            mean, spread = self.process.predict(points, return_std=True)
        noise = self.process.kernel_.k2.noise_level
        latent = np.sqrt(np.maximum(spread**2 - noise, 1e-12))
        return mean * self.scale + self.mean, latent * self.scale

    def believing(self, points: Array) -> Surrogate:
        """Return the model that takes its own guesses at points for measured: they become less worth another trial."""
        guessed, _ = self.predict(points)
        return _fitted(
            np.vstack([self.points, points]),
            np.append(self.values, guessed),
            self.mean,
            self.scale,
            self.shape,
            refit=False,
        )


def unsure(axes: int, *, spread: float) -> Surrogate:
    """Return the model of one who has seen nothing: 0 everywhere, give or take as much.

    Args:
        axes: Of a point.
        spread: Standard deviation.
    """
    # A score of 0 so far away that it says nothing of any place.
    return _fitted(np.full((1, axes), _FAR), np.zeros(1), 0.0, spread, None, refit=False)


def fit(points: Array, values: Array, *, shape: Array | None = None, refit: bool = True) -> Surrogate:
    """Fit a model whose shape is the most probable one (Rasmussen and Williams 2006, algorithm 2.1 and chapter 5).

    Args:
        points: ``(n, axes)``, about within 0 and 1.
        values: ``(n,)``, larger is better.
        shape: Of an earlier model, to start from.
        refit: Whether the shape may change; takes most of the time.
    """
    return _fitted(points, values, float(values.mean()), float(values.std()) or 1.0, shape, refit=refit)


def _fitted(points: Array, values: Array, mean: float, scale: float, shape: Array | None, *, refit: bool) -> Surrogate:
    kernel = ConstantKernel(1.0, (0.1, 10.0)) * Matern(np.full(points.shape[1], _USUAL_LENGTH), _LENGTHS, nu=2.5)
    kernel += WhiteKernel(_USUAL_NOISE, _NOISE)
    usual = kernel.theta

    def most_probable(loss: Callable[..., Any], start: Array, bounds: Array) -> tuple[Array, float]:
        def with_prior(theta: Array) -> tuple[float, Array]:
            value, slope = loss(theta)
            off = (theta - usual) / _PRIOR_SPREAD
            return value + 0.5 * float(off @ off), slope + off / _PRIOR_SPREAD

        found = minimize(with_prior, start, jac=True, bounds=bounds, method="L-BFGS-B")
        return found.x, found.fun

    if shape is not None:
        kernel.theta = shape
    process = GaussianProcessRegressor(kernel, optimizer=most_probable if refit else None)
    # Products of these sizes gain nothing from threads, and take them from whatever trains.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # scores without chance are none to worry about
        process.fit(points, (values - mean) / scale)
    return Surrogate(process=process, points=points, values=values, mean=mean, scale=scale)
