"""Computation of rows in threads, one tile of points at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.threads import in_threads

TILE = 768
"""Number of points that a thread processes at a time; their features fit into its cache."""


def over_tiles(
    forward: Callable[[int, int], NDArray[np.floating[Any]]],
    out: NDArray[np.floating[Any]],
    order: NDArray[np.intp] | None = None,
) -> None:
    """Apply a function to all tiles of points in threads, and write the results into `out`.

    One thread can compute features while another multiplies matrices, and the result does not
    depend on the number of threads, to the last bit.

    Args:
        forward: function of the first row of a tile and the row after its last that returns
            `(n, D)`; it must not write to shared objects.
        out: `(N, D)` array that is filled.
        order: row of `out` for each row that is computed, each once; by default the same.
    """

    def fill(start: int) -> None:
        stop = min(start + TILE, len(out))
        rows = slice(start, stop)
        out[rows if order is None else order[rows]] = forward(start, stop)

    in_threads(fill, range(0, len(out), TILE))
