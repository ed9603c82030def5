"""Points spread over threads, a tile at a time."""

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
"""Points that a thread works on at a time: few enough for their features to stay in its cache."""

_LIMITED = Lock()


def over_tiles(
    forward: Callable[[int, int], NDArray[np.floating[Any]]], out: NDArray[np.floating[Any]]
) -> None:
    """Write `forward` of every tile of the points into `out`.

    As many threads as NumPy's matrix products would use take tiles of their own, and each does
    its products alone: one thread's features are computed while another multiplies matrices, and
    the bits do not depend on the number of threads.

    Args:
        forward: takes the first row of a tile and the row after its last, gives `(n, D)`; must
            not write to anything that it shares.
        out: `(N, D)`.
    """
    starts = range(0, len(out), TILE)
    blas = _blas()
    threads = max((int(lib["num_threads"]) for lib in blas.info()), default=os.cpu_count() or 1)
    workers = min(threads, len(starts))

    def work(first: int) -> None:
        for start in starts[first::workers]:
            stop = min(start + TILE, len(out))
            out[start:stop] = forward(start, stop)

    # The limit is of the process: were two calls to overlap, the later would restore the former's.
    with _LIMITED, blas.limit(limits=1):
        if workers > 1:
            with ThreadPoolExecutor(workers) as pool:
                # The list raises what a thread raised.
                list(pool.map(work, range(workers)))
        elif workers:
            work(0)


@cache
def _blas() -> ThreadpoolController:
    # Looking for the libraries takes as long as a tile.
    return ThreadpoolController().select(user_api="blas")
