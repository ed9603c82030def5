"""Functions applied to many items in threads, with results that do not depend on their number."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import TypeVar

from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

_LIMITED = Lock()


def in_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """The results of a function for all items, in their order.

    There are as many threads as NumPy's matrix products would use, and each computes its products
    in a single thread, so that no result depends on the number of threads. NumPy lets threads run
    at the same time while it works on large arrays.

    Args:
        function: function of an item; it must not write to shared objects, nor call this function.
        items: items, which should take about the same time: each thread gets every n-th of them.

    Example:
        >>> in_threads(abs, [-1, 2, -3])
        [1, 2, 3]
    """
    if not items:
        return []
    blas = _blas()
    threads = max((int(lib["num_threads"]) for lib in blas.info()), default=os.cpu_count() or 1)
    workers = min(threads, len(items))
    # The limit is global to the process: of two overlapping calls, the later one would restore the
    # limit of the earlier one.
    with _LIMITED, blas.limit(limits=1):
        if workers < 2:
            return [function(item) for item in items]
        shares = [items[first::workers] for first in range(workers)]
        with ThreadPoolExecutor(workers) as pool:
            done = list(pool.map(lambda share: [function(item) for item in share], shares))
    return [done[place % workers][place // workers] for place in range(len(items))]


@cache
def _blas() -> ThreadpoolController:
    # Cached, because searching for the libraries takes milliseconds.
    return ThreadpoolController().select(user_api="blas")
