"""Closed-form ridge regression for many penalties at once, as in CoordBench's harness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

MIN_SCALE = 1e-6
"""Divisor of constant columns in the harness."""


def ridge_path(
    train: NDArray[Any],
    target: Float,
    test: NDArray[Any],
    alphas: Sequence[float],
    *,
    free_intercept: bool,
) -> Iterator[Float]:
    """Predictions of ridge regressions on standardised features, one per penalty.

    Minimises `|y - Xw - b|^2 + alpha |w|^2`; the intercept b is penalised like a weight or not at
    all. Features are scaled by the mean and standard deviation (divisor n - 1) of the training rows
    in their own precision; everything else is computed in float64.

    Args:
        train: `(n, D)` training features.
        target: `(n, K)` training targets.
        test: `(m, D)` test features.
        alphas: positive penalties.
        free_intercept: whether b is not penalised.

    Yields:
        Predictions `(m, K)` for one penalty, in the order of `alphas`.

    Examples:
        >>> X = np.array([[0.0], [1.0], [2.0]])
        >>> (predictions,) = ridge_path(X, 2 * X + 1, X, [1e-9], free_intercept=True)
        >>> predictions.round(3).ravel().tolist()
        [1.0, 3.0, 5.0]
    """
    mean = train.mean(axis=0)
    scale = np.maximum(train.std(axis=0, ddof=1), np.asarray(MIN_SCALE, dtype=train.dtype))
    X = ((train - mean) / scale).astype(np.float64)
    Z = ((test - mean) / scale).astype(np.float64)
    if free_intercept:
        centre, offset = X.mean(axis=0), target.mean(axis=0)
        X, Z, y = X - centre, Z - centre, target - offset
    else:
        X, Z = _with_ones(X), _with_ones(Z)
        offset, y = np.zeros(target.shape[1]), target
    # One eigendecomposition serves all penalties: (X'X + aI)^-1 X'y = V (L + a)^-1 V' X'y.
    values, vectors = np.linalg.eigh(X.T @ X)
    moment = vectors.T @ (X.T @ y)
    rotated = Z @ vectors
    for alpha in alphas:
        yield rotated @ (moment / (np.maximum(values, 0) + alpha)[:, None]) + offset


def _with_ones(X: Float) -> Float:
    return np.concatenate([X, np.ones((len(X), 1))], axis=1)
