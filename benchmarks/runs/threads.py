"""Limit of the threads that NumPy and torch use, so that results do not depend on the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def thread_limit(count: int) -> Iterator[None]:
    """Use at most `count` threads for BLAS, OpenMP and torch within the block.

    With one thread a cell gives the same bytes, however many cells run at the same time.

    Args:
        count: number of threads, 1 or more.

    >>> with thread_limit(1):
    ...     total = sum(range(4))
    >>> total
    6
    """
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)
