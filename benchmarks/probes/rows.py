"""Rows of a table of embeddings, read block by block, so that memory does not grow with the table.

A table of ten million embeddings of 512 columns has 20 GB in float32. It lies in a file that is
mapped into memory, and neither the rows of a training set nor their float64 copies have room in the
memory of a small machine.
"""

from __future__ import annotations

import math
import mmap
import tempfile
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Floats = NDArray[np.floating[Any]]

WHOLE_BYTES = 2**30
"""Rows that have up to this many bytes in float64 are one block: those of every task that ships."""

BLOCK_BYTES = 2**27
"""Bytes in float64 of a block of more rows."""


class TableRows:
    """Some rows of a table, which are read when they are needed.

    Args:
        table: `(N, D)` array or memory map; a memory map must be read-only.
        rows: `(n,)` row numbers.

    Examples:
        >>> some = TableRows(np.arange(6.0).reshape(3, 2), np.array([2, 0]))
        >>> some.shape
        (2, 2)
        >>> some.take(np.array([0])).read()
        array([[4., 5.]])
    """

    def __init__(self, table: Floats, rows: NDArray[np.int64]) -> None:
        self._table, self._rows = table, rows
        self.shape = (len(rows), table.shape[1])
        self.dtype = table.dtype
        self.ndim = 2

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, positions: NDArray[np.int64]) -> TableRows:
        """The rows at these positions, also read later."""
        return TableRows(self._table, self._rows[positions])

    def read(self, part: slice = slice(None)) -> Floats:
        """Copy of a range of the rows, `(m, D)`."""
        table, rows = self._table, self._rows[part]
        if mapping_of(table) is None:
            return np.asarray(table[rows])
        # A few rows can lie in pages of the whole file, and the system maps pages around them too.
        out = np.empty((len(rows), table.shape[1]), table.dtype)
        extent = int(np.ptp(rows)) * table.strides[0] if len(rows) else 0
        for piece in np.array_split(np.argsort(rows, kind="stable"), 1 + extent // BLOCK_BYTES):
            out[piece] = table[rows[piece]]
            release(table)
        return out

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Floats:
        return np.asarray(self.read(), dtype=dtype)


Features: TypeAlias = Floats | TableRows
"""Embeddings `(n, D)`, in memory or not."""


def select(table: Floats, rows: NDArray[np.int64]) -> Features:
    """Rows of a table: a copy if that is one block, else rows that are read when they are needed.

    Args:
        table: `(N, D)` array or read-only memory map.
        rows: `(n,)` row numbers.
    """
    if _is_whole(len(rows), table.shape[1]):
        return TableRows(table, rows).read()
    return TableRows(table, rows)


def blocks(X: Features, width: int = 0) -> Iterator[tuple[slice, Floats]]:
    """Positions and rows of each block of embeddings; few rows are one block.

    Args:
        X: `(n, D)` embeddings.
        width: number of columns of what is computed for the rows, if it is more than D.

    Examples:
        >>> [(part, len(block)) for part, block in blocks(np.zeros((5, 2)))]
        [(slice(0, 5, None), 5)]
    """
    for part in parts(len(X), max(X.shape[1], width)):
        yield part, read(X, part)


def read(X: Features, part: slice) -> Floats:
    """A range of rows of embeddings, `(m, D)`."""
    return X.read(part) if isinstance(X, TableRows) else X[part]


def parts(rows: int, columns: int) -> Iterator[slice]:
    """Ranges of rows, each of which is small enough for float64 copies.

    Args:
        rows: number of rows.
        columns: number of columns.
    """
    size = max(1, rows if _is_whole(rows, columns) else BLOCK_BYTES // (8 * columns))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def _is_whole(rows: int, columns: int) -> bool:
    return 8 * rows * columns <= WHOLE_BYTES


def work_array(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array to be written, in a temporary file that is mapped into memory if it is large."""
    if math.prod(shape) * np.dtype(dtype).itemsize <= BLOCK_BYTES:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=shape)


def release(table: NDArray[Any]) -> None:
    """Give back the memory that pages of a mapped file take; the file keeps their content.

    Args:
        table: any array; only a memory map that is not copy-on-write is released.
    """
    mapping = mapping_of(table)
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def mapping_of(table: NDArray[Any]) -> mmap.mmap | None:
    """The mapped file that an array lies in; None if it is in memory."""
    base: Any = table
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
