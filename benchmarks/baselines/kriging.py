"""The Gaussian-process baseline: ordinary kriging on the sphere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.benchmarks.baselines.base import (
    Baseline,
    BaselineCard,
    Choice,
    Distribution,
    HeldOut,
    Lonlat,
    Method,
    Points,
    Target,
    Values,
    as_values,
)
from satclip_bench.benchmarks.targets import UNSEEN, clip_to, range_of
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


Losses = Callable[[list[Candidate], Values], list[float]]
"""Loss of each candidate, fitted to the first training points; their values are `(n, C)`."""


class Kriged(NamedTuple):
    """Solution of the system of ordinary kriging."""

    mean: Float
    """`(C,)` estimated means."""
    weights: Values
    """`(n, C)` weights of the covariances with the training points."""
    sill: Float
    """`(C,)` variances of the process, which the covariances are multiplied by."""
    factor: Float
    """`(n, n)` lower Cholesky factor of the covariances with noise."""
    ones: Float
    """`(n,)` solution of the system for a right-hand side of ones."""


class Kriging(Method):
    """Ordinary kriging of a number, or of the indicators of classes."""

    _points: Float
    _best: Candidate
    _kriged: Kriged

    @override
    def fit(self, train: Points, held_out: HeldOut) -> Choice:
        rng = np.random.default_rng(SEED)
        sample = rng.permutation(len(train.labels))[:MAX_TRAIN_POINTS]
        self._points = unit_vectors(train.lonlat[sample])
        labels = train.labels[sample]
        values = as_values(labels, self.classes)
        if held_out.validation is not None:
            rows = rng.permutation(len(held_out.validation.labels))[:MAX_VALIDATION_POINTS]
            losses: Losses = partial(self._losses, held_out.validation.take(rows))
        else:
            folds = [(np.isin(sample, fit), np.isin(sample, held)) for fit, held in held_out.inner]
            losses = partial(self._inner_losses, folds, labels)
        self._best = self._search(values, losses)
        self._kriged = krige(
            _self_covariance(self._points, self._best), self._best.noise_variance, values
        )
        if self.classes is None:
            self.info = {"sill": float(self._kriged.sill[0])}
        return {**self._best._asdict(), "n_train_points": len(self._points)}

    @override
    def values(self, lonlat: Lonlat) -> Values:
        blocks = [across @ self._kriged.weights for across in self._covariances(lonlat)]
        return self._shares(np.concatenate(blocks) + self._kriged.mean)

    @override
    def distribution(self, lonlat: Lonlat) -> Distribution:
        blocks = [
            (across @ self._kriged.weights, relative_variance(self._kriged, across))
            for across in self._covariances(lonlat)
        ]
        values, variances = map(np.concatenate, zip(*blocks, strict=True))
        of_observation = variances + self._best.noise_variance
        return Distribution(
            (values + self._kriged.mean)[:, 0],
            np.asarray(np.sqrt(self._kriged.sill * of_observation)),
        )

    def _covariances(self, lonlat: Lonlat) -> Iterator[Float]:
        """Covariances of up to `_ROWS` points at a time with the training points."""
        points, shape = unit_vectors(lonlat), _shape(self._best)
        for row in range(0, len(points), _ROWS):
            yield covariance(_km(points[row : row + _ROWS], self._points), *shape)

    def _shares(self, values: Values) -> Values:
        if self.classes is None:
            return values
        # The weights of kriging sum to 1, and so do the rows; positive values sum to at least 1.
        values = np.maximum(values, 0)
        return np.asarray(values / values.sum(axis=1, keepdims=True))

    def _search(self, values: Values, losses_of: Losses) -> Candidate:
        candidates = [Candidate(*c) for c in product(*self.card.search.values())]
        for rows, keep in zip(HALVING_TRAIN_POINTS, HALVING_KEEP, strict=True):
            best = np.argsort(losses_of(candidates, values[:rows]), kind="stable")
            all_used = rows >= len(values)
            candidates = [candidates[i] for i in sorted(best[: 1 if all_used else keep])]
            if all_used:
                break
        return candidates[0]

    def _losses(
        self, validation: Points, candidates: list[Candidate], values: Values
    ) -> list[float]:
        """Loss of each candidate on the validation points.

        Candidates of the same covariance are neighbours in the list, so that it is computed once.
        """
        points, held_out = self._points[: len(values)], unit_vectors(validation.lonlat)
        among, across = _km(points, points), _km(held_out, points)
        losses = []
        for shape, group in groupby(candidates, key=_shape):
            inner, outer = covariance(among, *shape), covariance(across, *shape)
            for candidate in group:
                solved = krige(inner.copy(), candidate.noise_variance, values)
                predicted = outer @ solved.weights + solved.mean
                losses.append(self._loss(predicted, validation.labels, values))
        return losses

    def _inner_losses(
        self,
        folds: Sequence[tuple[NDArray[np.bool_], NDArray[np.bool_]]],
        labels: Target,
        candidates: list[Candidate],
        values: Values,
    ) -> list[float]:
        """Loss of each candidate summed over the inner folds, by one decomposition for all folds.

        Args:
            folds: for each inner fold, which training points are fitted on and which are held out.
            labels: labels of the training points.
            candidates: candidates, those of the same covariance in a row.
            values: `(n, C)` values of the first training points, which alone are used.
        """
        n = len(values)
        among = _km(self._points[:n], self._points[:n])
        used = [(fitted[:n], held[:n]) for fitted, held in folds]
        used = [(fitted, held) for fitted, held in used if fitted.any() and held.any()]
        losses = []
        for shape, group in groupby(candidates, key=_shape):
            inner = covariance(among, *shape)
            for candidate in group:
                precision = kriging_precision(inner.copy(), candidate.noise_variance)
                projected = precision @ (values - values.mean(axis=0))
                loss = 0.0
                for fitted, held in used:
                    residual = left_out_residual(precision, projected, ~fitted)[held[~fitted]]
                    loss += self._loss(values[held] - residual, labels[:n][held], values[fitted])
                losses.append(loss)
        return losses

    def _loss(self, predicted: Values, labels: Target, fitted: Values) -> float:
        """Sum of squared errors of clipped predictions, or of the shares of classes.

        Args:
            predicted: `(m, C)` predictions of kriging.
            labels: `(m,)` labels.
            fitted: `(n, C)` values that the prediction was fitted to.
        """
        if self.classes is None:
            clipped = clip_to(predicted[:, 0], range_of(fitted))
            return float(np.sum((clipped - labels) ** 2))
        values, codes = self._shares(predicted), labels.astype(np.int64)
        true = np.where(codes == UNSEEN, 0, values[np.arange(len(codes)), codes])
        return float(np.sum(np.sum(values**2, axis=1) - 2 * true + 1))


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


def krige(covariances: Float, noise: float, values: Values) -> Kriged:
    """Solve the system of ordinary kriging.

    The best linear unbiased prediction under an unknown constant mean is mean + c' weights, where c
    holds the covariances of a point with the training points. If the rows of the values sum to 1,
    so do the mean and every row of the predictions. The sill is the estimate of restricted maximum
    likelihood for this correlation, (y - mean)' weights / (n - 1) (Stein 1999, Interpolation of
    Spatial Data, section 6.4); it is 0 for values that do not vary.

    Args:
        covariances: `(n, n)` symmetric covariances of the training points; overwritten.
        noise: variance of the noise of every training value, above 0.
        values: `(n, C)` training values.
    """
    from scipy.linalg import cho_factor, cho_solve

    covariances[np.diag_indices_from(covariances)] += noise
    # The transpose of a symmetric matrix has the memory order that LAPACK can overwrite.
    factor = cho_factor(covariances.T, lower=True, overwrite_a=True, check_finite=False)
    # Targets far from 0 would lose digits to their mean.
    level = values.mean(axis=0)
    centred = values - level
    solved = cho_solve(factor, np.column_stack([np.ones(len(values)), centred]), check_finite=False)
    ones, rest = solved[:, :1], solved[:, 1:]
    mean = rest.sum(axis=0) / ones.sum()
    weights = rest - ones * mean
    sill = np.sum(centred * weights, axis=0).clip(min=0) / max(len(values) - 1, 1)
    sill = np.where(np.ptp(values, axis=0) > 0, sill, 0)
    return Kriged(level + mean, weights, sill, factor[0], ones[:, 0])


def relative_variance(kriged: Kriged, across: Float) -> Float:
    """Variance of the error of ordinary kriging of the process, `(m,)`, relative to the sill.

    Cressie 1993, Statistics for Spatial Data, eq. 3.2.16: 1 - c' K^-1 c + (1 - 1' K^-1 c)^2 /
    (1' K^-1 1), in which the last term is that of the unknown mean.

    Args:
        kriged: solution of the system.
        across: `(m, n)` covariances of the points with the training points.
    """
    from scipy.linalg import solve_triangular

    solved = solve_triangular(kriged.factor, across.T, lower=True, check_finite=False)
    known = np.einsum("nm,nm->m", solved, solved)
    of_mean = (1 - across @ kriged.ones) ** 2 / kriged.ones.sum()
    return np.asarray(np.maximum(1 - known + of_mean, 0))


def kriging_precision(covariances: Float, noise: float) -> Float:
    """The matrix Q of ordinary kriging: K^-1 - K^-1 1 1' K^-1 / (1' K^-1 1), `(n, n)`.

    Args:
        covariances: `(n, n)` symmetric covariances of the training points; overwritten.
        noise: variance of the noise of every training value, above 0.
    """
    from scipy.linalg import lapack

    covariances[np.diag_indices_from(covariances)] += noise
    # The transpose of a symmetric matrix has the memory order that LAPACK can overwrite.
    factor, _ = lapack.dpotrf(covariances.T, lower=1, overwrite_a=1, clean=1)
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    precision = inverse + np.tril(inverse, -1).T
    ones = precision.sum(axis=0)
    precision -= ones[:, None] * (ones / ones.sum())
    return np.asarray(precision)


def left_out_residual(precision: Float, projected: Values, left_out: NDArray[np.bool_]) -> Values:
    """Residuals of points, `(m, C)`, kriged from all the other points, all from one decomposition.

    Dubrule 1983, Cross validation of kriging in a unique neighborhood, Mathematical Geology 15,
    687: the residuals of the points B that are left out are (Q_BB)^-1 (Q y)_B.

    Args:
        precision: `(n, n)` matrix Q of `kriging_precision`.
        projected: `(n, C)` product of Q and the values.
        left_out: `(n,)` which points are left out; not all of them.
    """
    from scipy.linalg import cho_factor, cho_solve

    factor = cho_factor(precision[np.ix_(left_out, left_out)], lower=True, check_finite=False)
    return np.asarray(cho_solve(factor, projected[left_out], check_finite=False))


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
        "error on at most `max_validation_points` of the validation set, or on the inner folds (of "
        "class indicators; a label that is not in the training set has none), by successive "
        "halving: all candidates are fitted on the first of `halving_train_points` training "
        "points, and the best `halving_keep` on the next; inner folds are folds of these points. "
        "The last fit is exact up to `max_train_points` training points; from larger training "
        "sets, that many are drawn at random. `n_train_points` in the chosen parameters is their "
        "number. Predicted numbers are clipped to the range of the training targets. A regression "
        "also predicts the standard deviation of an observation at a point: the kriging variance "
        "with the sill of restricted maximum likelihood, plus noise. Of classes the shares are "
        "kept, whose log loss is their score as probabilities.",
        citation="Matheron 1963, Principles of geostatistics, Economic Geology 58, 1246; Journel "
        "1983, Nonparametric estimation of spatial distributions, Mathematical Geology 15, 445; "
        "Dubrule 1983, Cross validation of kriging in a unique neighborhood, Mathematical Geology "
        "15, 687; "
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
        version=2,
    ),
    Kriging,
)
