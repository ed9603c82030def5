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
    factors: Float | None = None,
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
        factors: `(D,)` positive factors on the penalties of the columns' weights; None for 1.

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
    if factors is not None:
        # Columns that are divided by the root of a factor have that factor on their penalty.
        X, Z = X / np.sqrt(factors), Z / np.sqrt(factors)
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


def chunk_factors(columns: int, beta: float, boundaries: Sequence[int]) -> Float:
    """Factors on the penalties of columns in chunks: beta to the power of the chunk's number.

    Args:
        columns: number of columns D.
        beta: factor from one chunk to the next.
        boundaries: numbers of the columns with which the second and later chunks begin.

    Returns:
        `(D,)` factors, 1 for the first chunk.

    Examples:
        >>> chunk_factors(5, 10.0, (2, 4)).tolist()
        [1.0, 1.0, 10.0, 10.0, 100.0]
    """
    chunk = np.searchsorted(np.asarray(boundaries), np.arange(columns), side="right")
    return np.asarray(float(beta) ** chunk, dtype=np.float64)


def _with_ones(X: Float) -> Float:
    return np.concatenate([X, np.ones((len(X), 1))], axis=1)
