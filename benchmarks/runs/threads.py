"""Limit of the threads that NumPy and torch use, so that results do not depend on the machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def thread_limit(count: int) -> Iterator[None]:
    """Use at most `count` threads for BLAS, OpenMP and torch within the block.

    With one thread a cell gives the same bytes, however many cells run at the same time. torch is
    imported, which takes seconds, unless the environment limits its threads in the same way.

    Args:
        count: number of threads, 1 or more.

    >>> with thread_limit(1):
    ...     total = sum(range(4))
    >>> total
    6
    """
    from threadpoolctl import threadpool_limits

    if "torch" not in sys.modules and all(
        os.environ.get(name) == str(count) for name in one_thread()
    ):
        # torch and the libraries that are loaded within the block read these variables.
        with threadpool_limits(count):
            yield
        return
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

    >>> one_thread()
    {'OMP_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1'}
    """
    return {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
