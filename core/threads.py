"""Functions applied to many items in threads, with results that do not depend on their number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from threading import RLock
from typing import TypeVar

from threadpoolctl import ThreadpoolController

from satclip_bench.core.cores import cores

Item = TypeVar("Item")
Result = TypeVar("Result")

# Limits are global to the process: of two overlapping ones, the later would restore the limit of
# the earlier.
_LIMITED = RLock()

_WORKERS: ContextVar[int | None] = ContextVar("_WORKERS", default=None)
"""Number of threads of `in_threads` within `one_blas_thread`, which hides it."""

_OF_LOADING = "OPENBLAS_NUM_THREADS"
"""Environment variable that OpenBLAS, which SciPy brings beside that of NumPy, reads when it is
loaded. Unlike `OMP_NUM_THREADS` it does not limit torch."""


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
    workers = min(_WORKERS.get() or _threads(blas), len(items))
    with _LIMITED, blas.limit(limits=1):
        if workers < 2:
            return [function(item) for item in items]
        shares = [items[first::workers] for first in range(workers)]
        with ThreadPoolExecutor(workers) as pool:
            done = list(pool.map(lambda share: [function(item) for item in share], shares))
    return [done[place % workers][place // workers] for place in range(len(items))]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Compute matrix products in one thread within the block, or within a decorated function.

    The last bit of a product depends on the number of threads, and on a busy machine threads can
    wait for each other longer than they compute. Libraries that are loaded within the block are
    limited too. `in_threads` has as many threads as without the limit.

    Example:
        >>> with one_blas_thread():
        ...     in_threads(abs, [-1, 2, -3])
        [1, 2, 3]
    """
    if _WORKERS.get() is not None:
        yield
        return
    with _LIMITED:
        # Libraries may have been loaded since those of `in_threads` were searched for.
        blas = ThreadpoolController().select(user_api="blas")
        threads = _threads(blas)
        outside, before = _WORKERS.set(threads), os.environ.get(_OF_LOADING)
        os.environ[_OF_LOADING] = "1"
        try:
            with blas.limit(limits=1):
                yield
        finally:
            os.environ.pop(_OF_LOADING)
            if before is not None:
                os.environ[_OF_LOADING] = before
            _WORKERS.reset(outside)
            _allow_libraries_loaded_since(blas, threads)


def _allow_libraries_loaded_since(earlier: ThreadpoolController, threads: int) -> None:
    """Let BLAS libraries that were not loaded earlier use a number of threads."""
    known = {library.filepath for library in earlier.lib_controllers}
    for library in ThreadpoolController().select(user_api="blas").lib_controllers:
        if library.filepath not in known:
            library.set_num_threads(threads)


def _threads(blas: ThreadpoolController) -> int:
    """Number of threads that matrix products use."""
    return max((int(lib["num_threads"]) for lib in blas.info()), default=0) or cores()


@cache
def _blas() -> ThreadpoolController:
    # Cached, because searching for the libraries takes milliseconds.
    return ThreadpoolController().select(user_api="blas")
