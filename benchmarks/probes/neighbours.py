"""Search for the nearest rows of embeddings, in memory or not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from satclip_bench.benchmarks.probes.rows import Features, Floats, TableRows, blocks

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
        self._index = None if isinstance(X, TableRows) else self._fit(X)

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
            distances, rows = self._index.kneighbors(queries, n_neighbors=k)
            return distances, rows
        distances = np.empty((len(queries), 0), dtype=queries.dtype)
        rows = np.empty((len(queries), 0), dtype=np.int64)
        for part, block in blocks(self._X):
            near = self._fit(block).kneighbors(queries, n_neighbors=min(k, len(block)))
            distances = np.hstack([distances, near[0]])
            rows = np.hstack([rows, part.start + near[1]])
            kept = np.argsort(distances, axis=1, kind="stable")[:, :k]
            distances, rows = (np.take_along_axis(all_, kept, axis=1) for all_ in (distances, rows))
        return distances, rows

    def _fit(self, X: Floats) -> Any:
        return NearestNeighbors(metric=self._metric).fit(X)
