"""Systems of ordinary kriging, by NumPy and LAPACK."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.sphere import EARTH_RADIUS_KM

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

M = TypeVar("M")
"""Type of a float64 matrix on the device where it is used."""

BLOCK_ROWS = 1024
"""Rows of a covariance matrix that are computed at a time."""


class Shape(NamedTuple):
    """Parameters of a covariance of variance 1; see `covariance` for the units."""

    smoothness: float
    length_scale_km: float


class Kriged(NamedTuple, Generic[M]):
    """Solution of the system of ordinary kriging."""

    mean: Float
    """`(C,)` estimated means."""
    weights: M
    """`(n, C)` weights of the covariances with the training points."""
    sill: Float
    """`(C,)` variances of the process, which the covariances are multiplied by."""
    factor: M
    """`(n, n)` lower Cholesky factor of the covariances with noise."""
    ones: M
    """`(n,)` solution of the system for a right-hand side of ones."""


class Systems(ABC, Generic[M]):
    """Operations of kriging on one device, where the matrices stay; all are in float64."""

    @abstractmethod
    def distances(self, a: Float, b: Float) -> M:
        """Straight-line distances in km between unit vectors, `(n, 3)` and `(m, 3)`: `(n, m)`."""

    @abstractmethod
    def covariance(self, km: M, shape: Shape) -> M:
        """Matérn covariance of variance 1 at these distances."""

    @abstractmethod
    def self_covariance(self, points: Float, shape: Shape) -> M:
        """Covariances of unit vectors with each other, `(n, n)`."""

    @abstractmethod
    def copy(self, matrix: M) -> M:
        """A copy that may be overwritten."""

    @abstractmethod
    def krige(self, covariances: M, noise: float, values: Float) -> Kriged[M]:
        """Solve the system as the function `krige` does; the covariances are overwritten."""

    @abstractmethod
    def predict(self, kriged: Kriged[M], across: M) -> Float:
        """Predictions, `(m, C)`, from the covariances with the training points, `(m, n)`."""

    @abstractmethod
    def relative_variance(self, kriged: Kriged[M], across: M) -> Float:
        """Variance of the error as by the function `relative_variance`, `(m,)`."""

    @abstractmethod
    def left_out_residuals(
        self, covariances: M, noise: float, values: Float, left_out: Sequence[Mask]
    ) -> list[Float]:
        """For each set of points, their residuals if kriged from all others, as `(m, C)`.

        Args:
            covariances: `(n, n)` symmetric covariances of the training points; overwritten.
            noise: variance of the noise of every training value, above 0.
            values: `(n, C)` training values.
            left_out: masks of points, `(n,)` each; none of all points.
        """


class NumpySystems(Systems[Float]):
    """The operations by NumPy and LAPACK, on the CPU."""

    @override
    def distances(self, a: Float, b: Float) -> Float:
        from scipy.spatial.distance import cdist

        return np.asarray(EARTH_RADIUS_KM * cdist(a, b))

    @override
    def covariance(self, km: Float, shape: Shape) -> Float:
        return covariance(km, *shape)

    @override
    def self_covariance(self, points: Float, shape: Shape) -> Float:
        out = np.empty((len(points), len(points)))
        for row in range(0, len(points), BLOCK_ROWS):
            km = self.distances(points[row : row + BLOCK_ROWS], points)
            out[row : row + BLOCK_ROWS] = covariance(km, *shape)
        return out

    @override
    def copy(self, matrix: Float) -> Float:
        return matrix.copy()

    @override
    def krige(self, covariances: Float, noise: float, values: Float) -> Kriged[Float]:
        return krige(covariances, noise, values)

    @override
    def predict(self, kriged: Kriged[Float], across: Float) -> Float:
        return np.asarray(across @ kriged.weights + kriged.mean)

    @override
    def relative_variance(self, kriged: Kriged[Float], across: Float) -> Float:
        return relative_variance(kriged, across)

    @override
    def left_out_residuals(
        self, covariances: Float, noise: float, values: Float, left_out: Sequence[Mask]
    ) -> list[Float]:
        precision = kriging_precision(covariances, noise)
        projected = precision @ (values - values.mean(axis=0))
        return [left_out_residual(precision, projected, mask) for mask in left_out]


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
    # In place, because fetching memory for another matrix takes longer than the arithmetic.
    decay = np.negative(scaled)
    np.exp(decay, out=decay)
    if smoothness != 0.5:
        scaled += 1
        decay *= scaled
    return np.asarray(decay)


def krige(covariances: Float, noise: float, values: Float) -> Kriged[Float]:
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
    sill = restricted_sill(np.sum(centred * weights, axis=0), values)
    return Kriged(level + mean, weights, sill, factor[0], ones[:, 0])


def restricted_sill(squares: Float, values: Float) -> Float:
    """Sill by restricted maximum likelihood, `(C,)`; 0 for values that do not vary.

    Args:
        squares: `(C,)` sums of the products of centred values and their weights.
        values: `(n, C)` training values.
    """
    sill = squares.clip(min=0) / max(len(values) - 1, 1)
    return np.where(np.ptp(values, axis=0) > 0, sill, 0)


def relative_variance(kriged: Kriged[Float], across: Float) -> Float:
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


def left_out_residual(precision: Float, projected: Float, left_out: Mask) -> Float:
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
