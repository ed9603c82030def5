"""Dimension of an embedding: of the space that it spans, and of the surface that it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError

Float = NDArray[np.float64]

TWO_NN_FRACTION = 0.9
"""Share of the points, those with the smallest ratios, to which the two-nearest-neighbours
estimate is fitted, as in the paper."""
MIN_POINTS = 10


def variances(embedding: NDArray[np.floating]) -> Float:
    """Variances along the principal axes, `(min(N, D),)`, largest first.

    Args:
        embedding: `(N, D)` rows, in any units; columns are centred and not scaled.
    """
    centred = np.asarray(embedding, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    n, d = centred.shape
    gram = centred.T @ centred if d <= n else centred @ centred.T
    return np.asarray(np.maximum(np.linalg.eigvalsh(gram)[::-1], 0) / n, dtype=np.float64)


def participation_ratio(variance: Float) -> float:
    """Number of principal axes over which the variance is spread: (sum v)^2 / sum v^2.

    It is D if all of D axes have the same variance and 1 if one has all of it (Gao, Trautmann, Yu,
    Santhanam, Ryu, Shenoy and Ganguli 2017, A theory of multineuronal dimensionality, dynamics and
    measurement, eq. 5). Squares make it a count of the large axes.

    Args:
        variance: `(K,)` variances along the principal axes.

    Raises:
        BenchError: there is no variance.

    Examples:
        >>> participation_ratio(np.array([1.0, 1.0, 0.0]))
        2.0
    """
    shares = _shares(variance)
    return float(1 / (shares**2).sum())


def effective_rank(variance: Float) -> float:
    """Exponential of the entropy of the normalised singular values of the centred embedding.

    Roy and Vetterli 2007, The effective rank: a measure of effective dimensionality (EUSIPCO).
    Singular values are the square roots of the variances, so that small axes count for more than
    in the participation ratio.

    Args:
        variance: `(K,)` variances along the principal axes.

    Raises:
        BenchError: there is no variance.

    Examples:
        >>> round(effective_rank(np.array([4.0, 4.0, 0.0])), 6)
        2.0
    """
    shares = _shares(np.sqrt(variance))
    shares = shares[shares > 0]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _shares(values: Float) -> Float:
    total = values.sum()
    if not total > 0:
        raise BenchError("the embedding is the same everywhere, so that it has no dimension")
    return np.asarray(values / total, dtype=np.float64)


def two_nearest_neighbours(embedding: NDArray[np.floating]) -> float:
    """Intrinsic dimension near a point, from the distances to its two nearest neighbours.

    If density hardly changes over these distances, their ratio m is Pareto-distributed,
    P(m > x) = x^-d. The dimension d is the slope of -log(1 - F) over log m, through the origin and
    for the smallest nine tenths of the ratios (Facco, d'Errico, Rodriguez and Laio 2017, Estimating
    the intrinsic dimension of datasets by a minimal neighborhood information, Scientific Reports
    7, 12140). The estimate holds at the scale of the distances between the points: it depends on
    how many there are.

    Args:
        embedding: `(N, D)` rows of points drawn at random. Equal rows count once.

    Raises:
        BenchError: there are fewer than ten different rows, or they are a regular lattice.
    """
    from sklearn.neighbors import NearestNeighbors

    rows = np.unique(np.asarray(embedding, dtype=np.float64), axis=0)
    if len(rows) < MIN_POINTS:
        raise BenchError(
            f"the embedding has {len(rows)} different values, and the two-nearest-neighbours "
            f"dimension needs {MIN_POINTS} or more"
        )
    distance = NearestNeighbors(n_neighbors=2).fit(rows).kneighbors()[0]
    # Differences below the rounding of the distances give 0, or a ratio that is not finite.
    distance = distance[distance[:, 0] > 0]
    ratio = np.sort(np.log(distance[:, 1] / distance[:, 0]))
    n = len(ratio)
    kept = int(TWO_NN_FRACTION * n)
    x, y = ratio[:kept], -np.log1p(-np.arange(1, kept + 1) / n)
    if not (x**2).sum() > 0:
        raise BenchError("neighbours are all equally far: the points are not a random sample")
    return float((x * y).sum() / (x**2).sum())
