"""Whole regions held out: continents, census regions, or equal-area blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satclip_bench.benchmarks.splits import feasible
from satclip_bench.benchmarks.splits.base import Fold, SplitCard, SplitInputs, nested_fold
from satclip_bench.benchmarks.splits.feasible import with_enough_training
from satclip_bench.benchmarks.splits.inner_folds import MIN_TEST, RULE, SETTINGS, inner_regions
from satclip_bench.core.errors import BenchError
from satclip_bench.core.sphere import equal_area_cells

NAMES_AT_ONCE = 2**18
"""Number of names of regions that are sorted at once: 17 MB of 16 characters."""
MAX_DECIMALS = 12
"""Maximum number of decimals of a centre in degrees: a tenth of a micrometre."""


class HeldOutRegionSplit:
    """One fold per region, which is the test set; settings are chosen by leaving out the others.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> lonlat = np.column_stack([rng.uniform(-180, 180, 2000), rng.uniform(-60, 60, 2000)])
        >>> region = np.where(lonlat[:, 0] < 0, "west", "east")
        >>> points = SplitInputs(lonlat, np.zeros(2000), region)
        >>> [fold.name for fold in HeldOutRegionSplit().folds(points, seed=0)]
        ['east', 'west']
    """

    card = SplitCard(
        name="held-out-region",
        title="Held-out region",
        description="Training on other regions, test on one: the score measures extrapolation. A "
        f"region with fewer than {MIN_TEST} points is never tested, and its points are used for "
        f"training. {RULE} {feasible.RULE}",
        settings=SETTINGS | feasible.SETTINGS,
        version=3,
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """One fold per region, in alphabetical order; the same for every seed.

        Raises:
            BenchError: the points have neither regions nor blocks, fewer than two regions are large
                enough, no inner folds can be made, or a training set would be too small.
        """
        names, group = numbered(regions(points))
        counts = np.bincount(group)
        tested = np.flatnonzero(counts >= MIN_TEST)
        if len(tested) < 2:
            raise BenchError(
                f"holding out a region needs two regions of {MIN_TEST} points or more; "
                f"there are {dict(zip(names.tolist(), counts.tolist(), strict=True))}"
            )
        folds = []
        for number in tested:
            train, inner = inner_regions(points, group, int(number))
            test = np.flatnonzero(group == number)
            folds.append(nested_fold(str(names[number]), train, test, inner))
        return with_enough_training(self.card.name, points, folds)


def numbered(
    names: NDArray[np.str_], block: int = NAMES_AT_ONCE
) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """The different names in alphabetical order, and the number of each point's name, `(N,)`.

    Args:
        names: `(N,)` names, of which few are different. They are sorted a block at a time, because
            names take a multiple of the memory of their numbers.
        block: number of names in a block.

    Examples:
        >>> different, number = numbered(np.array(["b", "a", "b"]), block=2)
        >>> different.tolist(), number.tolist()
        (['a', 'b'], [1, 0, 1])
    """
    parts = [names[start : start + block] for start in range(0, max(len(names), 1), block)]
    different = np.unique(np.concatenate([np.unique(part) for part in parts]))
    number = np.concatenate([np.searchsorted(different, part) for part in parts])
    return different, number.astype(np.int64, copy=False)


def regions(points: SplitInputs) -> NDArray[np.str_]:
    """Region of each point, `(N,)`: the given names, or equal-area blocks named after their centre.

    The centre of a block is the mean of its points, in degrees with one decimal, or with as many as
    all blocks need to have different names.

    Raises:
        BenchError: the points have neither regions nor a block size.

    Examples:
        >>> lonlat = np.array([[-120.0, 36.0], [-120.2, 36.2], [-122.0, 38.0]])
        >>> regions(SplitInputs(lonlat, np.zeros(3), block_degrees=1.0))
        array(['36.1N 120.1W', '36.1N 120.1W', '38.0N 122.0W'], dtype='<U12')
    """
    if points.region is not None:
        return points.region
    if points.block_degrees is None:
        raise BenchError(
            "these points have neither regions nor a size of equal-area blocks: choose another "
            "split, or give the region of every point"
        )
    blocks = equal_area_cells(points.lonlat, points.block_degrees)
    index, counts = np.unique(blocks, return_inverse=True, return_counts=True)[1:]
    # Blocks end at the antimeridian, and points on it are in the westernmost block.
    lon = np.where(points.lonlat[:, 0] == 180, -180.0, points.lonlat[:, 0])
    lat = points.lonlat[:, 1]
    centres = np.stack([np.bincount(index, axis) / counts for axis in (lon, lat)], axis=1)
    return _names(centres)[index]


def _names(centres: NDArray[np.float64]) -> NDArray[np.str_]:
    """Different names of centres, `(B,)`, with the fewest decimals that tell them apart."""
    for decimals in range(1, MAX_DECIMALS + 1):
        names = [
            f"{_degrees(lat, 'NS', decimals)} {_degrees(lon, 'EW', decimals)}"
            for lon, lat in centres.tolist()
        ]
        if len(set(names)) == len(names):
            break
    return np.array(names)


def _degrees(angle: float, letters: str, decimals: int) -> str:
    return f"{abs(angle):.{decimals}f}{letters[int(angle < 0)]}"
