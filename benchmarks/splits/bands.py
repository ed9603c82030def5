"""Splits by bands of latitude, and by the squares of a checkerboard."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.splits.base import Fold, SplitCard, SplitInputs
from satclip_bench.benchmarks.splits.blocks import VALIDATION_FOLDS
from satclip_bench.benchmarks.splits.validation import (
    FALLBACK,
    FALLBACK_SETTINGS,
    MIN_TEST,
    RULE,
    SETTINGS,
    hold_out_blocks,
    hold_out_groups,
    hold_out_regions,
)
from satclip_bench.core.errors import BenchError

BAND = 30
SQUARE = 10


class LatitudeSplit:
    """One fold per band of latitude, which is the test set; other bands are for validation.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> lonlat = np.column_stack([rng.uniform(-180, 180, 2000), rng.uniform(-60, 60, 2000)])
        >>> folds = LatitudeSplit().folds(SplitInputs(lonlat, np.zeros(2000)), seed=0)
        >>> [fold.name for fold in folds]
        ['-60 to -30', '-30 to 0', '0 to 30', '30 to 60']
    """

    card = SplitCard(
        name="latitude",
        title="Latitude bands",
        description=f"Training at other latitudes, test in a band of {BAND} degrees. A band with "
        f"fewer than {MIN_TEST} points is never tested. Bands are the regions of the following "
        f"rule. {RULE}",
        settings={"band_degrees": BAND} | SETTINGS,
        version=2,
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """One fold per band, from south to north.

        Raises:
            BenchError: fewer than two bands have enough points, or no validation set can be held
                out.
        """
        # The pole itself belongs to the band beside it.
        band = np.minimum(np.floor((points.lonlat[:, 1] + 90) / BAND), 180 // BAND - 1)
        bands, group, counts = np.unique(band, return_inverse=True, return_counts=True)
        tested = np.flatnonzero(counts >= MIN_TEST)
        if len(tested) < 2:
            raise BenchError(
                f"latitude needs {MIN_TEST} points or more in two bands of {BAND} degrees"
            )
        south = (bands * BAND - 90).astype(np.int64)
        return tuple(
            Fold(
                f"{south[number]} to {south[number] + BAND}",
                *hold_out_regions(points, group, int(number), seed),
                np.flatnonzero(group == number),
            )
            for number in tested
        )


class CheckerboardSplit:
    """Two folds: training on the squares of one colour, test on the other colour.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> lonlat = np.column_stack([rng.uniform(-180, 180, 2000), rng.uniform(-60, 60, 2000)])
        >>> folds = CheckerboardSplit().folds(SplitInputs(lonlat, np.zeros(2000)), seed=0)
        >>> [fold.name for fold in folds]
        ['black', 'white']
    """

    card = SplitCard(
        name="checkerboard",
        title=f"Checkerboard of {SQUARE}°",
        description=f"Squares of {SQUARE} degrees of longitude and latitude with alternating "
        f"colours: training on one colour, test on the other. One square in {VALIDATION_FOLDS} of "
        "the training colour (or one, if there are fewer) is for validation as a whole, with "
        "classes spread as evenly as the squares allow. If there is only one square, "
        f"{FALLBACK} No test point is far from the training set: the score measures interpolation.",
        settings={"square_degrees": SQUARE, "validation_fraction": 1 / VALIDATION_FOLDS}
        | FALLBACK_SETTINGS,
        version=2,
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """Two folds, named after the colour that is tested.

        Raises:
            BenchError: all points are on squares of one colour, or too close together.
        """
        # 360 degrees are an even number of squares, so that colours alternate at the antimeridian.
        column = np.floor(np.mod(points.lonlat[:, 0] + 180, 360) / SQUARE)
        row = np.minimum(np.floor((points.lonlat[:, 1] + 90) / SQUARE), 180 // SQUARE - 1)
        square = (row * (360 // SQUARE) + column).astype(np.int64)
        black = (column + row) % 2 == 0
        if black.all() or not black.any():
            raise BenchError("checkerboard needs points on squares of both colours")
        folds = []
        for name, inside in (("black", black), ("white", ~black)):
            rest = np.flatnonzero(~inside)
            if len(np.unique(square[rest])) > 1:
                train, validation = hold_out_groups(points, rest, square, seed)
            else:
                train, validation = hold_out_blocks(points, rest, seed)
            folds.append(Fold(name, train, validation, np.flatnonzero(inside)))
        return tuple(folds)
