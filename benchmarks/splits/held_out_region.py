"""Whole regions held out: continents, census regions, or equal-area blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.splits.base import Fold, SplitCard, SplitInputs
from satclip_bench.benchmarks.splits.validation import MIN_TEST, RULE, SETTINGS, hold_out_too
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import equal_area_cells


class HeldOutRegionSplit:
    """One fold a region: train on others, choose on others still, test there."""

    card = SplitCard(
        name="held-out-region",
        title="Held-out region",
        description="Train on other regions, test on one: a score of extrapolation. A region with "
        f"fewer than {MIN_TEST} points is never tested; its points stay in the rest. {RULE}",
        settings=SETTINGS,
        version=2,
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """A fold for every region, by name.

        Raises:
            BenchError: neither regions nor blocks are given, fewer than two are large enough, or no
                validation part can be held out of the rest.
        """
        names, group, counts = np.unique(regions(points), return_inverse=True, return_counts=True)
        held = np.flatnonzero(counts >= MIN_TEST)
        if len(held) < 2:
            raise BenchError(
                f"holding out a region needs two regions of {MIN_TEST} points or more; "
                f"there are {dict(zip(names.tolist(), counts.tolist(), strict=True))}"
            )
        return tuple(
            Fold(
                str(names[number]),
                *hold_out_too(points, group, int(number), seed),
                np.flatnonzero(group == number),
            )
            for number in held
        )


def regions(points: SplitInputs) -> NDArray[np.str_]:
    """The region of each point, `(N,)`: as given, or equal-area blocks named after their centre.

    Raises:
        BenchError: the points have neither regions nor a size of blocks.
    """
    if points.region is not None:
        return points.region
    if points.block_degrees is None:
        raise BenchError("these points have neither regions nor a size of equal-area blocks")
    cells = equal_area_cells(points.lonlat, points.block_degrees)
    names = np.empty(len(points), dtype="<U16")
    for cell in np.unique(cells):
        inside = cells == cell
        # Blocks here are regional, far from the antimeridian, where a plain mean would be wrong.
        lon, lat = points.lonlat[inside].mean(axis=0)
        names[inside] = f"{_degrees(lat, 'NS')} {_degrees(lon, 'EW')}"
    return names


def _degrees(angle: float, letters: str) -> str:
    return f"{abs(angle):.1f}{letters[int(angle < 0)]}"
