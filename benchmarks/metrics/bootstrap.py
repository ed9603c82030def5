"""Intervals of scores by a bootstrap of spatial blocks.

Errors at neighbouring points are alike, so that points are no independent draws; blocks of them
nearly are (Lahiri 2003, Resampling Methods for Dependent Data, ch. 12). In each replicate every
block counts as often as a Poisson variable of mean 1 says (Chamandy et al. 2012, Estimating
uncertainty for massive data streams, Google), drawn from a seed of the block's own: encoders,
probes, seeds and splits share the draws of a place, so that differences between them can be taken
replicate by replicate. Every score is a function of sums over blocks, which makes a replicate a row
of a matrix product.
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
SEED = 0

BLOCK_DEGREES: Mapping[str, float] = {
    "global": 10.0,
    "contiguous United States": 3.0,
    "California": 0.5,
    "regional": 1.0,
}
"""Side of a block by a task's extent: wide beside the reach of the errors' correlation, yet some
dozens of blocks (docs/uncertainty.md)."""

MIN_BLOCKS = 10
"""A test part in fewer blocks gives no interval: too few draws to tell their spread."""


@dataclass(frozen=True)
class Blocks:
    """The blocks of a test part, and how often each counts in each replicate.

    Attributes:
        index: `(n,)` block of every point, 0 to G - 1.
        draws: `(B, G)` float64 whole numbers.
    """

    index: NDArray[np.int64]
    draws: Float

    @property
    def count(self) -> int:
        """How many blocks there are."""
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
    """The block that each point lies in, `(N,)`: a cell of an equal-area grid.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
        extent: of the task, which decides the side of a block.
    """
    return equal_area_cells(lonlat, BLOCK_DEGREES[extent])


def make_blocks(ids: NDArray[np.integer], replicates: int = REPLICATES) -> Blocks:
    """The blocks of a test part and their draws.

    Args:
        ids: `(n,)` as `block_ids` gives them.
        replicates: how many.
    """
    found, index = np.unique(ids, return_inverse=True)
    draws = np.empty((replicates, len(found)))
    for column, block in enumerate(found.tolist()):
        draws[:, column] = _draws(block, replicates)
    return Blocks(index.astype(np.int64), draws)


@lru_cache(maxsize=4096)
def _draws(block: int, replicates: int) -> NDArray[np.int64]:
    return np.random.default_rng([SEED, block]).poisson(1.0, replicates)


def interval(
    replicates: Float, measured: float | None = None, level: float = LEVEL
) -> tuple[float, float] | None:
    """The middle `level` of replicates, `(B,)`; None if more than one in ten is not defined.

    Args:
        replicates: of a score, rank or rating.
        measured: what an end is moved to if it lies beyond. Noise on top of noise draws the first
            and the last of an order together, at times past what was measured.
        level: share of the replicates.
    """
    defined = replicates[np.isfinite(replicates)]
    if len(defined) < 0.9 * len(replicates):
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    if measured is not None:
        low, high = min(low, measured), max(high, measured)
    return float(low), float(high)


def mean_of_drawn(scores: Float, axis: int = 0) -> Float:
    """Mean of replicates over an axis of cells; those that drew nothing are left out."""
    defined = np.isfinite(scores)
    count = defined.sum(axis=axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(defined, scores, 0).sum(axis=axis) / count)


def spread_of_drawn(values: Float) -> Float:
    """Variance over the replicates, the last axis, that are defined; NaN for under nine in ten."""
    defined = np.isfinite(values)
    count = defined.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(defined, values, 0).sum(axis=-1) / count
        squares = np.where(defined, values - mean[..., None], 0) ** 2
        variance = squares.sum(axis=-1) / (count - 1)
    return np.where(count >= 0.9 * values.shape[-1], variance, np.nan)


def regression_replicates(blocks: Blocks, target: Float, predicted: Float) -> dict[str, Float]:
    """R2, RMSE and MAE in every replicate, `(B,)` each; NaN where a replicate leaves none.

    Args:
        blocks: of the points.
        target: `(n,)`.
        predicted: `(n,)`.
    """
    # About their mean, lest squares of large targets swallow what they vary by.
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
    """The mean of `(n,)` values in every replicate, `(B,)`; NaN where none is left."""
    n, total = blocks.replicated(blocks.sums(np.ones(len(values)), values)).T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(total / n)
