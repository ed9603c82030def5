"""Images of a batch, part by part, read while others are computed with."""

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


def in_parts(rows: Rows, size: int | None) -> list[Rows]:
    """Rows in parts of a size; all in one where there is none."""
    step = size or len(rows)
    return [rows[start : start + step] for start in range(0, len(rows), step)]


@contextmanager
def read_ahead(
    pairs: Pairs, parts: Sequence[Rows], depth: int = 2
) -> Iterator[Iterator[NDArray[Any]]]:
    """The images of each part in order; those on disk are read while others are computed with."""
    if isinstance(pairs.images, InMemory):
        yield (pairs.images.read(part) for part in parts)
        return
    with ThreadPoolExecutor(1) as reader:
        waiting: deque[Future[NDArray[Any]]] = deque()

        def arrays() -> Iterator[NDArray[Any]]:
            coming = iter(parts)
            for part in coming:
                waiting.append(reader.submit(pairs.images.read, part))
                if len(waiting) > depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

        try:
            yield arrays()
        finally:
            for future in waiting:
                future.cancel()
