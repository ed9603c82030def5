"""The Gaussian-process baseline: ordinary kriging on the sphere."""

from __future__ import annotations

from itertools import groupby, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.benchmarks.baselines.base import (
    UNSEEN,
    Baseline,
    BaselineCard,
    Choice,
    Lonlat,
    Method,
    Points,
    Target,
    Values,
    as_values,
)
from satclip_bench.core.sphere import EARTH_RADIUS_KM, unit_vectors

Float = NDArray[np.float64]

MAX_TRAIN_POINTS = 7000
"""The last system takes three to four seconds on one core, and the time grows with the cube."""
HALVING_TRAIN_POINTS = (500, 1000, 2000)
HALVING_KEEP = (18, 6, 1)
MAX_VALIDATION_POINTS = 1000
SEED = 0

_ROWS = 1024
"""Rows of a covariance matrix that are computed at a time."""


class Candidate(NamedTuple):
    """A covariance of variance 1, and the variance of the noise; see `covariance` for the units."""

    smoothness: float
    length_scale_km: float
    noise_variance: float


class Kriging(Method):
    """Ordinary kriging of a number, or of the indicators of classes."""

    _points: Float
    _best: Candidate
    _mean: Float
    _weights: Values

    @override
    def fit(self, train: Points, validation: Points) -> Choice:
        rng = np.random.default_rng(SEED)
        sample = rng.permutation(len(train.labels))[:MAX_TRAIN_POINTS]
        held_out = rng.permutation(len(validation.labels))[:MAX_VALIDATION_POINTS]
        self._points = unit_vectors(train.lonlat[sample])
        values = as_values(train.labels[sample], self.classes)
        self._best = self._search(
            values, unit_vectors(validation.lonlat[held_out]), validation.labels[held_out]
        )
        self._mean, self._weights = krige(
            _self_covariance(self._points, self._best), self._best.noise_variance, values
        )
        return {**self._best._asdict(), "n_train_points": len(self._points)}

    @override
    def values(self, lonlat: Lonlat) -> Values:
        points = unit_vectors(lonlat)
        blocks = [
            covariance(_km(points[row : row + _ROWS], self._points), *_shape(self._best))
            @ self._weights
            for row in range(0, len(points), _ROWS)
        ]
        return self._shares(np.concatenate(blocks) + self._mean)

    def _shares(self, values: Values) -> Values:
        if self.classes is None:
            return values
        # The weights of kriging sum to 1, and so do the rows; positive values sum to at least 1.
        values = np.maximum(values, 0)
        return np.asarray(values / values.sum(axis=1, keepdims=True))

    def _search(self, values: Values, held_out: Float, labels: Target) -> Candidate:
        candidates = [Candidate(*c) for c in product(*self.card.search.values())]
        for rows, keep in zip(HALVING_TRAIN_POINTS, HALVING_KEEP, strict=True):
            losses = self._losses(candidates, values[:rows], held_out, labels)
            best = np.argsort(losses, kind="stable")
            all_used = rows >= len(values)
            candidates = [candidates[i] for i in sorted(best[: 1 if all_used else keep])]
            if all_used:
                break
        return candidates[0]

    def _losses(
        self, candidates: list[Candidate], values: Values, held_out: Float, labels: Target
    ) -> list[float]:
        """Squared error of each candidate on the validation points.

        Candidates of the same covariance are neighbours in the list, so that it is computed once.
        """
        points = self._points[: len(values)]
        among, across = _km(points, points), _km(held_out, points)
        losses = []
        for shape, group in groupby(candidates, key=_shape):
            inner, outer = covariance(among, *shape), covariance(across, *shape)
            for candidate in group:
                mean, weights = krige(inner.copy(), candidate.noise_variance, values)
                losses.append(self._loss(self._shares(outer @ weights + mean), labels))
        return losses

    def _loss(self, values: Values, labels: Target) -> float:
        if self.classes is None:
            return float(np.mean((values[:, 0] - labels) ** 2))
        codes = labels.astype(np.int64)
        true = np.where(codes == UNSEEN, 0, values[np.arange(len(codes)), codes])
        return float(np.mean(np.sum(values**2, axis=1) - 2 * true + 1))


