"""Which points are held out of the pretraining."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import equal_area_cells
from satclip_bench.encoders.pretraining.config import HeldOut

Rows = NDArray[np.int64]


def held_out_rows(lonlat: NDArray[np.float64], config: HeldOut, seed: int) -> tuple[Rows, Rows]:
    """Rows to learn from, and rows held out, both in ascending order.

    Blocks are whole cells of equal area, taken in random order until they hold the fraction.

    Raises:
        BenchError: nothing is left to learn from, or fewer than two points are held out.
    """
    rng = np.random.default_rng([seed, 0x4E1D])
    wanted = round(config.fraction * len(lonlat))
    if config.kind == "random":
        order = rng.permutation(len(lonlat))
        held, learned = order[:wanted], order[wanted:]
    else:
        cells = equal_area_cells(lonlat, config.degrees)
        names, counts = np.unique(cells, return_counts=True)
        order = rng.permutation(len(names))
        taken = order[: int(np.searchsorted(np.cumsum(counts[order]), wanted)) + 1]
        inside = np.isin(cells, names[taken])
        held, learned = np.flatnonzero(inside), np.flatnonzero(~inside)
    looked_at = rng.permutation(held)[: config.most]
    if len(looked_at) < 2 or not len(learned):
        raise BenchError(
            f"of {len(lonlat)} points {len(learned)} are left to learn from and {len(looked_at)} "
            "are held out; at least 2 must be: give more points, or change held_out"
        )
    return np.sort(learned), np.sort(looked_at)
