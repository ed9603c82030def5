"""Search for the nearest rows of embeddings, in memory or not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from satclip_bench.benchmarks.probes.rows import Features, Floats, TableRows, blocks

MAX_EXPONENT = 30
"""Rows whose largest number is between 2^-30 and 2^30 are searched as they are."""

RowNumbers = NDArray[np.int64]


class NeighbourIndex:
    """Index of embeddings for searches of nearest neighbours.

    Embeddings in memory have one index, a tree in few dimensions. Of others, a block at a time is
    read and searched, and the nearest rows of all blocks so far are kept.

    Args:
        X: `(n, D)` embeddings.
        metric: scikit-learn's name of the distance.

    Examples:
        >>> index = NeighbourIndex(np.array([[0.0], [1.0], [5.0]]), "euclidean")
        >>> index.nearest(np.array([[4.0]]), k=2)
        (array([[1., 3.]]), array([[2, 1]]))
    """

    def __init__(self, X: Features, metric: str) -> None:
        self._X, self._metric = X, metric
        self._index = None if isinstance(X, TableRows) else _Index(X, metric)

    def __len__(self) -> int:
        """Number of rows that are searched."""
        return len(self._X)

    def nearest(self, queries: Floats, k: int) -> tuple[Floats, RowNumbers]:
        """Distances and row numbers of the nearest rows, `(m, k)` each, nearest first.

        Of equally near rows in different blocks, those that come first are taken.

        Args:
            queries: `(m, D)` embeddings.
            k: number of neighbours, at most n.
        """
        if self._index is not None:
            return self._index.nearest(queries, k)
        distances = np.empty((len(queries), 0), dtype=queries.dtype)
        rows = np.empty((len(queries), 0), dtype=np.int64)
        for part, block in blocks(self._X):
            near = _Index(block, self._metric).nearest(queries, min(k, len(block)))
            distances = np.hstack([distances, near[0]])
            rows = np.hstack([rows, part.start + near[1]])
            kept = np.argsort(distances, axis=1, kind="stable")[:, :k]
            distances = np.take_along_axis(distances, kept, axis=1)
            rows = np.take_along_axis(rows, kept, axis=1)
        return distances, rows


class _Index:
    """Index of rows in memory.

    scikit-learn squares numbers of float32 as they are, whose squares can be 0 or infinite. Rows of
    such a size are multiplied by a power of two, which rounds nothing.
    """

    def __init__(self, X: Floats, metric: str) -> None:
        self._exponent = _exponent(X) if metric == "euclidean" else 0
        self._neighbours = NearestNeighbors(metric=metric).fit(self._scaled(X))

    def nearest(self, queries: Floats, k: int) -> tuple[Floats, RowNumbers]:
        distances, rows = self._neighbours.kneighbors(self._scaled(queries), n_neighbors=k)
        if self._exponent:
            distances = np.ldexp(distances.astype(np.float64), self._exponent)
        return distances, rows

    def _scaled(self, X: Floats) -> Floats:
        return np.ldexp(X, -self._exponent) if self._exponent else X


def _exponent(X: Floats) -> int:
    """Power of two by which rows are divided; 0 if their squares are numbers of float32."""
    exponent = int(np.frexp(max(float(X.max()), -float(X.min())))[1])
    return exponent if abs(exponent) > MAX_EXPONENT else 0
