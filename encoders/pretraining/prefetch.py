"""Prefetching of a batch's images, chunk by chunk, while others are being processed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satclip_bench.encoders.pretraining.sources import Pairs
from satclip_bench.encoders.pretraining.sources.base import InMemory

Rows = NDArray[np.int64]


def split_rows(rows: Rows, size: int | None) -> list[Rows]:
    """Split rows into chunks of a size; a single chunk if the size is None.

    >>> [chunk.tolist() for chunk in split_rows(np.arange(5), 2)]
    [[0, 1], [2, 3], [4]]
    """
    step = size or len(rows)
    return [rows[start : start + step] for start in range(0, len(rows), step)]


@contextmanager
def prefetch(
    pairs: Pairs, chunks: Sequence[Rows], depth: int = 2
) -> Iterator[Iterator[NDArray[Any]]]:
    """Iterate over the images of each chunk in order, reading images on disk in advance.

    Args:
        pairs: images and their locations.
        chunks: rows of each chunk.
        depth: number of chunks that are read in advance.
    """
    if isinstance(pairs.images, InMemory):
        yield (pairs.images.read(chunk) for chunk in chunks)
        return
    with ThreadPoolExecutor(1) as reader:
        waiting: deque[Future[NDArray[Any]]] = deque()

        def arrays() -> Iterator[NDArray[Any]]:
            for chunk in chunks:
                waiting.append(reader.submit(pairs.images.read, chunk))
                if len(waiting) > depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

        try:
            yield arrays()
        finally:
            for future in waiting:
                future.cancel()
