"""Intervals of scores by a bootstrap of spatial blocks.

Errors at neighbouring points are correlated, so points are not independent draws; blocks of points
nearly are (Lahiri 2003, Resampling Methods for Dependent Data, ch. 12). In each replicate every
block is weighted by a Poisson variable of mean 1 (Chamandy et al. 2012, Estimating uncertainty for
massive data streams, Google) that is drawn with a seed of its own: encoders, probes, seeds and
splits share the draws of a place, so that differences between them can be taken replicate by
replicate. Every score is a function of sums over blocks, so that all replicates come from one
matrix product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.sphere import equal_area_cells

Float = NDArray[np.float64]

REPLICATES = 1000
LEVEL = 0.95
"""Share of the replicates that an interval contains."""
MIN_DEFINED = 0.9
"""Share of the replicates that must be defined for an interval or a variance."""
SEED = 0

BLOCK_DEGREES: Mapping[str, float] = {
    "global": 10.0,
    "contiguous United States": 3.0,
    "California": 0.5,
    "regional": 1.0,
}
"""Side of a block in degrees, by the extent of the task: wide compared to the distance over which
errors are correlated, but small enough for some dozens of blocks (docs/uncertainty.md)."""

MIN_BLOCKS = 10
"""Minimum number of blocks of a test set for an interval: fewer do not show how much they vary."""


@dataclass(frozen=True)
class Blocks:
    """Blocks of a test set, and the weight of each block in each replicate.

    Attributes:
        index: `(n,)` block of every point, 0 to G - 1.
        draws: `(B, G)` weights, whole numbers as float64.
    """

    index: NDArray[np.int64]
    draws: Float

    @property
    def count(self) -> int:
        """Number of blocks."""
        return int(self.draws.shape[1])

    def sums(self, *columns: NDArray[np.generic]) -> Float:
        """Sums of columns `(n,)` over the blocks, `(G, len(columns))`."""
        size = self.count
        weights = (np.asarray(column, dtype=np.float64) for column in columns)
        return np.stack([np.bincount(self.index, w, minlength=size) for w in weights], axis=1)

    def replicated(self, sums: Float) -> Float:
        """Sums in every replicate, `(B, ...)`, of sums by block, `(G, ...)`."""
        flat = self.draws @ sums.reshape(self.count, -1)
        return flat.reshape(len(self.draws), *sums.shape[1:])


def block_ids(lonlat: Float, extent: str) -> NDArray[np.int64]:
    """Block of each point, `(N,)`: the cell of an equal-area grid that contains it.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
        extent: extent of the task, a key of `BLOCK_DEGREES`.

    Example:
        >>> import numpy as np
        >>> ids = block_ids(np.array([[0.5, 0.5], [0.6, 0.5], [90.0, 45.0]]), "global")
        >>> bool(ids[0] == ids[1]), bool(ids[0] == ids[2])
        (True, False)
    """
    return equal_area_cells(lonlat, BLOCK_DEGREES[extent])


def make_blocks(ids: NDArray[np.integer], replicates: int = REPLICATES) -> Blocks:
    """Blocks of a test set with their weights in every replicate.

    Args:
        ids: `(n,)` block of every point, as `block_ids` returns them.
        replicates: number of replicates.
    """
    unique, index = np.unique(ids, return_inverse=True)
    draws = np.empty((replicates, len(unique)))
    for column, block in enumerate(unique.tolist()):
        draws[:, column] = _draws(block, replicates)
    return Blocks(index.astype(np.int64), draws)


@lru_cache(maxsize=4096)
def _draws(block: int, replicates: int) -> NDArray[np.int64]:
    return np.random.default_rng([SEED, block]).poisson(1.0, replicates)


def interval(
    replicates: Float, measured: float | None = None, level: float = LEVEL
) -> tuple[float, float] | None:
    """The central `level` of replicates, `(B,)`; None if more than one in ten is not defined.

    Args:
        replicates: `(B,)` replicates of a score, rank or rating.
        measured: measured value, which the interval is extended to contain. Replicates add noise to
            scores that have noise already, which pulls the first and the last of an order towards
            the middle, sometimes past their measured values.
        level: share of the replicates between the ends.

    Example:
        >>> import numpy as np
        >>> low, high = interval(np.arange(101.0))
        >>> round(low, 3), round(high, 3)
        (2.5, 97.5)
    """
    defined = replicates[np.isfinite(replicates)]
    if len(defined) < MIN_DEFINED * len(replicates):
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    if measured is not None:
        low, high = min(low, measured), max(high, measured)
    return float(low), float(high)


def regression_replicates(blocks: Blocks, target: Float, predicted: Float) -> dict[str, Float]:
    """R2, RMSE and MAE in every replicate, `(B,)` each; NaN for a replicate without points.

    Args:
        blocks: blocks of the points.
        target: `(n,)` true values.
        predicted: `(n,)` predicted values.
    """
    # Centred first: the squares of large targets would leave no digits for their variance.
    y, error = target - target.mean(), target - predicted
    sums = blocks.sums(np.ones(len(y)), y, y * y, error * error, np.abs(error))
    n, sy, syy, see, sae = blocks.replicated(sums).T
    with np.errstate(divide="ignore", invalid="ignore"):
        total = syy - sy * sy / n
        return {
            "r2": np.where(total > 1e-12 * syy, 1 - see / total, np.nan),
            "rmse": np.sqrt(see / n),
            "mae": sae / n,
        }


def mean_replicates(blocks: Blocks, values: NDArray[np.generic]) -> Float:
    """Mean of `(n,)` values in every replicate, `(B,)`; NaN for a replicate without points.

    Example:
        >>> import numpy as np
        >>> blocks = make_blocks(np.array([3, 3, 8]), replicates=100)
        >>> mean_replicates(blocks, np.ones(3)).shape
        (100,)
    """
    n, total = blocks.replicated(blocks.sums(np.ones(len(values)), values)).T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(total / n)
