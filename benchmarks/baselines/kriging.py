"""The Gaussian-process baseline: ordinary kriging on the sphere."""

from __future__ import annotations

from itertools import groupby, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.benchmarks.baselines.base import (
    UNSEEN,
    BaselineCard,
    Choice,
    Lonlat,
    Method,
    Part,
    Target,
    Values,
    spread,
)
from satclip_bench.core.sphere import EARTH_RADIUS_KM, unit_vectors

Float = NDArray[np.float64]

MOST_POINTS = 7000
"""The last system takes three or four seconds of one core, and grows with the cube of them."""
RUNG_POINTS = (500, 1000, 2000)
RUNG_KEEPS = (18, 6, 1)
VALIDATION_POINTS = 1000
SEED = 0

GP = BaselineCard(
    name="baseline.gp",
    title="GP on the sphere",
    description="Ordinary kriging, which is Gaussian-process regression with an unknown constant "
    "mean. Covariance: Matérn of the straight-line distance between points on the sphere, which is "
    "positive definite for any smoothness, while of the great-circle distance it is not above 1/2; "
    "and a share of noise. Classes: indicator kriging, one covariance for all, negative shares set "
    "to 0 and rows normalised. Smoothness, length and noise are those with the lowest squared "
    "error on at most `max_validation_points` of the validation set (of class indicators; a label "
    "that the training set does not have has none), by successive halving: all candidates on the "
    "first of `halving_train_points` training points, those kept on the next. The last system is "
    "exact up to `max_train_points` training points; of more, that many are drawn at random. "
    "`n_train_points` among the chosen parameters is their number.",
    citation="Matheron 1963, Principles of geostatistics, Economic Geology 58, 1246; Journel 1983, "
    "Nonparametric estimation of spatial distributions, Mathematical Geology 15, 445; Gneiting "
    "2013, Strictly and non-strictly positive definite functions on spheres, Bernoulli 19, 1327; "
    "Jamieson and Talwalkar 2016, Non-stochastic best arm identification and hyperparameter "
    "optimization, AISTATS",
    settings={
        "max_train_points": MOST_POINTS,
        "halving_train_points": RUNG_POINTS,
        "halving_keep": RUNG_KEEPS,
        "max_validation_points": VALIDATION_POINTS,
        "seed": SEED,
    },
    search={
        "smoothness": (0.5, 1.5),
        "length_scale_km": (30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0),
        "noise_variance": (0.001, 0.01, 0.03, 0.1, 0.3, 1.0),
    },
)

_ROWS = 1024
"""Rows of a covariance matrix made at a time."""


class Candidate(NamedTuple):
    """What is chosen: a covariance of variance 1, and the noise's variance beside it."""

    smoothness: float
    length_scale_km: float
    noise_variance: float


class Kriging(Method):
    """Ordinary kriging; of indicators, for classes."""

    _points: Float
    _chosen: Candidate
    _mean: Float
    _weights: Values

    @override
    def fit(self, train: Part, validation: Part) -> Choice:
        rng = np.random.default_rng(SEED)
        drawn = rng.permutation(len(train.labels))[:MOST_POINTS]
        held = rng.permutation(len(validation.labels))[:VALIDATION_POINTS]
        self._points = unit_vectors(train.lonlat[drawn])
        values = spread(train.labels[drawn], self.classes)
        self._chosen = self._choose(
            values, unit_vectors(validation.lonlat[held]), validation.labels[held]
        )
        self._mean, self._weights = krige(
            _self_covariance(self._points, self._chosen), self._chosen.noise_variance, values
        )
        return {**self._chosen._asdict(), "n_train_points": len(self._points)}

    @override
    def values(self, lonlat: Lonlat) -> Values:
        points = unit_vectors(lonlat)
        blocks = [
            covariance(_km(points[row : row + _ROWS], self._points), *_shape(self._chosen))
            @ self._weights
            for row in range(0, len(points), _ROWS)
        ]
        return self._shares(np.concatenate(blocks) + self._mean)

    def _shares(self, values: Values) -> Values:
        if self.classes is None:
            return values
        # Kriging's weights sum to 1, so that the rows do, and what is positive sums to 1 at least.
        values = np.maximum(values, 0)
        return np.asarray(values / values.sum(axis=1, keepdims=True))

    def _choose(self, values: Values, held: Float, labels: Target) -> Candidate:
        candidates = [Candidate(*c) for c in product(*self.card.search.values())]
        for most, keep in zip(RUNG_POINTS, RUNG_KEEPS, strict=True):
            losses = self._losses(candidates, values[:most], held, labels)
            best = np.argsort(losses, kind="stable")
            enough = most >= len(values)
            candidates = [candidates[i] for i in sorted(best[: 1 if enough else keep])]
            if enough:
                break
        return candidates[0]

    def _losses(
        self, candidates: list[Candidate], values: Values, held: Float, labels: Target
    ) -> list[float]:
        """The squared error on validation points of each candidate; equal covariances adjoin."""
        points = self._points[: len(values)]
        among, across = _km(points, points), _km(held, points)
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
        own = np.where(codes == UNSEEN, 0, values[np.arange(len(codes)), codes])
        return float(np.mean(np.sum(values**2, axis=1) - 2 * own + 1))


def covariance(km: Float, smoothness: float, length_scale_km: float) -> Float:
    """The Matérn covariance of variance 1 at some distances.

    Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, section 4.2.1.

    Args:
        km: straight-line distances.
        smoothness: 0.5 (fields continuous but rough) or 1.5 (fields with slopes).
        length_scale_km: the larger, the farther a point is felt.
    """
    scaled = km * (np.sqrt(2 * smoothness) / length_scale_km)
    decay = np.exp(-scaled)
    if smoothness == 0.5:
        return np.asarray(decay)
    return np.asarray((1 + scaled) * decay)


def krige(covariances: Float, noise: float, values: Values) -> tuple[Float, Values]:
    """The mean and the weights of ordinary kriging.

    The best linear unbiased prediction under an unknown constant mean: mean + c' weights, where c
    holds a point's covariances with the training points. For values whose rows sum to 1, the mean
    sums to 1 and every row of the predictions too.

    Args:
        covariances: `(n, n)`, symmetric; overwritten.
        noise: variance of the noise on every training value, above 0.
        values: `(n, C)`.

    Returns:
        `(C,)` and `(n, C)`.
    """
    from scipy.linalg import cho_factor, cho_solve

    covariances[np.diag_indices_from(covariances)] += noise
    # The transpose of a symmetric matrix is itself, in the order that LAPACK works on in place.
    factor = cho_factor(covariances.T, lower=True, overwrite_a=True, check_finite=False)
    # Targets far from 0 would spend their digits on their level.
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


def _self_covariance(points: Float, chosen: Candidate) -> Float:
    out = np.empty((len(points), len(points)))
    for row in range(0, len(points), _ROWS):
        out[row : row + _ROWS] = covariance(_km(points[row : row + _ROWS], points), *_shape(chosen))
    return out


def _shape(candidate: Candidate) -> tuple[float, float]:
    return candidate.smoothness, candidate.length_scale_km
