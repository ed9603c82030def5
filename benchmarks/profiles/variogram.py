"""Variogram of an embedding over great-circle distance, and the distance of its half sill."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.sphere import (
    EARTH_RADIUS_KM,
    great_circle_km,
    km_to_chord,
    lonlat_of,
    unit_vectors,
)

Float = NDArray[np.float64]

NEAR_KM = 300.0
"""Distance up to which all pairs are listed."""
RANDOM_PAIRS = 200_000
MAX_PAIRS, MIN_PAIRS = 2048, 100
"""Maximum and minimum number of pairs of a bin."""


@dataclass(frozen=True)
class Variogram:
    """Half the mean squared difference of embeddings by distance (Matheron 1963).

    Attributes:
        km: `(B,)` great-circle distances, ascending.
        value: `(B,)` semivariances, as shares of the sill.
        pairs: `(B,)` numbers of pairs of points.
    """

    km: Float
    value: Float
    pairs: NDArray[np.int64]

    @property
    def half_sill_km(self) -> float:
        """Distance at which half of the sill is first reached.

        Between two distances it is interpolated in the logarithms of distance and value. It is 0
        if the smallest distance is beyond it, and infinite if no distance reaches it.
        """
        reached = np.flatnonzero(self.value >= 0.5)
        if not len(reached):
            return float("inf")
        first = int(reached[0])
        if first == 0:
            return 0.0
        between = slice(first - 1, first + 1)
        # A power law between two distances, also where the nearer one has no variance at all.
        value = np.log(np.maximum(self.value[between], np.finfo(np.float64).tiny))
        return float(np.exp(np.interp(np.log(0.5), value, np.log(self.km[between]))))


def partners(lonlat: Float, km: float, rng: np.random.Generator) -> Float:
    """A point at a given great-circle distance of each point, in a random direction, `(N, 2)`.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
        km: distance, up to half the circumference.
        rng: source of the directions.

    Examples:
        >>> berlin = np.array([[13.4, 52.5]])
        >>> other = partners(berlin, 1000, np.random.default_rng(0))
        >>> great_circle_km(berlin, other).round(6)
        array([1000.])
    """
    start = unit_vectors(lonlat)
    direction = rng.standard_normal(start.shape)
    direction -= (direction * start).sum(axis=1, keepdims=True) * start
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    angle = km / EARTH_RADIUS_KM
    return lonlat_of(np.cos(angle) * start + np.sin(angle) * direction)


def semivariance(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Half the mean squared distance between the rows of two embeddings, `(N, D)` each."""
    difference = np.asarray(first, dtype=np.float64) - second
    return float((difference**2).sum(axis=1).mean() / 2)


def sill(embedding: NDArray[np.floating]) -> float:
    """Total variance of an embedding, `(N, D)`: the semivariance of two points drawn at random."""
    return float(np.var(embedding, axis=0, dtype=np.float64).sum())


def pair_variogram(
    lonlat: Float,
    embedding: NDArray[np.floating],
    edges: Float,
    rng: np.random.Generator,
) -> Variogram:
    """Variogram of the pairs among given points, in bins of distance.

    Bins with more than `MAX_PAIRS` pairs use that many of them, drawn at random; bins with fewer
    than `MIN_PAIRS` are left out. A bin's distance is the geometric mean of those of its pairs.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
        embedding: `(N, D)` rows of these points.
        edges: `(B + 1,)` ascending limits of the bins in km.
        rng: source of the draws.
    """
    pairs = _pairs(lonlat, rng)
    km = great_circle_km(lonlat[pairs[:, 0]], lonlat[pairs[:, 1]])
    total, bins = sill(embedding), []
    for low, high in pairwise(edges):
        members = np.flatnonzero((km >= low) & (km < high))
        if len(members) < MIN_PAIRS:
            continue
        drawn = rng.permutation(members)[:MAX_PAIRS]
        first, second = pairs[drawn].T
        value = semivariance(embedding[first], embedding[second]) / total
        bins.append((float(np.exp(np.log(km[drawn]).mean())), value, len(drawn)))
    columns = np.array(bins).reshape(-1, 3).T
    return Variogram(columns[0], columns[1], columns[2].astype(np.int64))


def _pairs(lonlat: Float, rng: np.random.Generator) -> NDArray[np.int64]:
    """All pairs of near points, and random pairs of others, which rarely are near; `(P, 2)`."""
    from scipy.spatial import KDTree

    near = KDTree(unit_vectors(lonlat)).query_pairs(km_to_chord(NEAR_KM), output_type="ndarray")
    drawn = rng.integers(len(lonlat), size=(RANDOM_PAIRS, 2))
    far = great_circle_km(lonlat[drawn[:, 0]], lonlat[drawn[:, 1]]) > NEAR_KM
    return np.concatenate([near, drawn[far]])
