"""Ridge regression for many penalties from one singular value decomposition."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import svd

from satclip_bench.benchmarks.probes.data import Float64, Floats
from satclip_bench.benchmarks.probes.estimators import fit_scaler

# Six digits, so that the last bit of a platform's pow() does not change a record's key.
ALPHAS = tuple(float(f"{10 ** (half / 2):.6g}") for half in range(-16, 17))
"""Penalties that are tried: half-decades from 1e-8 to 1e8."""


class RidgePath:
    """Ridge regressions on the same standardised features, for any penalty and several targets.

    Minimises ||Y - Z W - b||^2 + alpha ||W||^2, of which the intercept b is not penalised, by
    W = V diag(s / (s^2 + alpha)) U'Y with Z = U diag(s) V' (Hastie, Tibshirani and Friedman, The
    Elements of Statistical Learning, equation 3.47). The decomposition is that of the features in
    float64: their Gram matrix would lose the directions that small alphas use. scikit-learn's
    RidgeCV shares a decomposition only across leave-one-out folds, not across alphas scored on
    other rows.

    Args:
        X: `(n, D)` features.
        Y: `(n, K)` targets.

    Examples:
        >>> path = RidgePath(np.array([[-1.0], [1.0]]), np.array([[0.0], [4.0]]))
        >>> path.coefficients(2.0), path.intercept
        (array([[1.]]), array([2.]))
        >>> [path.predict(np.array([[3.0]]), alpha).round(3).item() for alpha in (1e-8, 2.0)]
        [8.0, 5.0]
    """

    def __init__(self, X: Floats, Y: Float64) -> None:
        self.scaler: Any = fit_scaler(X)
        self.intercept: Float64 = Y.mean(axis=0)
        U, scales, self._directions = svd(
            standardise(self.scaler, X), full_matrices=False, check_finite=False
        )
        # Directions of rounding alone have no influence, however small the penalty is.
        rounding = scales[0] * max(X.shape) * np.finfo(np.float64).eps
        self._scales = np.where(scales > rounding, scales, 0.0)
        self._projected = U.T @ (Y - self.intercept)

    def coefficients(self, alpha: float) -> Float64:
        """Coefficients `(D, K)` of the standardised features.

        Args:
            alpha: penalty, above 0.
        """
        return np.asarray(self._directions.T @ self._weights(alpha))

    def predict(self, X: Floats, *alphas: float) -> Float64:
        """Predictions `(A, m, K)` for each penalty.

        Args:
            X: `(m, D)` features.
            alphas: penalties, above 0.
        """
        rotated = standardise(self.scaler, X) @ self._directions.T
        return np.stack([rotated @ self._weights(alpha) + self.intercept for alpha in alphas])

    def _weights(self, alpha: float) -> Float64:
        shrunk = self._scales / (self._scales**2 + alpha)
        return np.asarray(shrunk[:, None] * self._projected)


def standardise(scaler: Any, X: Floats) -> Float64:
    """Standardised features in float64, since small alphas use what float32 would round away."""
    return np.asarray(scaler.transform(X.astype(np.float64, copy=False)))
