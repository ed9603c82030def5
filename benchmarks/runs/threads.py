"""Limit of the threads that NumPy and torch use, so that results do not depend on the machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
)
"""Environment variables in which OpenMP and the libraries of linear algebra read their threads."""


@contextmanager
def thread_limit(count: int) -> Iterator[None]:
    """Use at most `count` threads for BLAS, OpenMP and torch within the block.

    With one thread a cell gives the same bytes, however many cells run at the same time. Only
    libraries that are loaded can be limited, so that SciPy, scikit-learn and torch are imported,
    which takes seconds, unless the environment limits them in the same way.

    Args:
        count: number of threads, 1 or more.

    >>> with thread_limit(1):
    ...     total = sum(range(4))
    >>> total
    6
    """
    from threadpoolctl import threadpool_limits

    limited_already = all(os.environ.get(name) == str(count) for name in one_thread())
    if limited_already and "torch" not in sys.modules:
        # torch and the libraries that are loaded within the block read these variables.
        with threadpool_limits(count):
            yield
        return
    for library in ("scipy.linalg", "sklearn"):
        # Each brings a BLAS or an OpenMP of its own.
        import_module(library)
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)


def one_thread() -> dict[str, str]:
    """Environment variables of a process whose libraries use one thread from the start.

    A library's own variable, where a user has set it, counts more than that of OpenMP.

    >>> one_thread()["OMP_NUM_THREADS"]
    '1'
    """
    return dict.fromkeys(VARIABLES, "1")
