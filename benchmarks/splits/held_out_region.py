"""Whole regions held out: continents, census regions, or equal-area blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.splits.base import Fold, Points, SplitCard, part_rows
from core.errors import BenchError
from core.sphere import equal_area_cells

VALIDATION = 0.25
MIN_TEST = 100


class HeldOutRegionSplit:
    """One fold a region: train on all the others, test there."""

    card = SplitCard(
        name="held-out-region",
        title="Held-out region",
        description="Train on all regions but one, test on that one: a score of extrapolation. "
        f"{VALIDATION:.0%} of the rest is for validation, at random. A region with fewer than "
        f"{MIN_TEST} points is never held out; its points stay in the rest.",
        settings={"validation": VALIDATION, "min_test": MIN_TEST},
    )

    def folds(self, points: Points, seed: int) -> tuple[Fold, ...]:
        """A fold for every region, by name.

        Raises:
            BenchError: neither regions nor blocks are given, or fewer than two are large enough.
        """
        region = regions(points)
        names, counts = np.unique(region, return_counts=True)
        held = [str(n) for n, count in zip(names, counts, strict=True) if count >= MIN_TEST]
        if len(held) < 2:
            raise BenchError(
                f"holding out a region needs two regions of {MIN_TEST} points or more; "
                f"there are {dict(zip(names.tolist(), counts.tolist(), strict=True))}"
            )
        folds = []
        for number, name in enumerate(held):
            rng = np.random.default_rng([seed, number])
            inside = region == name
            validation, train = part_rows(np.flatnonzero(~inside), VALIDATION, rng)
            folds.append(Fold(name, train, validation, np.flatnonzero(inside)))
        return tuple(folds)


def regions(points: Points) -> NDArray[np.str_]:
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
