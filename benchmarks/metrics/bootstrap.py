"""Bootstrap of the points or of the spatial blocks of a test set.

There are two kinds of interval, which answer two questions. The interval *of this map*: had other
points of the same land been drawn, how different could the score of this map have been? If the
points of a table are a uniform random draw of the land, the errors of a given map at the test
points are independent draws, even though the errors of neighbours are alike (design-based
inference; Wadoux, Heuvelink, de Bruin and Brus 2021, Ecological Modelling 457, 109692). Its
bootstrap draws points. The interval *of other places*: how different could the score have been at
other places like these? Errors at neighbouring points are correlated, but blocks of points are
nearly independent (Lahiri 2003, Resampling Methods for Dependent Data, ch. 12). Its bootstrap draws
spatial blocks.

In each replicate every point or block is weighted by a Poisson variable of mean 1 (Chamandy et al.
2012, Estimating uncertainty for massive data streams, Google), drawn with a seed of its own row in
the table or of its own block: encoders, probes, seeds and splits share the draws of a place, so
that differences between them can be taken replicate by replicate. Every score is a function of
weighted sums, so that all replicates come from one matrix product.

R2 and skill divide the errors by the spread of the targets. Targets are alike over thousands of
kilometres, so that a world has too few independent parts to show how much that spread varies from
world to world. A replicate of blocks therefore takes the spread per point as given; only the errors
are drawn. By simulation its intervals contain the truth in 92 to 95 of 100 cases, and those that
draw the spread too in 73 to 99 (docs/uncertainty.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.sphere import equal_area_cells

Float = NDArray[np.float64]

REPLICATES = 1000
LEVEL = 0.95
"""Share of the replicates that an interval contains."""
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
"""Shares of the replicates below the ends of an interval."""
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

MIN_UNITS = 10
"""Minimum number of points or blocks of a test set for an interval: fewer do not show how much they
vary."""

CHUNK = 256
"""Rows of a table whose draws are made at once and kept together."""

KEPT_CHUNKS = 512
"""Maximum number of chunks whose draws are kept: 131 MB for 1,000 replicates."""

BATCH = 8192
"""Points whose draws are multiplied at once, as 66 MB of float64 for 1,000 replicates."""


def draws_points(split: str) -> bool:
    """Whether the test set of a split is a random draw of the rows of a table, or of their places.

    >>> draws_points("labels.10"), draws_points("blocks.10")
    (True, False)
    """
    return split in ("random", "random-grouped") or split.startswith("labels.")


class Resampled(Protocol):
    """Units of a test set that a bootstrap draws: its points, or spatial blocks of them."""

    @property
    def count(self) -> int:
        """Number of units."""
        ...

    @property
    def spread_is_given(self) -> bool:
        """Whether replicates keep the spread of the targets that the test set has."""
        ...

    def totals(self, *columns: NDArray[np.generic]) -> Float:
        """Weighted sums of columns `(n,)` in every replicate, `(len(columns), B)`."""
        ...

    def totals_by(self, code: NDArray[np.integer], codes: int, value: Float) -> Float:
        """Weighted sums of `(n,)` values by code in every replicate, `(B, codes)`.

        Args:
            code: `(n,)` code of every point, 0 to codes - 1.
            codes: number of codes.
            value: `(n,)` values to add.
        """
        ...


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

    @property
    def spread_is_given(self) -> bool:
        """True: blocks do not show how much the spread of the targets varies."""
        return True

    def totals(self, *columns: NDArray[np.generic]) -> Float:
        """Weighted sums of columns `(n,)` in every replicate, `(len(columns), B)`."""
        size = self.count
        weights = (np.asarray(column, dtype=np.float64) for column in columns)
        sums = np.stack([np.bincount(self.index, w, minlength=size) for w in weights], axis=1)
        return np.asarray((self.draws @ sums).T)

    def totals_by(self, code: NDArray[np.integer], codes: int, value: Float) -> Float:
        """Weighted sums of `(n,)` values by code in every replicate, `(B, codes)`."""
        cell = self.index * codes + code
        sums = np.bincount(cell, weights=value, minlength=self.count * codes)
        return np.asarray(self.draws @ sums.reshape(self.count, codes))


@dataclass(frozen=True)
class Points:
    """Points of a test set, each of which is drawn by itself.

    The draws are made for `CHUNK` rows of the table at a time and used for `BATCH` points at a
    time, so that memory does not grow with the table.

    Attributes:
        rows: `(n,)` row of every point in its table.
        replicates: number of replicates.

    Example:
        >>> import numpy as np
        >>> points = Points(np.array([7, 300]), replicates=5)
        >>> points.totals(np.array([1.0, 0.0])).shape
        (1, 5)
    """

    rows: NDArray[np.integer]
    replicates: int = REPLICATES

    @property
    def count(self) -> int:
        """Number of points."""
        return len(self.rows)

    @property
    def spread_is_given(self) -> bool:
        """False: points show how much the spread of the targets varies on a map."""
        return False

    def totals(self, *columns: NDArray[np.generic]) -> Float:
        """Weighted sums of columns `(n,)` in every replicate, `(len(columns), B)`."""
        values = np.stack([np.asarray(column, dtype=np.float64) for column in columns])
        total = np.zeros((len(columns), self.replicates))
        for members, draws in self._batches():
            total += values[:, members] @ draws
        return total

    def totals_by(self, code: NDArray[np.integer], codes: int, value: Float) -> Float:
        """Weighted sums of `(n,)` values by code in every replicate, `(B, codes)`."""
        from scipy.sparse import csr_array

        total = np.zeros((codes, self.replicates))
        for members, draws in self._batches():
            cells = (code[members], np.arange(len(draws)))
            weights = csr_array((value[members], cells), shape=(codes, len(draws)))
            total += np.asarray(weights @ draws)
        return total.T

    def _batches(self) -> Iterator[tuple[slice, Float]]:
        """Positions of up to `BATCH` points at a time, and their draws, `(m, B)`."""
        if len(self.rows) <= BATCH:
            yield slice(None), self._all_draws
            return
        for start in range(0, len(self.rows), BATCH):
            members = slice(start, start + BATCH)
            yield members, _draws_of(self.rows[members], self.replicates)

    @cached_property
    def _all_draws(self) -> Float:
        """Draws of all points, which are used for every score, `(n, B)`."""
        return _draws_of(self.rows, self.replicates)


def _draws_of(rows: NDArray[np.integer], replicates: int) -> Float:
    """Weights of rows of a table in every replicate, `(n, B)`."""
    draws = np.empty((len(rows), replicates))
    chunk = np.asarray(rows, dtype=np.int64) // CHUNK
    for number in np.unique(chunk).tolist():
        members = np.flatnonzero(chunk == number)
        draws[members] = _chunk_draws(number, replicates)[rows[members] % CHUNK]
    return draws


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


@lru_cache(maxsize=KEPT_CHUNKS)
def _chunk_draws(chunk: int, replicates: int) -> NDArray[np.int8]:
    """Weights of the rows of a chunk in every replicate, `(CHUNK, B)`."""
    rng = np.random.default_rng([SEED, 1, chunk])
    draws: NDArray[np.int8] = rng.poisson(1.0, (CHUNK, replicates)).astype(np.int8)
    draws.setflags(write=False)
    return draws


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


def regression_replicates(
    units: Resampled, target: Float, predicted: Float, training_mean: float = float("nan")
) -> dict[str, Float]:
    """R2, RMSE, MAE and skill in every replicate, `(B,)` each; NaN for a replicate without points.

    Args:
        units: points or blocks of the test set.
        target: `(n,)` true values.
        predicted: `(n,)` predicted values.
        training_mean: mean target of the training set, the reference of the skill; without it the
            skill is NaN.
    """
    # Centred first: the squares of large targets would leave no digits for their variance.
    y, error = target - target.mean(), target - predicted
    n, sy, syy, see, sae = units.totals(np.ones(len(y)), y, y * y, error * error, np.abs(error))
    with np.errstate(divide="ignore", invalid="ignore"):
        total = n * np.mean(y * y) if units.spread_is_given else syy - sy * sy / n
        return {
            "r2": np.where(total > 1e-12 * syy, 1 - see / total, np.nan),
            "rmse": np.sqrt(see / n),
            "mae": sae / n,
            "skill": skill_of_sums(see, reference_totals(units, (target - training_mean) ** 2)),
        }


def reference_totals(units: Resampled, losses: NDArray[np.generic]) -> Float:
    """Summed loss of a reference prediction in every replicate, `(B,)`.

    Blocks take the loss per point as given, because it is the spread of the targets.

    Args:
        units: points or blocks of the test set.
        losses: `(n,)` loss of the reference at every point.

    Example:
        >>> import numpy as np
        >>> blocks = make_blocks(np.array([3, 3, 8]), replicates=4)
        >>> (points,) = blocks.totals(np.ones(3))
        >>> (reference_totals(blocks, np.array([1.0, 3.0, 2.0])) == 2 * points).all()
        np.True_
    """
    if units.spread_is_given:
        (n,) = units.totals(np.ones(len(losses)))
        return np.asarray(n * losses.mean())
    (total,) = units.totals(losses)
    return np.asarray(total)


def skill_of_sums(loss: Float, reference: Float) -> Float:
    """Skill 1 - loss / reference of summed losses, `(...)`; NaN where the reference has no loss.

    0 is as good as the reference, 1 is perfect. For squared errors and the training mean this is
    the out-of-sample R2 of Campbell and Thompson 2008, Review of Financial Studies 21, a skill
    score of forecast verification (Wilks 2011, Statistical Methods in the Atmospheric Sciences,
    eq. 8.4). Losses of folds are added before they are divided. A reference that makes no error
    leaves nothing to gain.

    Args:
        loss: `(...)` summed losses of predictions.
        reference: `(...)` summed losses of the reference at the same points.

    Example:
        >>> import numpy as np
        >>> skill_of_sums(np.array([1.0, 3.0]), np.array([4.0, 0.0]))
        array([0.75,  nan])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(reference > 0, 1 - loss / reference, np.nan)


def mean_replicates(units: Resampled, values: NDArray[np.generic]) -> Float:
    """Mean of `(n,)` values in every replicate, `(B,)`; NaN for a replicate without points.

    Example:
        >>> import numpy as np
        >>> blocks = make_blocks(np.array([3, 3, 8]), replicates=100)
        >>> mean_replicates(blocks, np.ones(3)).shape
        (100,)
    """
    n, total = units.totals(np.ones(len(values)), values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(total / n)
