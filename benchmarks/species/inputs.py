"""Inputs of the species classifiers: standardised and concatenated, one batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError

Integers = NDArray[np.int64]

BATCH = 1024
"""Number of photographs per batch: with 8,142 classes, float64 probabilities take 64 MiB."""


def batches(rows: Integers, size: int = BATCH) -> Iterator[Integers]:
    """Split `rows` into consecutive batches of at most `size`.

    >>> [batch.tolist() for batch in batches(np.arange(5), 2)]
    [[0, 1], [2, 3], [4]]
    """
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


@dataclass(frozen=True)
class Part:
    """Feature vectors of photographs, such as image features or an embedding of places.

    Attributes:
        values: `(M, D)` floats; may be mapped from a file.
        row: `(N,)` int64 row of each photograph in `values`; -1 if it has none.
    """

    values: NDArray[np.floating[Any]]
    row: Integers


class Inputs:
    """Concatenated parts, each column standardised on the training photographs.

    Columns that are constant on these are 0 for all photographs.

    If a photograph has no row in a part, its columns are 0, the mean. Parts are concatenated for
    one batch at a time.

    Args:
        parts: one or more parts of the same photographs.
        training: rows of the photographs that scale the columns; each must have a row in every
            part.

    Raises:
        BenchError: a training photograph has no row in a part, or a value is not finite.
    """

    def __init__(self, parts: Sequence[Part], training: Integers) -> None:
        from sklearn.preprocessing import StandardScaler

        from satclip_bench.benchmarks.probes.estimators import ignore_constant_columns

        self._parts = tuple(parts)
        self.known: NDArray[np.bool_] = np.logical_and.reduce([p.row >= 0 for p in self._parts])
        """`(N,)` whether the photograph has a row in every part."""
        if not len(training) or not self.known[training].all():
            raise BenchError("there are no training photographs, or some have no features or place")
        self._scalers = [StandardScaler(copy=False) for _ in self._parts]
        for part, scaler in zip(self._parts, self._scalers, strict=True):
            for rows in batches(training):
                scaler.partial_fit(_finite(part.values[part.row[rows]].astype(np.float64), rows))
            ignore_constant_columns(scaler, part.values.dtype)

    @property
    def width(self) -> int:
        """Number of columns."""
        return sum(part.values.shape[1] for part in self._parts)

    def take(self, rows: Integers) -> NDArray[np.float32]:
        """Inputs of some photographs, `(n, width)` float32."""
        taken = np.zeros((len(rows), self.width), dtype=np.float32)
        start = 0
        for part, scaler in zip(self._parts, self._scalers, strict=True):
            end = start + part.values.shape[1]
            known = part.row[rows] >= 0
            if known.any():
                values = part.values[part.row[rows[known]]].astype(np.float64)
                taken[known, start:end] = scaler.transform(_finite(values, rows[known]))
            start = end
        return taken


def _finite(values: NDArray[np.float64], rows: Integers) -> NDArray[np.float64]:
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise BenchError(
            f"features or embeddings of {bad.sum()} photographs are not finite, such as that of "
            f"photograph {rows[bad][0]} (counted from 0, training set first)"
        )
    return values
