"""What is known of photographs, as numbers: standardised, put side by side, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError

Integers = NDArray[np.int64]

BATCH = 1024
"""Photographs at a time: with 8,142 classes their float64 probabilities take 64 MiB."""


def batches(rows: Integers, size: int = BATCH) -> Iterator[Integers]:
    """`rows` in order, `size` at a time."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


@dataclass(frozen=True)
class Part:
    """One description of photographs, such as an embedding of their places.

    Attributes:
        values: `(M, D)` floats, perhaps mapped from a file.
        row: `(N,)` int64, for each photograph its row of `values`; -1 where there is none.
    """

    values: NDArray[np.floating[Any]]
    row: Integers


class Inputs:
    """Parts side by side, each column standardised on the training photographs.

    Where a part does not know a photograph, its columns are 0, the mean. Nothing is joined beyond
    the batch that is asked for.

    Args:
        parts: one or more, of the same photographs.
        training: rows of photographs that scale the columns, all of them known to every part.

    Raises:
        BenchError: a training photograph is unknown to a part, or a value is not finite.
    """

    def __init__(self, parts: Sequence[Part], training: Integers) -> None:
        from sklearn.preprocessing import StandardScaler

        self._parts = tuple(parts)
        self.known: NDArray[np.bool_] = np.logical_and.reduce([p.row >= 0 for p in self._parts])
        """`(N,)` whether every part knows the photograph."""
        if not len(training) or not self.known[training].all():
            raise BenchError("there is nothing to train on that is known of every photograph")
        self._scalers = [StandardScaler(copy=False) for _ in self._parts]
        for part, scaler in zip(self._parts, self._scalers, strict=True):
            for rows in batches(training):
                scaler.partial_fit(_finite(part.values[part.row[rows]].astype(np.float64), rows))

    @property
    def width(self) -> int:
        """Columns."""
        return sum(part.values.shape[1] for part in self._parts)

    def take(self, rows: Integers) -> NDArray[np.float32]:
        """The inputs of some photographs, `(n, width)` float32."""
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
            f"photograph {rows[bad][0]} (counted from 0, training part first)"
        )
    return values