def covariance(km: Float, smoothness: float, length_scale_km: float) -> Float:
    """Matérn covariance of variance 1.

    Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, section 4.2.1.

    Args:
        km: straight-line distances in km.
        smoothness: 0.5 for fields that are continuous but rough, or 1.5 for differentiable ones.
        length_scale_km: length scale in km; the larger, the farther a point has influence.

    Examples:
        >>> covariance(np.array([0.0, 100.0]), 0.5, 100.0).round(3)
        array([1.   , 0.368])
    """
    scaled = km * (np.sqrt(2 * smoothness) / length_scale_km)
    decay = np.exp(-scaled)
    if smoothness == 0.5:
        return np.asarray(decay)
    return np.asarray((1 + scaled) * decay)


def krige(covariances: Float, noise: float, values: Values) -> tuple[Float, Values]:
    """Mean and weights of ordinary kriging.

    The best linear unbiased prediction under an unknown constant mean is mean + c' weights, where c
    holds the covariances of a point with the training points. If the rows of the values sum to 1,
    so do the mean and every row of the predictions.

    Args:
        covariances: `(n, n)` symmetric covariances of the training points; overwritten.
        noise: variance of the noise of every training value, above 0.
        values: `(n, C)` training values.

    Returns:
        The mean `(C,)` and the weights `(n, C)`.
    """
    from scipy.linalg import cho_factor, cho_solve

    covariances[np.diag_indices_from(covariances)] += noise
    # The transpose of a symmetric matrix has the memory order that LAPACK can overwrite.
    factor = cho_factor(covariances.T, lower=True, overwrite_a=True, check_finite=False)
    # Targets far from 0 would lose digits to their mean.
    level = values.mean(axis=0)
    solved = cho_solve(
        factor, np.column_stack([np.ones(len(values)), values - level]), check_finite=False
    )
    ones, rest = solved[:, :1], solved[:, 1:]
    mean = rest.sum(axis=0) / ones.sum()
    return level + mean, rest - ones * mean


def _km(a: Float, b: Float) -> Float:
    from scipy.spatial.distance import cdist

    return np.asarray(EARTH_RADIUS_KM * cdist(a, b))


def _self_covariance(points: Float, candidate: Candidate) -> Float:
    out = np.empty((len(points), len(points)))
    for row in range(0, len(points), _ROWS):
        km = _km(points[row : row + _ROWS], points)
        out[row : row + _ROWS] = covariance(km, *_shape(candidate))
    return out


def _shape(candidate: Candidate) -> tuple[float, float]:
    return candidate.smoothness, candidate.length_scale_km


GP = Baseline(
    BaselineCard(
        name="baseline.gp",
        title="GP on the sphere",
        description="Ordinary kriging, which is Gaussian-process regression with an unknown "
        "constant mean. The covariance is a Matérn function of the straight-line distance between "
        "points on the sphere, plus noise. With the straight-line distance it is positive definite "
        "for any smoothness; with the great-circle distance it is not above 1/2. Classes: "
        "indicator kriging with one covariance for all classes; negative shares are set to 0 and "
        "rows are normalised. Smoothness, length scale and noise are those with the lowest squared "
        "error on at most `max_validation_points` of the validation set (of class indicators; a "
        "label that is not in the training set has none), by successive halving: all candidates "
        "are fitted on the first of `halving_train_points` training points, and the best "
        "`halving_keep` on the next. The last fit is exact up to `max_train_points` training "
        "points; from larger training sets, that many are drawn at random. `n_train_points` in the "
        "chosen parameters is their number.",
        citation="Matheron 1963, Principles of geostatistics, Economic Geology 58, 1246; Journel "
        "1983, Nonparametric estimation of spatial distributions, Mathematical Geology 15, 445; "
        "Gneiting 2013, Strictly and non-strictly positive definite functions on spheres, "
        "Bernoulli 19, 1327; Jamieson and Talwalkar 2016, Non-stochastic best arm identification "
        "and hyperparameter optimization, AISTATS",
        settings={
            "max_train_points": MAX_TRAIN_POINTS,
            "halving_train_points": HALVING_TRAIN_POINTS,
            "halving_keep": HALVING_KEEP,
            "max_validation_points": MAX_VALIDATION_POINTS,
            "seed": SEED,
        },
        search={
            "smoothness": (0.5, 1.5),
            "length_scale_km": (30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0),
            "noise_variance": (0.001, 0.01, 0.03, 0.1, 0.3, 1.0),
        },
    ),
    Kriging,
)
