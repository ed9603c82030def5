"""Splits by bands of latitude, and by the squares of a checkerboard."""

from __future__ import annotations

import numpy as np

from satclip_bench.benchmarks.splits import feasible
from satclip_bench.benchmarks.splits.base import Fold, SplitCard, SplitInputs, nested_fold
from satclip_bench.benchmarks.splits.blocks import smaller_blocks
from satclip_bench.benchmarks.splits.feasible import advice, with_enough_training
from satclip_bench.benchmarks.splits.inner_folds import (
    FALLBACK,
    FALLBACK_SETTINGS,
    INNER_FOLDS,
    MIN_TEST,
    RULE,
    SETTINGS,
    inner_blocks,
    inner_groups,
    inner_regions,
)
from satclip_bench.core.errors import BenchError

BAND = 30
SQUARE = 10


class LatitudeSplit:
    """One fold per band of latitude; settings are chosen by leaving out the other bands in turn.

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
        f"rule. {RULE} {feasible.RULE}",
        settings={"band_degrees": BAND} | SETTINGS | feasible.SETTINGS,
        version=3,
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """One fold per band, from south to north; the same for every seed.

        Raises:
            BenchError: fewer than two bands have enough points, no inner folds can be made, or a
                training set would be too small.
        """
        try:
            return self._folds(points)
        except BenchError as error:
            smaller = smaller_blocks(points, BAND, seed)
            raise BenchError(f"{error}; {advice(smaller)}") from error

    def _folds(self, points: SplitInputs) -> tuple[Fold, ...]:
        # The pole itself belongs to the band beside it.
        band = np.minimum(np.floor((points.lonlat[:, 1] + 90) / BAND), 180 // BAND - 1)
        bands, group, counts = np.unique(band, return_inverse=True, return_counts=True)
        tested = np.flatnonzero(counts >= MIN_TEST)
        if len(tested) < 2:
            raise BenchError(
                f"latitude needs {MIN_TEST} points or more in two bands of {BAND} degrees"
            )
        south = (bands * BAND - 90).astype(np.int64)
        folds = []
        for number in tested:
            train, inner = inner_regions(points, group, int(number))
            name = f"{south[number]} to {south[number] + BAND}"
            folds.append(nested_fold(name, train, np.flatnonzero(group == number), inner))
        return with_enough_training(self.card.name, points, folds)


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
        "colours: training on one colour, test on the other. Settings are chosen by an inner "
        f"cross-validation with {INNER_FOLDS} folds of whole squares of the training colour (fewer "
        "if there are fewer squares), with classes spread as evenly as the squares allow. If there "
        f"is only one square, {FALLBACK} No test point is far from the training set: the score "
        f"measures interpolation. {feasible.RULE}",
        settings={"square_degrees": SQUARE, "n_inner_folds": INNER_FOLDS}
        | FALLBACK_SETTINGS
        | feasible.SETTINGS,
        version=3,
    )

    def folds(self, points: SplitInputs, seed: int) -> tuple[Fold, ...]:
        """Two folds, named after the colour that is tested.

        Raises:
            BenchError: all points are on squares of one colour or too close together, or a
                training set would be too small.
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
            train = np.flatnonzero(~inside)
            if len(np.unique(square[train])) > 1:
                inner = inner_groups(points, train, square, seed)
            else:
                inner = inner_blocks(points, train, seed)
            folds.append(nested_fold(name, train, np.flatnonzero(inside), inner))
        return with_enough_training(self.card.name, points, folds)
