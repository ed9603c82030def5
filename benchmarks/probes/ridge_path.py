"""Ridge regression for many penalties from one singular value decomposition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from scipy.linalg import svd

from satclip_bench.benchmarks.probes.data import Features, Float64, Floats
from satclip_bench.benchmarks.probes.estimators import fit_scaler
from satclip_bench.benchmarks.probes.rows import read

BLOCK_NUMBERS = 2**25
"""Numbers of a block of rows that is in memory in float64 at a time: 256 MiB."""
MIN_ROWS_PER_COLUMN = 4
"""Rows of a block for each column, at least: the triangle of the rows before is decomposed again
with every block."""


class Targets(Protocol):
    """Targets `(n, K)`, an array or what makes ranges of its rows."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of rows and of columns."""

    def mean(self, axis: int) -> Float64:
        """Means `(K,)` of the columns, for an axis of 0."""

    def __getitem__(self, part: slice) -> Float64:
        """A range of rows, `(m, K)`."""


class RidgePath:
    """Ridge regressions on the same standardised features, for any penalty and several targets.

    Minimises ||Y - Z W - b||^2 + alpha ||W||^2, of which the intercept b is not penalised, by
    W = V diag(s / (s^2 + alpha)) U'Y with Z = U diag(s) V' (Hastie, Tibshirani and Friedman, The
    Elements of Statistical Learning, equation 3.47). U itself is not needed: with the triangle R of
    a QR decomposition [Z Y] = Q R, and R = [A B] in its first rows, s and V are those of A, and U'Y
    is (the left singular vectors of A)'B. All this is in float64: the Gram matrix Z'Z would lose
    the directions that small alphas use. scikit-learn's RidgeCV shares a decomposition only across
    leave-one-out folds, not across alphas scored on other rows.

    Args:
        X: `(n, D)` features, of which blocks of rows are read.
        Y: `(n, K)` targets, read in the same way.

    Examples:
        >>> path = RidgePath(np.array([[-1.0], [1.0]]), np.array([[0.0], [4.0]]))
        >>> path.coefficients(2.0), path.intercept
        (array([[1.]]), array([2.]))
        >>> [scores.round(3).item() for scores in path.predict(np.array([[3.0]]), (1e-8, 2.0))]
        [8.0, 5.0]
    """

    def __init__(self, X: Features, Y: Targets) -> None:
        self.scaler: Any = fit_scaler(X)
        self.intercept: Float64 = Y.mean(axis=0)
        columns = X.shape[1]
        triangle = decompose(self.scaler, X, Y, self.intercept)[: min(columns, len(X))]
        left, scales, self._directions = svd(
            triangle[:, :columns], full_matrices=False, check_finite=False
        )
        # Directions of rounding alone have no influence, however small the penalty is.
        rounding = scales[0] * max(X.shape) * np.finfo(np.float64).eps
        self._scales = np.where(scales > rounding, scales, 0.0)
        self._projected = left.T @ triangle[:, columns:]

    def coefficients(self, alpha: float) -> Float64:
        """Coefficients `(D, K)` of the standardised features.

        Args:
            alpha: penalty, above 0.
        """
        return np.asarray(self._directions.T @ self._weights(alpha))

    def predict(self, X: Floats, alphas: Sequence[float]) -> Iterator[Float64]:
        """Predictions `(m, K)` for each penalty, one after the other.

        Args:
            X: `(m, D)` features.
            alphas: penalties, above 0.
        """
        features = standardise(self.scaler, X)
        columns, targets = X.shape[1], len(self.intercept)
        if len(alphas) * targets < columns:
            weights = np.hstack([self._weights(alpha) for alpha in alphas])
            scores = features @ (self._directions.T @ weights)
            yield from (part + self.intercept for part in np.hsplit(scores, len(alphas)))
            return
        rotated = features @ self._directions.T
        for alpha in alphas:
            yield rotated @ self._weights(alpha) + self.intercept

    def _weights(self, alpha: float) -> Float64:
        shrunk = self._scales / (self._scales**2 + alpha)
        return np.asarray(shrunk[:, None] * self._projected)


def standardise(scaler: Any, X: Floats) -> Float64:
    """Standardised features in float64, since small alphas use what float32 would round away."""
    # As `scaler.transform` of float64, with one copy less.
    Z: Float64 = np.subtract(X, scaler.mean_, dtype=np.float64)
    Z /= scaler.scale_
    return Z


def decompose(scaler: Any, X: Features, Y: Targets, means: Float64) -> Float64:
    """Triangle of a QR decomposition of [Z Y], standardised features and centred targets.

    Args:
        scaler: scaler of the features.
        X: `(n, D)` features.
        Y: `(n, K)` targets, which may have no columns.
        means: `(K,)` means of the targets.

    Returns:
        `(min(n, D + K), D + K)` array.
    """
    columns = X.shape[1] + Y.shape[1]
    rows = max(BLOCK_NUMBERS // columns, MIN_ROWS_PER_COLUMN * X.shape[1])
    triangle = np.empty((0, columns))
    for start in range(0, len(X), rows):
        part = slice(start, start + rows)
        added = np.hstack([standardise(scaler, read(X, part)), Y[part] - means])
        triangle = np.asarray(np.linalg.qr(np.vstack([triangle, added]), mode="r"))
    return triangle
