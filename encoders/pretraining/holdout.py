"""Points that are held out of a pretraining for evaluation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import equal_area_cells
from satclip_bench.encoders.pretraining.config import HeldOut

Rows = NDArray[np.int64]


def held_out_rows(lonlat: NDArray[np.float64], config: HeldOut, seed: int) -> tuple[Rows, Rows]:
    """Split rows into training rows and evaluated held-out rows, both in ascending order.

    Blocks are whole cells of equal area, which are held out in random order until they contain the
    requested fraction of the points.

    Args:
        lonlat: `(N, 2)` degrees, longitude first.
        config: fraction and kind of the held-out points.
        seed: seed of the random choice.

    Raises:
        BenchError: no training rows are left, or fewer than two points are held out.
    """
    rng = np.random.default_rng([seed, 0x4E1D])
    count = round(config.fraction * len(lonlat))
    if config.kind == "random":
        order = rng.permutation(len(lonlat))
        held_out, training = order[:count], order[count:]
    else:
        cells = equal_area_cells(lonlat, config.degrees)
        names, counts = np.unique(cells, return_counts=True)
        order = rng.permutation(len(names))
        taken = order[: int(np.searchsorted(np.cumsum(counts[order]), count)) + 1]
        inside = np.isin(cells, names[taken])
        held_out, training = np.flatnonzero(inside), np.flatnonzero(~inside)
    evaluated = rng.permutation(held_out)[: config.most]
    if len(evaluated) < 2 or not len(training):
        raise BenchError(
            f"of {len(lonlat)} points, {len(training)} are left for training and {len(evaluated)} "
            "are held out; at least 2 must be: give more points, or change held_out"
        )
    return np.sort(training), np.sort(evaluated)
