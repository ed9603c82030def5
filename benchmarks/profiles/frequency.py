"""Resolution of an embedding: spherical harmonics that a ridge regression on it expresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satclip_bench.encoders.layers.spherical_harmonics import real_harmonics

Float = NDArray[np.float64]

PENALTIES = (1e-8, 1e-6, 1e-4, 1e-2, 1.0)
"""Ridge penalties per training point, for columns of variance 1."""
BATCH = 1024
"""Points whose harmonics are computed at a time."""


@dataclass(frozen=True)
class Sets:
    """Rows of a training, a validation and a test set of points.

    Attributes:
        lonlat: `(N, 2)` degrees of all points, longitude first.
        embedding: `(N, D)` rows of these points.
        sizes: numbers of training and of validation points, which come first; the rest is tested.
    """

    lonlat: Float
    embedding: NDArray[np.floating]
    sizes: tuple[int, int]


def expressed(sets: Sets, degrees: Sequence[int]) -> Float:
    """R² on test points of the spherical harmonics of each degree, `(len(degrees),)`.

    All 2 l + 1 orders of a degree l are predicted by ridge regression on the standardised
    columns, as the linear probe has them, clipped to the range that a harmonic can have, and their
    squared errors are pooled. The number therefore does not depend on where the poles are: it is
    the share of a random field of that degree which the embedding expresses. The penalty of each
    degree is the best of `PENALTIES` on the validation points. 1 is complete, 0 no better than
    the mean; worse than the mean is below 0.

    Args:
        sets: points and their embedding.
        degrees: degrees l of the harmonics, 1 or more.
    """
    targets, group = _targets(sets.lonlat, degrees)
    n_train, n_validation = sets.sizes
    x = np.asarray(sets.embedding, dtype=np.float64)
    mean, scale = x[:n_train].mean(axis=0), x[:n_train].std(axis=0)
    # A column without variance has no information; what remains of it is rounding.
    x = (x - mean) / np.where(scale > 1e-6 * np.abs(mean), scale, np.inf)
    offset = targets[:n_train].mean(axis=0)
    y = targets - offset
    validation = slice(n_train, n_train + n_validation)
    test = slice(n_train + n_validation, None)
    gram, moment = x[:n_train].T @ x[:n_train] / n_train, x[:n_train].T @ y[:n_train] / n_train
    # The sum of squares over the orders of a degree is the same everywhere (addition theorem).
    bound = np.sqrt(_pooled(targets[:1] ** 2, group))[group]
    limits = -bound - offset, bound - offset
    best = np.full(len(degrees), np.inf)
    scores = np.empty(len(degrees))
    for penalty in PENALTIES:
        weights = _solve(gram, moment, penalty)
        loss = _pooled((y[validation] - np.clip(x[validation] @ weights, *limits)) ** 2, group)
        better = loss < best
        best[better] = loss[better]
        error = _pooled((y[test] - np.clip(x[test] @ weights, *limits)) ** 2, group)
        total = _pooled((targets[test] - targets[test].mean(axis=0)) ** 2, group)
        scores[better] = (1 - error / total)[better]
    return scores


def half_degree(degrees: Sequence[int], scores: Float) -> float:
    """Degree at which R² first falls below one half, between two degrees linear in their logarithm.

    It is 0 if the lowest degree is below one half, and infinite if none is.

    Examples:
        >>> half_degree((4, 16, 64), np.array([1.0, 1.0, 0.0]))
        32.0
    """
    below = np.flatnonzero(scores < 0.5)
    if not len(below):
        return float("inf")
    last = int(below[0])
    if last == 0:
        return 0.0
    low, high = last - 1, last
    weight = (scores[low] - 0.5) / (scores[low] - scores[high])
    return float(degrees[low] * (degrees[high] / degrees[low]) ** weight)


def _targets(lonlat: Float, degrees: Sequence[int]) -> tuple[Float, NDArray[np.int64]]:
    """Harmonics of the degrees, `(N, K)`, and the position in `degrees` of each column."""
    columns = np.concatenate([np.arange(n * n, (n + 1) ** 2) for n in degrees])
    group = np.repeat(np.arange(len(degrees)), [2 * n + 1 for n in degrees])
    parts = [
        real_harmonics(lonlat[start : start + BATCH], max(degrees) + 1)[:, columns]
        for start in range(0, len(lonlat), BATCH)
    ]
    return np.concatenate(parts), group


def _solve(gram: Float, moment: Float, penalty: float) -> Float:
    from scipy.linalg import solve

    weights = solve(gram + penalty * np.eye(len(gram)), moment, assume_a="pos")
    return np.asarray(weights, dtype=np.float64)


def _pooled(squares: Float, group: NDArray[np.int64]) -> Float:
    return np.bincount(group, squares.sum(axis=0)).astype(np.float64)
