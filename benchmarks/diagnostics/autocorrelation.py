"""Moran's I of residuals: spatial autocorrelation of errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.diagnostics.neighbourhood import nearest_others
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import unit_vectors

if TYPE_CHECKING:
    from libpysal.weights import W

Float = NDArray[np.float64]

NEIGHBOURS = 8
"""Number of nearest neighbours of a point by great-circle distance, all with the same weight."""

PERMUTATIONS = 999
"""Number of permutations for the p value."""


@dataclass(frozen=True)
class Moran:
    """Moran's I with its p value.

    Attributes:
        i: Moran's I: near 0 if residuals have no spatial order (the expectation is -1 / (n - 1)),
            near 1 if neighbours are alike, below 0 if they differ. NaN if residuals do not vary.
        p: two-sided p value from permutations: the share of random assignments of the values to
            the points with an I at least as far from its expectation. NaN if `i` is.
    """

    i: float
    p: float


UNDEFINED = Moran(float("nan"), float("nan"))


def neighbour_weights(lonlat: Float, neighbours: int = NEIGHBOURS) -> W:
    """Row-standardised libpysal weights of the nearest neighbours by great-circle distance.

    Neighbours are searched among unit vectors: chords through the globe have the same order as
    great circles, also across a pole or the antimeridian, which distances in degrees do not.

    Args:
        lonlat: `(n, 2)` degrees.
        neighbours: number of neighbours of each point.

    Raises:
        BenchError: there are not more points than neighbours.
    """
    from libpysal.weights import W

    if len(lonlat) <= neighbours:
        raise BenchError(
            f"Moran's I over {neighbours} neighbours needs more than {neighbours} points; "
            f"there are {len(lonlat)}"
        )
    nearest = nearest_others(unit_vectors(lonlat), neighbours)
    weights = W(dict(enumerate(nearest.tolist())), silence_warnings=True)
    weights.transform = "r"
    return weights


def morans_i(
    residuals: Float, weights: W, seed: int = 0, permutations: int = PERMUTATIONS
) -> tuple[Moran, ...]:
    """Moran's I of the residuals of each encoder (Moran 1950), by esda.

    esda draws its permutations from numpy's global state. They are therefore drawn in this function
    with a seed; all encoders share the same permutations.

    Args:
        residuals: `(n, E)` residuals, one column per encoder.
        weights: weights of the `n` points.
        seed: seed of the permutations.
        permutations: number of permutations; the smallest p is 1 / (permutations + 1).
    """
    from esda.moran import Moran as Esda

    varied = np.flatnonzero(np.ptp(residuals, axis=0) > 0)
    statistic = {int(e): Esda(residuals[:, e], weights, permutations=0).I for e in varied}
    centred = residuals[:, varied] - residuals[:, varied].mean(axis=0)
    scale = len(centred) / weights.s0 / (centred**2).sum(axis=0)
    expected = -1 / (len(centred) - 1)
    observed = np.abs(np.array(list(statistic.values())) - expected)
    matrix, rng = weights.sparse, np.random.default_rng(seed)
    extreme = np.zeros(len(varied), dtype=np.int64)
    for _ in range(permutations):
        shuffled = centred[rng.permutation(len(centred))]
        permuted = scale * (shuffled * (matrix @ shuffled)).sum(axis=0)
        extreme += np.abs(permuted - expected) >= observed
    p = dict(zip(statistic, ((extreme + 1) / (permutations + 1)).tolist(), strict=True))
    return tuple(
        Moran(float(statistic[e]), p[e]) if e in statistic else UNDEFINED
        for e in range(residuals.shape[1])
    )
