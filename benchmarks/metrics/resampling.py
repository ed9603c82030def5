"""Points and spatial blocks of a test set, and how a bootstrap draws them.

In each replicate every point or block is weighted by a Poisson variable of mean 1 (Chamandy et al.
2012, Estimating uncertainty for massive data streams, Google), drawn with a seed of its own row in
the table or of its own block: encoders, probes, seeds and splits share the draws of a place, so
that differences between them can be taken replicate by replicate. Every score is a function of
weighted sums, so that all replicates come from one matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.sphere import equal_area_cells

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Float = NDArray[np.float64]

REPLICATES = 1000
SEED = 0

BLOCK_DEGREES: Mapping[str, float] = {
    "global": 10.0,
    "contiguous United States": 3.0,
    "California": 0.5,
    "regional": 1.0,
}
"""Side of a block in degrees, by the extent of the task: wide compared to the distance over which
errors are correlated, but small enough for some dozens of blocks (docs/uncertainty.md)."""

CHUNK = 256
"""Rows of a table whose draws are made at once and kept together."""

KEPT_CHUNKS = 512
"""Maximum number of chunks whose draws are kept: 131 MB for 1,000 replicates."""

BATCH = 8192
"""Points whose draws are multiplied at once, as 66 MB of float64 for 1,000 replicates."""


@dataclass(frozen=True)
class Columns:
    """Values to add up in every replicate, which gives `(len(values), B)`.

    Attributes:
        values: columns `(n,)`, one number per point in each.
    """

    values: tuple[NDArray[np.generic], ...]

    @property
    def count(self) -> int:
        """Number of sums in a replicate."""
        return len(self.values)

    @cached_property
    def stacked(self) -> Float:
        """All columns, `(count, n)`."""
        return np.stack([np.asarray(column, dtype=np.float64) for column in self.values])

    def summands(self, members: slice) -> Float:
        """What some points add to each sum, `(count, m)`."""
        return self.stacked[:, members]


@dataclass(frozen=True)
class ByCode:
    """Values to add up by code in every replicate, which gives `(B, codes)`.

    Attributes:
        code: `(n,)` code of every point, 0 to codes - 1.
        codes: number of codes.
        value: `(n,)` values to add.
    """

    code: NDArray[np.integer]
    codes: int
    value: Float

    @property
    def count(self) -> int:
        """Number of sums in a replicate."""
        return self.codes

    def summands(self, members: slice) -> csr_array:
        """What some points add to each sum, `(count, m)`."""
        from scipy.sparse import csr_array

        code = self.code[members]
        cells = (code, np.arange(len(code)))
        return csr_array((self.value[members], cells), shape=(self.codes, len(code)))


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

    def of_codes(self, codes: int, *labels: NDArray[np.integer]) -> NDArray[np.int64]:
        """Number of units with each code, `(codes,)`.

        Args:
            codes: number of codes.
            labels: codes of every point, `(n,)` each; a unit has the codes of all of them.
        """
        ...

    def sums(self, *parts: Columns | ByCode) -> list[Float]:
        """Weighted sums of each part in every replicate; all parts are added up in one pass."""
        ...

    def totals(self, *columns: NDArray[np.generic]) -> Float:
        """Weighted sums of columns `(n,)` in every replicate, `(len(columns), B)`."""
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

    def of_codes(self, codes: int, *labels: NDArray[np.integer]) -> NDArray[np.int64]:
        """Number of blocks with each code, `(codes,)`."""
        there = np.zeros((self.count, codes), dtype=bool)
        for code in labels:
            there[self.index, code] = True
        return np.asarray(there.sum(axis=0))

    def sums(self, *parts: Columns | ByCode) -> list[Float]:
        """Weighted sums of each part in every replicate."""
        return [self._sums(part) for part in parts]

    def totals(self, *columns: NDArray[np.generic]) -> Float:
        """Weighted sums of columns `(n,)` in every replicate, `(len(columns), B)`."""
        return self._sums(Columns(columns))

    def _sums(self, part: Columns | ByCode) -> Float:
        if isinstance(part, Columns):
            of_blocks = [np.bincount(self.index, w, minlength=self.count) for w in part.stacked]
            return np.asarray((self.draws @ np.stack(of_blocks, axis=1)).T)
        cell = self.index * part.codes + part.code
        sums = np.bincount(cell, weights=part.value, minlength=self.count * part.codes)
        return np.asarray(self.draws @ sums.reshape(self.count, part.codes))


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

    def of_codes(self, codes: int, *labels: NDArray[np.integer]) -> NDArray[np.int64]:
        """Number of points with each code, `(codes,)`."""
        counts = np.zeros(codes, dtype=np.int64)
        for place, code in enumerate(labels):
            new = np.logical_and.reduce([code != other for other in labels[:place]])
            counts += np.bincount(code[new] if place else code, minlength=codes)
        return counts

    def sums(self, *parts: Columns | ByCode) -> list[Float]:
        """Weighted sums of each part in every replicate; draws are made once for all parts."""
        totals = [np.zeros((part.count, self.replicates)) for part in parts]
        for members, draws in self._batches():
            for total, part in zip(totals, parts, strict=True):
                total += part.summands(members) @ draws
        return [
            total if isinstance(part, Columns) else total.T
            for total, part in zip(totals, parts, strict=True)
        ]

    def totals(self, *columns: NDArray[np.generic]) -> Float:
        """Weighted sums of columns `(n,)` in every replicate, `(len(columns), B)`."""
        return self.sums(Columns(columns))[0]

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
