"""Moran's I of residuals: are errors nearby alike?"""

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
"""Nearest neighbours of a point by great circle, each of the same weight."""

PERMUTATIONS = 999


@dataclass(frozen=True)
class Moran:
    """Moran's I.

    Attributes:
        i: 0 where residuals are scattered without order (exactly: -1 / (n - 1) is expected), 1
            where they are alike, below 0 where neighbours differ. NaN where they do not vary.
        p: two-sided, from permutations: how often values dealt out to the points at random give
            an I as far from its expectation. NaN with `i`.
    """

    i: float
    p: float


UNDEFINED = Moran(float("nan"), float("nan"))


def neighbour_weights(lonlat: Float, neighbours: int = NEIGHBOURS) -> W:
    """Row-standardised weights of the nearest neighbours by great circle, as libpysal has them.

    Neighbours are found among unit vectors: straight lines through the globe are ordered as great
    circles on it, also over a pole or the antimeridian, which degrees are not.

    Args:
        lonlat: `(n, 2)` degrees.
        neighbours: how many each point has.

    Raises:
        BenchError: there are no more points than neighbours.
    """
    from libpysal.weights import W

    if len(lonlat) <= neighbours:
        raise BenchError(
            f"Moran's I over {neighbours} neighbours needs more than {neighbours} points; "
            f"there are {len(lonlat)}"
        )
    found = nearest_others(unit_vectors(lonlat), neighbours)
    weights = W(dict(enumerate(found.tolist())), silence_warnings=True)
    weights.transform = "r"
    return weights


def morans_i(
    residuals: Float, weights: W, seed: int = 0, permutations: int = PERMUTATIONS
) -> tuple[Moran, ...]:
    """Moran's I of the residuals of each encoder (Moran 1950), by esda.

    esda draws its permutations from numpy's global state, so they are drawn here instead, from a
    seed of their own; all encoders are given the same ones.

    Args:
        residuals: `(n, E)`, one column for each encoder.
        weights: of the `n` points.
        seed: of the permutations.
        permutations: how many; the smallest p is 1 / (permutations + 1).
    """
    from esda.moran import Moran as Esda

    varied = np.flatnonzero(np.ptp(residuals, axis=0) > 0)
    found = {int(e): Esda(residuals[:, e], weights, permutations=0).I for e in varied}
    centred = residuals[:, varied] - residuals[:, varied].mean(axis=0)
    scale = len(centred) / weights.s0 / (centred**2).sum(axis=0)
    expected = -1 / (len(centred) - 1)
    observed = np.abs(np.array(list(found.values())) - expected)
    matrix, rng = weights.sparse, np.random.default_rng(seed)
    extreme = np.zeros(len(varied), dtype=np.int64)
    for _ in range(permutations):
        shuffled = centred[rng.permutation(len(centred))]
        drawn = scale * (shuffled * (matrix @ shuffled)).sum(axis=0)
        extreme += np.abs(drawn - expected) >= observed
    p = dict(zip(found, ((extreme + 1) / (permutations + 1)).tolist(), strict=True))
    return tuple(
        Moran(float(found[e]), p[e]) if e in found else UNDEFINED for e in range(residuals.shape[1])
    )
