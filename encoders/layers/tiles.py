"""Computation of rows in threads, one tile of points at a time."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

TILE = 768
"""Number of points that a thread processes at a time; their features fit into its cache."""

_LIMITED = Lock()


def over_tiles(
    forward: Callable[[int, int], NDArray[np.floating[Any]]],
    out: NDArray[np.floating[Any]],
    order: NDArray[np.intp] | None = None,
) -> None:
    """Apply a function to all tiles of points in threads, and write the results into `out`.

    There are as many threads as NumPy's matrix products would use, and each computes its products
    in a single thread. One thread can then compute features while another multiplies matrices, and
    the result does not depend on the number of threads, to the last bit.

    Args:
        forward: function of the first row of a tile and the row after its last that returns
            `(n, D)`; it must not write to shared objects.
        out: `(N, D)` array that is filled.
        order: row of `out` for each row that is computed, each once; by default the same.
    """
    starts = range(0, len(out), TILE)
    blas = _blas()
    threads = max((int(lib["num_threads"]) for lib in blas.info()), default=os.cpu_count() or 1)
    workers = min(threads, len(starts))

    def work(first: int) -> None:
        for start in starts[first::workers]:
            stop = min(start + TILE, len(out))
            rows = slice(start, stop)
            out[rows if order is None else order[rows]] = forward(start, stop)

    # The limit is global to the process: of two overlapping calls, the later one would restore the
    # limit of the earlier one.
    with _LIMITED, blas.limit(limits=1):
        if workers > 1:
            with ThreadPoolExecutor(workers) as pool:
                # Making a list raises the exceptions of the threads.
                list(pool.map(work, range(workers)))
        elif workers:
            work(0)


@cache
def _blas() -> ThreadpoolController:
    # Cached, because searching for the libraries takes as long as computing a tile.
    return ThreadpoolController().select(user_api="blas")
